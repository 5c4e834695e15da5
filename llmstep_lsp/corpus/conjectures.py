"""Owns what is conjectured about a theory: equations and more that hold for all values they are tested on.

Terms are made from small to large and told apart by what they come to, as in QuickSpec (Claessen,
Smallbone and Hughes, 2010): two that always agree are an equation, and only the smaller one is
built upon, so what follows by rewriting with an earlier equation is not conjectured again.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from llmstep_lsp.corpus.language import (
    BOOL,
    NAT,
    OPERATORS,
    Application,
    Evaluator,
    Term,
    Theory,
    TooMuchError,
    Value,
    Variable,
    heads,
    variables,
)
from llmstep_lsp.corpus.rendering import binders, term
from llmstep_lsp.corpus.theories import sample, variable_names

_ASSIGNMENTS = 30
_LARGEST_TERM = 7
_MOST_TERMS = 700
# Of how many assignments the hypothesis of an implication must hold.
_ENOUGH = 6
_TRIES = 400
# On how many more assignments a conjecture is tested before it is made.
_TESTS = 300


@dataclass(frozen=True)
class Conjecture:
    """A statement about the functions of a theory: `hypothesis → left relation right`, for all variables."""

    left: Term
    relation: str
    right: Term
    hypothesis: tuple[Term, str, Term] | None = None

    @property
    def terms(self) -> tuple[Term, ...]:
        """All terms in it."""
        inner = (self.hypothesis[0], self.hypothesis[2]) if self.hypothesis else ()
        return (*inner, self.left, self.right)


def statement(one: Conjecture) -> str:
    """The conjecture as what follows the name of a theorem: binders, colon, proposition."""
    bound = binders(variables(*one.terms))
    hypothesis = ""
    if one.hypothesis:
        left, relation, right = one.hypothesis
        hypothesis = f" (h : {_side(left)} {relation} {_side(right)})"
    return f"{bound}{hypothesis} : {_side(one.left)} {one.relation} {_side(one.right)}"


def _side(one: Term) -> str:
    """A term as a side of a relation, which binds tighter than some operators do."""
    text = term(one)
    return f"({text})" if isinstance(one, Application) and one.head in {"!", "&&", "||", "==", "if"} else text


def conjectures(theory: Theory, count: int, rng: random.Random) -> list[Conjecture]:
    """At most `count` conjectures about the functions of `theory`, simple ones first."""
    explorer = _Explorer(theory, rng)
    equations = list(filter(explorer.holds, explorer.equations()))
    own = {function.name for function in theory.functions}
    telling = [one for one in equations if not _is_defining(theory, one)]
    defining = [one for one in equations if _is_defining(theory, one)]
    rng.shuffle(defining)
    inequalities = list(filter(explorer.holds, explorer.inequalities()))
    implications = list(filter(explorer.holds, explorer.implications()))
    few = max(1, count // 6)
    chosen = [*defining[:few], *inequalities[:few], *implications[:few]]
    chosen += _spread(telling, own, count - len(chosen), rng)
    return sorted(chosen, key=lambda one: sum(map(_size, one.terms)))


def _spread(found: Sequence[Conjecture], own: set[str], count: int, rng: random.Random) -> list[Conjecture]:
    """Up to `count` of `found`, not too many about the same functions."""
    groups: Counter[frozenset[str]] = Counter()
    chosen: list[Conjecture] = []
    for one in [*found[: count // 2], *rng.sample(found[count // 2 :], max(0, len(found) - count // 2))]:
        about = frozenset(head for part in one.terms for head in heads(part)) & own
        if len(chosen) < count and groups[about] < max(2, count // 3):
            groups[about] += 1
            chosen.append(one)
    return chosen


def _is_defining(theory: Theory, one: Conjecture) -> bool:
    """Whether a clause of a definition says it, more or less."""
    if not isinstance(one.left, Application) or (function := theory.function(one.left.head)) is None:
        return False
    return isinstance(one.left.arguments[function.on], Application) and not (
        heads(one.left.arguments[function.on]) & {f.name for f in theory.functions}
    )


class _Explorer:
    """The terms of a theory, told apart by what they come to under random assignments."""

    def __init__(self, theory: Theory, rng: random.Random) -> None:
        self._theory = theory
        self._rng = rng
        self._evaluator = Evaluator(theory)
        self._own = {function.name for function in theory.functions}
        self._heads = _heads(theory)
        kinds = {kind for fields, result in self._heads.values() for kind in (*fields, result)}
        self._variables = [
            Variable(name, kind) for kind in sorted(kinds) for name in variable_names(kind, theory)
        ]
        self._assignments: list[Mapping[str, Value]] = [
            {v.name: sample(theory, v.kind, rng, 3 + i % 6) for v in self._variables}
            for i in range(_ASSIGNMENTS)
        ]
        # By what they come to: the smallest term; and by size and type: terms to build upon.
        self._first: dict[tuple[str, tuple[Value, ...]], Term] = {}
        self._values: dict[Term, tuple[Value, ...]] = {}
        self._sized: dict[tuple[int, str], list[Term]] = {}
        # The greater sides of the equations found: what one of them fits need not be said again.
        self._patterns: list[Term] = []

    def equations(self) -> Iterator[Conjecture]:
        """Equations that hold under all assignments, between a term and the smallest one equal to it."""
        for variable in self._variables:
            self._take(variable, 1)
        for size in range(1, _LARGEST_TERM + 1):
            for one in self._terms(size):
                equal = self._take(one, size)
                if equal is None or not set(variables(equal)) <= set(variables(one)):
                    continue
                if any(_is_instance(one, pattern, {}) for pattern in self._patterns):
                    continue
                self._patterns.append(one)
                if heads(one) & self._own and variables(one):
                    yield Conjecture(one, "=", equal)
                elif heads(equal) & self._own:
                    yield Conjecture(equal, "=", one)
            if len(self._values) > _MOST_TERMS:
                return

    def inequalities(self) -> list[Conjecture]:
        """Inequalities between numbers, at least one made by the theory's functions."""
        numbers = [one for one in self._values if one.kind == NAT]
        found: dict[Conjecture, None] = {}
        for _ in range(_TRIES):
            if len(numbers) < 2:  # noqa: PLR2004
                break
            low, high = self._rng.sample(numbers, 2)
            if not (heads(low) | heads(high)) & self._own or not variables(low, high):
                continue
            pairs = list(zip(self._values[low], self._values[high], strict=True))
            if all(a <= b for a, b in pairs) and len(set(self._values[low])) > 2:  # type: ignore[operator]  # noqa: PLR2004
                found[Conjecture(low, "≤", high)] = None
        return list(found)

    def implications(self) -> list[Conjecture]:
        """Equations that hold under a hypothesis, which does not always hold."""
        known = list(self._values)
        conditions = [one for one in known if one.kind in {BOOL, NAT} and heads(one) & self._own]
        found: dict[Conjecture, None] = {}
        for _ in range(_TRIES):
            if not conditions:
                break
            condition, left = self._rng.choice(conditions), self._rng.choice(known)
            if not heads(left) & self._own or condition == left:
                continue
            value = self._rng.choice(("true", "false")) if condition.kind == BOOL else "0"
            wanted = {"true": True, "false": False, "0": 0}[value]
            holding = [i for i, v in enumerate(self._values[condition]) if v == wanted]
            shared = set(variables(condition)) & set(variables(left))
            if not shared or not _ENOUGH <= len(holding) < _ASSIGNMENTS:
                continue
            under = tuple(self._values[left][i] for i in holding)
            for right in known:
                if (
                    right.kind == left.kind
                    and _size(right) < _size(left)
                    and tuple(self._values[right][i] for i in holding) == under
                    and set(variables(right)) <= set(variables(condition, left))
                ):
                    constant = Application(value, (), condition.kind)
                    found[Conjecture(left, "=", right, (condition, "=", constant))] = None
                    break
        return list(found)

    def holds(self, one: Conjecture) -> bool:
        """Whether it holds under many more assignments, larger ones among them."""
        used = variables(*one.terms)
        for i in range(_TESTS):
            values = {v.name: sample(self._theory, v.kind, self._rng, 2 + i % 8) for v in used}
            try:
                if one.hypothesis:
                    given, _, wanted = one.hypothesis
                    if self._evaluator.value(given, values) != self._evaluator.value(wanted, values):
                        continue
                left, right = (self._evaluator.value(side, values) for side in (one.left, one.right))
            except TooMuchError:
                continue
            if not (left <= right if one.relation == "≤" else left == right):  # type: ignore[operator]
                return False
        return True

    def _terms(self, size: int) -> Iterator[Term]:
        """The applications of so many heads and variables to terms that are the smallest of their kind."""
        for head, (fields, result) in self._heads.items():
            for sizes in _partitions(size - 1, len(fields)):
                choices = [self._sized.get((n, kind), []) for n, kind in zip(sizes, fields, strict=True)]
                for arguments in product(*choices):
                    yield Application(head, arguments, result)

    def _take(self, one: Term, size: int) -> Term | None:
        """Keep `one` if it comes to something new; else the term that it is equal to."""
        if len(self._values) > _MOST_TERMS:
            return None
        try:
            values = tuple(self._evaluator.value(one, assignment) for assignment in self._assignments)
        except TooMuchError:
            return None
        first = self._first.setdefault((one.kind, values), one)
        if first is not one:
            return first
        self._values[one] = values
        self._sized.setdefault((size, one.kind), []).append(one)
        return None


