"""Owns the wide repertoire of steps that goals are attempted with, the cheap and simple ones first.

It is wider than the symbolic portfolio of the product: it has time, and a model learns from what works.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from llmstep_lsp.domain.lexing import tokens
from llmstep_lsp.domain.model import Goal, Hypothesis

_INACCESSIBLE = "✝"
REST = " <;> omega"
"""What is put behind a step for goals that it may leave."""


@dataclass(frozen=True)
class Surroundings:
    """What a file offers to a goal: its definitions and types, and the lemmas that are proved by now."""

    definitions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    lemmas: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ruled:
    """A step with a set of rewrite rules, of which `lemmas` may not all be needed."""

    before: str
    rules: tuple[str, ...]
    lemmas: tuple[str, ...]
    after: str = ""

    @property
    def text(self) -> str:
        """The step."""
        rules = ", ".join([*self.rules, *self.lemmas])
        return f"{self.before} [{rules}]{self.after}" if rules else self.before + self.after


def closing(goal: Goal, around: Surroundings, *, root: bool) -> Iterator[list[Ruled]]:
    """Steps that may close `goal`, in batches, the simplest first; inductions only at the `root`."""
    rules = near_definitions(goal, around)
    lemmas = around.lemmas
    facts, objects = named(goal)
    plain = ["rfl", "omega", "decide", "assumption", "contradiction"]
    yield [*map(_plain, plain), Ruled("simp", rules, ()), *([Ruled("simp_all", rules, ())] if facts else [])]
    yield [
        Ruled("grind", rules, ()),
        Ruled("simp_all", rules, ()),
        Ruled("simp", rules, (), REST),
        Ruled("simp_all", rules, (), REST),
        *(_plain(f"exact {fact}") for fact in facts),
        *([Ruled("simp", rules, tuple(facts))] if facts else []),
        *(Ruled("simp", rules, (), f" at {fact} ⊢{REST}") for fact in facts[:1]),
    ]
    variables = splittable(goal, objects, around) if root else []
    for name in variables:
        yield list(_eliminations(goal, name, objects, rules, lemmas))
    if lemmas:
        yield [*(_plain(f"exact {lemma} ..") for lemma in lemmas), *(_plain(f"rw [{one}]") for one in lemmas)]
        yield [
            Ruled("simp", (), lemmas),
            Ruled("simp", rules, lemmas),
            Ruled("simp_all", rules, lemmas),
            Ruled("grind", rules, lemmas),
            Ruled("simp", rules, lemmas, REST),
        ]
    if "if " in goal.target:
        yield [_plain("split <;> simp_all"), Ruled("split <;> simp_all", rules, lemmas)]
    if not root:
        return
    for call in _calls(goal, around):
        yield [
            Ruled(f"fun_induction {call} <;> simp_all", rules, ()),
            Ruled(f"fun_induction {call} <;> grind", rules, ()),
            *([Ruled(f"fun_induction {call} <;> simp_all", rules, lemmas)] if lemmas else []),
        ]
    if lemmas:  # one of which may have been in the way
        for name in variables:
            yield list(_eliminations(goal, name, objects, rules, ()))


def advancing(goal: Goal, around: Surroundings) -> list[str]:
    """Steps that may bring `goal` nearer to a proof."""
    facts, objects = named(goal)
    found: list[str] = []
    if goal.target.startswith("∀") or "→" in goal.target:
        found.append("intros")
    for name in splittable(goal, objects, around):
        others = " ".join(one for one in objects if one != name)
        found.append(f"induction {name}")
        if others:
            found.append(f"induction {name} generalizing {others}")
        found.append(f"cases {name}")
    if "if " in goal.target or "match " in goal.target:
        found.append("split")
    found += [f"rw [{lemma}]" for lemma in around.lemmas]
    found += [f"unfold {definition}" for definition in near_definitions(goal, around)]
    found += [f"cases {fact}" for fact in facts]
    found.append("constructor")
    return found


def _eliminations(
    goal: Goal, name: str, objects: Sequence[str], rules: tuple[str, ...], lemmas: tuple[str, ...]
) -> Iterator[Ruled]:
    """Induction on or cases of a variable, and what may finish each of the goals."""
    others = " ".join(one for one in objects if one != name and one in tokens(goal.text))
    heads = [f"induction {name}", *([f"induction {name} generalizing {others}"] if others else [])]
    for head in heads:
        yield Ruled(f"{head} <;> simp_all", rules, lemmas)
        yield Ruled(f"{head} <;> simp_all", rules, lemmas, REST)
        yield Ruled(f"{head} <;> grind", rules, lemmas)
    yield Ruled(f"cases {name} <;> simp_all", rules, lemmas)
    yield Ruled(f"cases {name} <;> grind", rules, lemmas)


def named(goal: Goal) -> tuple[list[str], list[str]]:
    """The accessible names in the context of `goal`: of facts, and of other things."""
    facts: list[str] = []
    objects: list[str] = []
    for hypothesis in goal.hypotheses:
        names = [name for name in hypothesis.names if _INACCESSIBLE not in name]
        if _is_fact(hypothesis):
            facts += names
        elif not re.match(r"(?:Type|Sort|Prop)\b", hypothesis.type):
            objects += names
    return facts, objects


def near_definitions(goal: Goal, around: Surroundings) -> tuple[str, ...]:
    """The file's definitions that `goal` mentions, in the file's order."""
    mentioned = set(tokens(goal.text))
    return tuple(one for one in around.definitions if one in mentioned)


def splittable(goal: Goal, objects: Sequence[str], around: Surroundings) -> list[str]:
    """The variables of inductive types in `goal`; first those that a function is applied to in the target."""
    kinds = {name: h.type for h in goal.hypotheses for name in h.names}
    known = {"Nat", "Bool", "List Nat", *around.types}
    variables = [name for name in objects if kinds[name] in known]
    words = tokens(goal.target)
    direct = [
        after for before, after in pairwise(words) if before in around.definitions and after in variables
    ]
    mentioned = set(words)
    return sorted(
        variables, key=lambda name: (name not in direct, name not in mentioned, variables.index(name))
    )


def _calls(goal: Goal, around: Surroundings) -> list[str]:
    """Applications of the file's functions to variables alone, as `fun_induction` wants them."""
    _, objects = named(goal)
    found = re.findall(r"(?<![\w.'])([\w']+)((?: [\w']+)+)", goal.target)
    calls = [
        f"{head}{arguments}"
        for head, arguments in found
        if head in around.definitions and set(arguments.split()) <= set(objects)
    ]
    return list(dict.fromkeys(calls))


def _plain(text: str) -> Ruled:
    return Ruled(text, (), ())


def _is_fact(hypothesis: Hypothesis) -> bool:
    return bool(re.search(r"[=≠<>≤≥∈∣∧∨¬↔∃∀]|(?:^|\s)(?:True|False)(?:\s|$)", hypothesis.type))
