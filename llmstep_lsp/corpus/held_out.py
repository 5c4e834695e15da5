"""Owns the files of goals that are kept for tests: nothing about their definitions is learned from.

In such a file stand definitions of its own, lemmas with proofs, and goals, each a theorem with `sorry`.
A goal that unfolding the definitions and Lean's own search close at once is left out, so that what
remains wants an induction, a case distinction or a lemma of the file; one for which no proof is known
stays in.
"""

import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from llmstep_lsp.corpus.attempt import attempt
from llmstep_lsp.corpus.conjectures import conjectures
from llmstep_lsp.corpus.lean_judge import LeanJudge
from llmstep_lsp.corpus.make import Proved, around
from llmstep_lsp.corpus.sheets import Sheet, layout, theorem, theory_sheet
from llmstep_lsp.corpus.split import Part, part
from llmstep_lsp.corpus.theories import make_theory

_TASKS = 16
# A file with fewer goals is not worth its start.
_LEAST = 3
_SEARCHES = ("induction", "cases", "fun_induction", "split", "rw")


@dataclass(frozen=True)
class Wanted:
    """What is written: so many `goals` of one part, or a few more, by random numbers from `seed`.

    A proof of each is looked for as in the making of a corpus, for so many `seconds`.
    """

    part: Part
    goals: int
    seed: int = 0
    seconds: float = 4.0


@dataclass(frozen=True)
class Kept:
    """A file that was written, its goals, and for how many of them a proof is known."""

    file: Path
    goals: int
    proved: int


async def keep_goals(folder: Path, wanted: Wanted, judge: LeanJudge) -> AsyncIterator[Kept]:
    """Write files with the goals that are `wanted`; tells of each when it is written.

    Raises:
        LeanError: Lean cannot be asked.
        OSError: the folder cannot be written.
    """
    count = 0
    for number in itertools.count(1):
        if count >= wanted.goals:
            return
        made = _sheet(f"{wanted.part.capitalize()}{number}", wanted.seed)
        if sum(part(one.about, one.statement) == wanted.part for one in made.tasks) < _LEAST:
            continue
        text, proved = await _written(made, wanted, judge)
        if (found := text.count("  sorry\n")) >= _LEAST:
            count += found
            yield Kept(_write(folder, made.name, text), found, proved)


def _write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.lean"
    file.write_text(text, encoding="utf-8")
    return file


def _sheet(name: str, seed: int) -> Sheet:
    rng = random.Random(f"{seed} {name}")  # noqa: S311  # nobody guards a secret with it
    theory = make_theory(name, rng)
    return theory_sheet(theory, conjectures(theory, _TASKS, rng))


async def _written(made: Sheet, wanted: Wanted, judge: LeanJudge) -> tuple[str, int]:
    """The text of the file, and for how many of its goals a proof is known."""
    await judge.fresh()
    lay = layout(made)
    text = f"namespace {made.namespace}\n\n{made.opening}"
    proofs: list[Proved] = []
    proved = 0
    for task, place in zip(made.tasks, lay.places, strict=True):
        goals = await judge.goals(lay.text, place)
        if not goals:
            continue
        lemmas = {one.task.name for one in proofs if one.steps}
        outcome = await attempt(
            [goal.text for goal in goals],
            around(made, task, proofs),
            partial(judge.verdicts, lay.text, place),
            wanted.seconds,
        )
        if part(task.about, task.statement) == wanted.part and not is_immediate(outcome.proof, lemmas):
            proved += bool(outcome.proof)
            text += f"theorem goal_{task.name}{task.statement} := by\n  sorry\n\n"
        if outcome.proof:
            text += theorem(task, outcome.proof)
        proofs.append(Proved(task, outcome.proof))
    return f"{text}end {made.namespace}\n", proved


def is_immediate(proof: tuple[str, ...], lemmas: set[str]) -> bool:
    """Whether one step does it that neither distinguishes cases nor uses a lemma of the file."""
    if len(proof) != 1:
        return False
    words = proof[0].replace("[", " ").replace("]", " ").replace(",", " ").split()
    return not set(words) & {*_SEARCHES, *lemmas}