def _heads(theory: Theory) -> dict[str, tuple[tuple[str, ...], str]]:
    """What terms are made of: the theory's functions and constructors, and Lean's operators on its types."""
    found: dict[str, tuple[tuple[str, ...], str]] = {}
    for kind in theory.types:
        found |= {kind.head(i): (c.fields, kind.name) for i, c in enumerate(kind.constructors)}
    for function in theory.functions:
        found[function.name] = (tuple(p.kind for p in function.parameters), function.result)
    kinds = {kind for fields, result in found.values() for kind in (*fields, result)}
    operators = ("0", "succ", "+", "*", "true", "!", "&&", "||", "[]", "::", "++", "max")
    for head in operators:
        fields, result = OPERATORS[head]
        if {*fields, result} <= kinds:
            found[head] = (fields, result)
    return found


def _partitions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to write `total` as a sum of so many numbers from 1."""
    if parts == 0:
        if total == 0:
            yield ()
        return
    for first in range(1, total - parts + 2):
        yield from ((first, *rest) for rest in _partitions(total - first, parts - 1))


def _size(one: Term) -> int:
    return 1 + sum(map(_size, one.arguments)) if isinstance(one, Application) else 1


def _is_instance(one: Term, pattern: Term, bound: dict[Variable, Term]) -> bool:
    """Whether `one` is `pattern` with terms for its variables, which are added to `bound`."""
    if isinstance(pattern, Variable):
        return pattern.kind == one.kind and bound.setdefault(pattern, one) == one
    return (
        isinstance(one, Application)
        and one.head == pattern.head
        and all(_is_instance(a, b, bound) for a, b in zip(one.arguments, pattern.arguments, strict=True))
    )
