"""Owns the fixed portfolio of steps that need no model: what an expert tries first, cheap ones first."""

import re
from collections.abc import AsyncGenerator, Iterator, Sequence

from llmstep_lsp.domain.lexing import tokens
from llmstep_lsp.domain.model import Candidate, Goal, Hypothesis
from llmstep_lsp.domain.retrieval import declarations, nearest
from llmstep_lsp.ports import Question

_BINDER = re.compile(r"∀ (?:\(?\{?\[?)(?P<names>[^:,∀∃→]*?)(?: : [^,]*)?[\)\}\]]?, ")
_INACCESSIBLE = "✝"
_NEAREST = 6


class SymbolicGenerator:
    """Implements `Generator`; the same question always gets the same answer."""

    name = "symbolic"

    async def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        """As the port says; never fails."""
        if not question.goals:
            return
        goal = question.goals[0]
        told: set[str] = set()

        def untold(proposed: Iterator[str]) -> Iterator[Candidate]:
            for text in proposed:
                if len(told) == question.count:
                    return
                if text.startswith(question.prefix) and text not in told:
                    told.add(text)
                    yield Candidate(text, self.name)

        for candidate in untold(quick(goal, question.context)):
            yield candidate
        library = await question.lemmas()
        for candidate in untold(thorough(goal, question.context, library)):
            yield candidate

    async def aclose(self) -> None:
        """Nothing is held."""


def quick(goal: Goal, context: str) -> Iterator[str]:
    """Steps for `goal`, given the file's text above it, that Lean judges in no time."""
    facts, _ = _sorted_hypotheses(goal)
    definitions, lemmas = _nearby(goal, context)
    yield from _immediate(goal, facts)
    yield from _introductions(goal)
    yield from ["simp", "omega", "decide"]
    yield from _shaped(goal)
    if definitions:
        yield f"simp [{', '.join(definitions)}]"
    yield "simp_all"
    if facts:
        yield f"simp [{', '.join([*definitions, *facts])}]"
    yield from (f"exact {lemma}" for lemma in lemmas)
    yield from (f"apply {fact}" for fact in facts)
    yield from (f"{tactic} [{fact}]" for fact in facts for tactic in ("rw", "simp"))
    yield from (f"{step} {fact}" for step in ("simp at", "simpa using") for fact in facts)
    yield from (f"rw [← {fact}]" for fact in facts if _is_equation(goal, fact))


def thorough(goal: Goal, context: str, library: Sequence[str]) -> Iterator[str]:
    """More steps for `goal`, by lemmas of the file and of the `library`, by cases, and by search."""
    facts, objects = _sorted_hypotheses(goal)
    definitions, lemmas = _nearby(goal, context)
    yield from (f"{tactic} [{lemma}]" for lemma in lemmas for tactic in ("rw", "simp"))
    yield from (f"exact {lemma} .." for lemma in library)
    yield from (f"apply {lemma}" for lemma in lemmas)
    yield from _eliminations(goal, facts, objects, ", ".join(definitions))
    yield "grind"
    yield from (f"{tactic} [{lemma}]" for lemma in library for tactic in ("rw", "simp"))
    yield from (f"apply {lemma}" for lemma in library)
    yield from (f"unfold {definition}" for definition in definitions)
    yield from ["contradiction", "funext x", "ext x"]
    yield from ["simp?", "exact?"]


def _immediate(goal: Goal, facts: Sequence[str]) -> Iterator[str]:
    """Steps that close a goal at a glance."""
    yield from (f"exact {name}" for name in _names_of_type(goal, goal.target))
    yield "rfl"
    if goal.target == "True":
        yield "trivial"
    yield from (f"exact {fact}.symm" for fact in facts if _mirrored(_type_of(goal, fact), goal.target))
    yield from (f"exact absurd {fact} {negated}" for fact, negated in _contradictions(goal, facts))
    yield "assumption"


def _introductions(goal: Goal) -> Iterator[str]:
    names = _binder_names(goal)
    if names:
        yield f"intro {' '.join(names)}"
    if len(names) > 1:
        yield f"intro {names[0]}"


def _shaped(goal: Goal) -> Iterator[str]:
    """Steps that the outermost connective of the target suggests."""
    facts, _ = _sorted_hypotheses(goal)
    if "∧" in goal.target:
        pairs = [p for p in _split(goal.target, "∧") if p]
        owners = [next((f for f in facts if _type_of(goal, f) == part), None) for part in pairs]
        if len(pairs) > 1 and all(owners):
            yield f"exact ⟨{', '.join(str(owner) for owner in owners)}⟩"
    if "∨" in goal.target:
        yield from ["left", "right"]
    if goal.target.startswith("∃"):
        yield from (f"exact ⟨{name}, by simp_all⟩" for name in _objects(goal))
        yield from ["exact ⟨_, rfl⟩", "refine ⟨?_, ?_⟩"]
    yield "constructor"


