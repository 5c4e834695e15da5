"""Owns the making of a corpus: sheet after sheet is made up, attempted by several Leans, and written down.

In the folder of a corpus lie `pairs.jsonl`, what a model learns from; `proofs.jsonl`, a line for each
task, which says what became of it; and `done.txt`, the sheets that are finished.  A sheet is written
as a whole, so what was stopped goes on where it was.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from llmstep_lsp.adapters.pairs.json_lines import write_line
from llmstep_lsp.corpus.attempt import Outcome, attempt
from llmstep_lsp.corpus.conjectures import conjectures
from llmstep_lsp.corpus.lean_judge import LeanJudge
from llmstep_lsp.corpus.library import library_sheet
from llmstep_lsp.corpus.plain import arithmetic_sheet, logic_sheet
from llmstep_lsp.corpus.repertoire import Surroundings
from llmstep_lsp.corpus.sheets import Layout, Sheet, Task, layout, theorem, theory_sheet
from llmstep_lsp.corpus.split import part
from llmstep_lsp.corpus.theories import make_theory
from llmstep_lsp.domain.model import Goal
from llmstep_lsp.domain.pairs import CONTEXT_CHARACTERS, Pair

_TASKS = 12
_LEMMAS = 5
# The remainder by five of the numbers of sheets about the library.
_LIBRARY = 2
_DONE = "done.txt"
PAIRS = "pairs.jsonl"
Propose = Callable[[str, Goal], Awaitable[list[str]]]
"""Steps below a text for a goal, that somebody has who is asked before all else."""


@dataclass(frozen=True)
class Plan:
    """What is made: so many sheets, from the number `first` on, by random numbers from `seed`.

    Each goal is attempted for so many `seconds`, or a little more.
    If statements of the `library` are given, two sheets of ten are about them.
    """

    sheets: int
    first: int = 0
    seed: int = 0
    seconds: float = 4.0
    library: Sequence[str] = ()

    @property
    def numbers(self) -> range:
        """The numbers of the sheets."""
        return range(self.first, self.first + self.sheets)

    @property
    def wants_library(self) -> bool:
        """Whether a sheet of it may be about the library."""
        return any(number % 5 == _LIBRARY for number in self.numbers)


@dataclass(frozen=True)
class Told:
    """A sheet that is written, and how many of its tasks are proved."""

    sheet: str
    tasks: int
    proofs: int


@dataclass(frozen=True)
class Proved:
    """A task and the steps of its proof, none if there is none."""

    task: Task
    steps: tuple[str, ...]


def sheet(plan: Plan, number: int) -> Sheet:
    """The sheet of this number: of ten, six are theories, or eight if there is no library."""
    rng = random.Random(f"{plan.seed} {number}")  # noqa: S311  # nobody guards a secret with it
    name = _name(number)
    if number % 10 == 4:  # noqa: PLR2004
        return logic_sheet(name, _TASKS, rng)
    if number % 10 == 9:  # noqa: PLR2004
        return arithmetic_sheet(name, _TASKS // 2, rng)
    if number % 5 == _LIBRARY and plan.library:
        return library_sheet(name, plan.library, rng, _TASKS)
    theory = make_theory(name, rng)
    return theory_sheet(theory, conjectures(theory, _TASKS, rng))


def _name(number: int) -> str:
    return f"Sheet{number}"


async def make_corpus(
    folder: Path,
    plan: Plan,
    judges: Sequence[LeanJudge],
    tell: Callable[[Told], None],
    propose: Propose | None = None,
) -> None:
    """Make what `plan` says and is not there yet, a sheet for each judge at a time; `tell` of each.

    Raises:
        LeanError: Lean cannot be started.
        OSError: the folder cannot be written.
    """
    done = _done(folder)
    numbers = (n for n in plan.numbers if _name(n) not in done)

    async def work(judge: LeanJudge) -> None:
        for number in numbers:
            made = sheet(plan, number)
            proofs, pairs = await _explored(made, judge, plan.seconds, propose)
            _write(folder, made, proofs, pairs)
            tell(Told(made.name, len(made.tasks), sum(bool(one.steps) for one in proofs)))

    workers = [asyncio.create_task(work(judge)) for judge in judges]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _explored(
    made: Sheet, judge: LeanJudge, seconds: float, propose: Propose | None
) -> tuple[list[Proved], list[Pair]]:
    """What becomes of the tasks of `made` that may be learned from, and the pairs in their proofs."""
    await judge.fresh()
    lay = layout(made)
    proofs: list[Proved] = []
    pairs: list[Pair] = []
    for task, place in zip(made.tasks, lay.places, strict=True):
        if part(task.about, task.statement) != "train":
            continue
        goals = await judge.goals(lay.text, place)
        if not goals:
            continue
        outcome = await attempt(
            [goal.text for goal in goals],
            around(made, task, proofs),
            partial(judge.verdicts, lay.text, place),
            seconds,
            propose and partial(propose, _context(made, task, proofs)),
        )
        pairs += _pairs(made, task, lay, proofs, outcome)
        proofs.append(Proved(task, outcome.proof))
    return proofs, pairs


def around(made: Sheet, task: Task, proofs: Sequence[Proved]) -> Surroundings:
    """What `made` offers to `task` behind `proofs`; of its lemmas the last that share a definition."""
    lemmas = [one.task.name for one in proofs if one.steps and set(one.task.uses) & set(task.uses)]
    return Surroundings(made.definitions, made.types, tuple(lemmas[-_LEMMAS:]))


def _pairs(made: Sheet, task: Task, lay: Layout, proofs: Sequence[Proved], outcome: Outcome) -> list[Pair]:
    context = _context(made, task, proofs)
    place = lay.places[made.tasks.index(task)]
    return [
        Pair(
            "\n\n".join(one.before),
            one.tactic,
            "\n\n".join(one.after),
            f"{made.name}.{task.name}",
            f"{made.name}.lean",
            place.line + 1,
            place.column + 1,
            context,
        )
        for one in outcome.learned
    ]


def _context(made: Sheet, task: Task, proofs: Sequence[Proved]) -> str:
    """What a person would see above the goal of `task`."""
    above = made.opening + "".join(theorem(one.task, one.steps) for one in proofs if one.steps)
    return (above + f"theorem {task.name}{task.statement} := by\n  ")[-CONTEXT_CHARACTERS:]


def _done(folder: Path) -> set[str]:
    """The sheets that are written; the folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / _DONE
    return set(record.read_text("utf-8").split()) if record.is_file() else set()


def _write(folder: Path, made: Sheet, proofs: Sequence[Proved], pairs: Sequence[Pair]) -> None:
    with (folder / PAIRS).open("a", encoding="utf-8") as opened:
        opened.write("".join(write_line(pair) + "\n" for pair in pairs))
    with (folder / "proofs.jsonl").open("a", encoding="utf-8") as opened:
        for one in proofs:
            line = {"sheet": made.name, **asdict(one.task), "steps": one.steps}
            opened.write(json.dumps(line, ensure_ascii=False) + "\n")
    with (folder / _DONE).open("a", encoding="utf-8") as opened:
        opened.write(made.name + "\n")
