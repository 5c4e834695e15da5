"""Owns the files that are put before Lean: a goal to attempt, then the same statement for those below."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from llmstep_lsp.corpus.conjectures import Conjecture, statement
from llmstep_lsp.corpus.language import Application, Term, Theory, subterms, used
from llmstep_lsp.corpus.rendering import definitions
from llmstep_lsp.domain.text import Position


@dataclass(frozen=True)
class Task:
    """A statement (binders, colon, proposition) to prove under a name.

    `about` is the text of the definitions that it rests on, by which it is told whether two
    statements are alike; `uses` are their names.
    """

    name: str
    statement: str
    about: str = ""
    uses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """Definitions, and tasks about them, one below the other."""

    name: str
    opening: str = ""
    tasks: tuple[Task, ...] = ()
    definitions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    namespace: str = ""


@dataclass
class Layout:
    """A sheet's text for Lean, and where the goal of each task is."""

    text: str
    places: list[Position] = field(default_factory=list)


def layout(sheet: Sheet) -> Layout:
    """`sheet` for Lean: a task is an example, and below it an axiom, so that what comes next may use it."""
    lines = [f"namespace {sheet.namespace}", "", *sheet.opening.split("\n")] if sheet.namespace else []
    made = Layout("")
    for task in sheet.tasks:
        lines += [f"example{task.statement} := by", "  sorry", ""]
        made.places.append(Position(len(lines) - 2, 2))
        if sheet.definitions:
            lines += [f"axiom {task.name}{task.statement}", ""]
    if sheet.namespace:
        lines += [f"end {sheet.namespace}", ""]
    made.text = "\n".join(lines)
    return made


def theorem(task: Task, steps: Sequence[str]) -> str:
    """The theorem of `task` with the proof `steps`, an empty line behind it."""
    body = "\n".join("  " + line for step in steps for line in step.split("\n"))
    return f"theorem {task.name}{task.statement} := by\n{body}\n\n"


def theory_sheet(theory: Theory, found: Sequence[Conjecture]) -> Sheet:
    """A sheet with a task for each conjecture about `theory`."""
    tasks: list[Task] = []
    for one in found:
        resting = used(theory, one.terms)
        kinds = {
            kind
            for function in resting
            for kind in (function.result, *(parameter.kind for parameter in function.parameters))
        }
        reduced = Theory(theory.name, tuple(t for t in theory.types if t.name in kinds), tuple(resting))
        tasks.append(
            Task(
                _name(theory, one, {task.name for task in tasks}),
                statement(one),
                definitions(reduced),
                tuple(function.name for function in resting),
            )
        )
    return Sheet(
        theory.name,
        definitions(theory),
        tuple(tasks),
        tuple(function.name for function in theory.functions),
        tuple(kind.name for kind in theory.types),
        theory.name,
    )


def _name(theory: Theory, one: Conjecture, taken: set[str]) -> str:
    """A name that tells what the conjecture is about, as Lean's library names its lemmas."""
    words = _words(theory, one.left)
    if one.relation == "≤":
        words += ["le", *_words(theory, one.right)]
    if one.hypothesis:
        words += ["of", *_words(theory, one.hypothesis[0])]
    name = "_".join(words[:4]) or "fact"
    number = 1
    while (name if number == 1 else f"{name}_{number}") in taken | {f.name for f in theory.functions}:
        number += 1
    return name if number == 1 else f"{name}_{number}"


_OPERATORS = {
    "+": "add", "*": "mul", "max": "max", "++": "append", "&&": "and", "||": "or", "!": "not",
    "==": "beq", "succ": "succ", "0": "zero", "::": "cons", "[]": "nil",
}  # fmt: skip


def _words(theory: Theory, term: Term) -> list[str]:
    own = {f.name for f in theory.functions} | {c.name for kind in theory.types for c in kind.constructors}
    applied = [one.head for one in subterms(term) if isinstance(one, Application)]
    names = [_OPERATORS.get(head, head.rpartition(".")[2]) for head in applied]
    return [name for name in names if name in own or name in _OPERATORS.values()]
