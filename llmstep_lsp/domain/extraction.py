"""Owns what is read out of Lean files: which files, and the pairs of each."""

from dataclasses import dataclass
from pathlib import Path

from llmstep_lsp.domain.pairs import Pair


@dataclass(frozen=True)
class Source:
    """A Lean file to read; its pairs carry `name`."""

    path: Path
    name: str


@dataclass(frozen=True)
class Counts:
    """How much there is: pairs, the declarations that they are of, and steps that were left out.

    Those say `sorry`, or belong to declarations with errors.
    """

    pairs: int = 0
    declarations: int = 0
    sorries: int = 0
    errors: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.pairs + other.pairs,
            self.declarations + other.declarations,
            self.sorries + other.sorries,
            self.errors + other.errors,
        )


@dataclass(frozen=True)
class Extracted:
    """The pairs of a file, in the order of its text, and how many there are."""

    pairs: tuple[Pair, ...]
    counts: Counts


@dataclass(frozen=True)
class Failure:
    """A file that could not be read, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Summary:
    """What came of files: those that are done, how much is in them, and those that failed.

    `remembered` are done since an earlier time.
    """

    done: tuple[Source, ...]
    counts: Counts
    failures: tuple[Failure, ...]
    remembered: int