def _eliminations(goal: Goal, facts: Sequence[str], objects: Sequence[str], simp_set: str) -> Iterator[str]:
    """Case splits and inductions, each tried first with what usually finishes them."""
    for fact in facts:
        kind = _type_of(goal, fact)
        if len(parts := _split(kind, "∧")) > 1:
            names = [f"{fact}{n}" for n in range(1, len(parts) + 1)]
            yield f"obtain ⟨{', '.join(names)}⟩ := {fact}"
        if len(parts := _split(kind, "∨")) > 1:
            yield f"cases {fact} <;> simp_all"
            yield f"rcases {fact} with {' | '.join([fact] * len(parts))}"
        if kind.startswith("∃"):
            yield f"obtain ⟨{_bound_name(kind)}, {fact}⟩ := {fact}"
        if kind == "False":
            yield f"exact {fact}.elim"
    rules = f" [{simp_set}]" if simp_set else ""
    mentioned = set(tokens(goal.target))
    for name in sorted(objects, key=lambda name: name not in mentioned):
        yield f"induction {name} <;> simp_all{rules}"
        yield f"induction {name} <;> simp_all{rules} <;> omega"
        yield f"cases {name} <;> simp_all{rules}"
        yield f"induction {name} <;> grind{rules}"
        if _type_of(goal, name) in {"Nat", "ℕ"}:
            yield f"induction {name} with\n| zero => simp{rules}\n| succ {name} ih => simp_all{rules}"
        if _type_of(goal, name).startswith("List "):
            yield f"induction {name} with\n| nil => simp{rules}\n| cons x xs ih => simp_all{rules}"
    for name in objects:
        yield f"cases {name}"
        yield f"induction {name}"


def _sorted_hypotheses(goal: Goal) -> tuple[list[str], list[str]]:
    """The names of the facts and of the objects of `goal`, nearest first.

    What is a proposition Lean does not say; a hypothesis whose type has a relation or a
    connective in it, or that a variable of the context makes a proposition, is taken for a fact.
    """
    propositions = {name for h in goal.hypotheses if h.type.endswith("Prop") for name in h.names}
    facts: list[str] = []
    objects: list[str] = []
    for hypothesis in reversed(goal.hypotheses):
        names = [n for n in hypothesis.names if _INACCESSIBLE not in n and not n.startswith("inst")]
        if _is_fact(hypothesis, propositions):
            facts += names
        elif hypothesis.type != "Prop" and not re.match(r"(?:Type|Sort)\b", hypothesis.type):
            objects += names
    return facts, objects


def _is_fact(hypothesis: Hypothesis, propositions: set[str]) -> bool:
    kind = hypothesis.type
    if re.search(r"[=≠<>≤≥∈∉∣∧∨¬↔∃⊆]|(?:^|\s)(?:True|False)(?:\s|$)", kind):
        return True
    if kind.startswith("∀"):
        return True
    conclusion = kind.rpartition("→")[2].split()
    return bool(conclusion) and (conclusion[0] in propositions or conclusion[0].startswith("Is"))


def _objects(goal: Goal) -> list[str]:
    return _sorted_hypotheses(goal)[1]


def _type_of(goal: Goal, name: str) -> str:
    return next((h.type for h in goal.hypotheses if name in h.names), "")


def _names_of_type(goal: Goal, kind: str) -> list[str]:
    named = [name for h in reversed(goal.hypotheses) if h.type == kind for name in h.names]
    return [name for name in named if _INACCESSIBLE not in name]


def _is_equation(goal: Goal, name: str) -> bool:
    return " = " in _type_of(goal, name)


def _mirrored(kind: str, target: str) -> bool:
    for relation in (" = ", " ↔ ", " ≠ "):
        left, found, right = kind.partition(relation)
        if found and f"{right}{relation}{left}" == target:
            return True
    return False


def _contradictions(goal: Goal, facts: Sequence[str]) -> list[tuple[str, str]]:
    kinds = {_type_of(goal, fact): fact for fact in facts}
    return [
        (kinds[kind[1:]], fact) for kind, fact in kinds.items() if kind.startswith("¬") and kind[1:] in kinds
    ]


def _split(kind: str, connective: str) -> list[str]:
    """The parts of `kind` between `connective`s that stand in no bracket."""
    parts, depth = [""], 0
    for character in kind:
        depth += (character in "([{⟨") - (character in ")]}⟩")
        if character == connective and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _binder_names(goal: Goal) -> list[str]:
    """Names for what `intro` would bring into the context of `goal`, fresh ones."""
    taken = {name for hypothesis in goal.hypotheses for name in hypothesis.names}
    names: list[str] = []
    rest = goal.target
    while found := _BINDER.match(rest):
        names += found["names"].split()
        rest = rest[found.end() :]
    arrows = len(_split(rest, "→")) - 1
    names += ["h"] * (arrows + rest.startswith("¬"))
    return [_fresh(name, taken) for name in names]


def _fresh(name: str, taken: set[str]) -> str:
    """`name`, or with the first number that makes it new; then it counts as taken."""
    base = name.replace(_INACCESSIBLE, "")
    base = base if re.fullmatch(r"[^\W\d][\w'₀-₉]*", base) and base != "_" else "x"
    fresh, number = base, 1
    while fresh in taken:
        fresh, number = f"{base}{number}", number + 1
    taken.add(fresh)
    return fresh


def _bound_name(kind: str) -> str:
    found = re.match(r"∃ \(?(?P<name>[^\W\d][\w'₀-₉]*)", kind)
    return found["name"] if found else "x"


def _nearby(goal: Goal, context: str) -> tuple[list[str], list[str]]:
    """The names of the file's definitions in `goal`, in their order, and of the lemmas near to it."""
    declared = declarations(context)
    near = nearest(goal, declared)
    chosen = set(near)
    definitions = [one.name for one in declared if one in chosen and one.keyword in {"def", "abbrev"}]
    return definitions, [one.name for one in near if one.is_lemma][:_NEAREST]
