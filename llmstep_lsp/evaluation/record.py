"""Owns what is kept of each theorem and each set of generators."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What came of a theorem."""

    SOLVED = "solved"  # Lean has read the whole file with the proof in it
    UNSOLVED = "unsolved"
    REFUTED = "refuted"  # a proof was found, and Lean did not accept it in the end
    JUDGED = "judged"  # no proof was asked for, only the first steps
    NOT_STATED = "not stated"  # Lean shows no goal: what it says of the theorem counts, not the generators
    FAILED = "failed"  # a generator or Lean did; it is tried again


@dataclass(frozen=True)
class Record:
    """What came of `theorem` with the generators `set`; `line`, from 1, is where it stands in `file`.

    `candidates` were judged for `nodes` proof states; Lean could not say anything of `unknown` ones,
    because of a limit or a crash.  `verdicts` are those on the first candidates, where only those were
    asked for.
    """

    set: str
    theorem: str
    file: str
    line: int
    outcome: Outcome
    reason: str = ""
    proof: str | None = None
    steps: tuple[str, ...] = ()
    nodes: int = 0
    candidates: int = 0
    unknown: int = 0
    seconds: float = 0.0
    verdicts: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from the others."""
        return self.set, self.file, self.line
