"""Owns the steps of hand-written proofs that are compared: how they are read, and which ones are drawn."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmstep_lsp.adapters.lean.extractor import LeanExtractor
from llmstep_lsp.adapters.pairs import read_pairs
from llmstep_lsp.adapters.pairs.parts import Parts
from llmstep_lsp.domain.extraction import Source
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Goal
from llmstep_lsp.domain.pairs import Pair
from llmstep_lsp.domain.text import Position, to_lf
from llmstep_lsp.errors import InputError, LeanExtractError
from llmstep_lsp.science.prefixes import plain
from llmstep_lsp.service.extract import extract_all

# What stands behind one is a step of its own.
_BULLETS = ("·", ". ")


@dataclass(frozen=True)
class Step:
    """A step that a person wrote at `place` of the file `path`, called `name`, whose text is `text`.

    `human` is the step without comments; `goals` are those that it met.
    """

    path: Path
    name: str
    text: str
    place: Position
    declaration: str
    human: str
    goals: tuple[Goal, ...]

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells it from the others, as in its record."""
        return self.name, self.place.line + 1, self.place.column + 1


async def read_steps(
    sources: Sequence[Source], out: Path, lean: str | None, seconds: float, heard: Callable[[Source], None]
) -> list[Step]:
    """The steps of `sources`, read by Lean in up to `seconds` a file; kept as pairs beside and in `out`.

    Raises:
        LeanExtractError: a file cannot be read.
        InputError: there is no step, or nothing can be written.
        LeanNotFoundError: there is no Lean.
    """
    parts = Parts(out)
    extractor = LeanExtractor(lean, seconds)
    try:
        summary = await extract_all(sources, extractor, parts, 1, heard)
    finally:
        await extractor.aclose()
    if summary.failures:
        first = summary.failures[0]
        raise LeanExtractError(f"{first.file}: {first.reason}. Mend that, or leave the file out.")
    parts.write(summary)
    paths = {source.name: source.path for source in sources}
    texts = {name: to_lf(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    steps = [
        _step(pair, paths[pair.file], texts[pair.file])
        for pair in read_pairs(out)
        if not pair.tactic.startswith(_BULLETS)
    ]
    if not steps:
        raise InputError(f"There is no step of a proof in {', '.join(paths)}: name files with some.")
    return steps


def draw(steps: Iterable[Step], count: int, seed: int) -> list[Step]:
    """So many of `steps`, by `seed`, in the order of their files.

    Whether a step is drawn before another one depends on these two and the seed alone.
    """
    drawn = sorted(steps, key=lambda step: hashlib.sha256(f"{seed} {step.key}".encode()).digest())[:count]
    return sorted(drawn, key=lambda step: step.key)


def _step(pair: Pair, path: Path, text: str) -> Step:
    goals = tuple(map(parse_goal, pair.state_before.split("\n\n")))
    place = Position(pair.line - 1, pair.column - 1)
    return Step(path, pair.file, text, place, pair.declaration, plain(pair.tactic), goals)
