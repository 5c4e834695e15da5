"""Owns the two seams of the product: who proposes steps, and who judges them."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from llmstep_lsp.domain.model import Candidate, Goal, NothingToProve, ProofState, Site, Snapshot, Verdict


@dataclass(frozen=True)
class Question:
    """What a generator is asked: steps for `goals[0]` that start with `prefix`.

    `context` is the file's text before the site.  At most `count` answers are wanted.
    """

    goals: tuple[Goal, ...]
    prefix: str
    context: str
    count: int


class Generator(Protocol):
    """Proposes candidates, the most promising or cheapest to check first.

    Each starts with the prefix and has the generator's name as its source.  To cancel,
    close the iterator.
    """

    @property
    def name(self) -> str:
        """What candidates carry as their source."""

    def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        """Candidates as they come.

        Raises:
            GeneratorError: it cannot be started, or stopped answering.
        """

    async def aclose(self) -> None:
        """End whatever it holds; it starts again when it is next asked."""


class Prover(Protocol):
    """Reads proof states and judges candidates.  Any method may raise a `LeanError`."""

    async def locate(self, snapshot: Snapshot, sites: Sequence[Site]) -> ProofState | NothingToProve:
        """The proof state at the first of `sites` that holds and has a goal."""

    def check(self, state: ProofState, texts: Sequence[str]) -> AsyncGenerator[tuple[str, Verdict], None]:
        """What Lean says of each of `texts`, inserted at the state's site exactly as `Site` describes.

        A verdict comes with its text as soon as it is known, so not always in the order of
        `texts`.  To cancel, close the iterator.
        """

    async def aclose(self) -> None:
        """End Lean; it starts again when it is next needed."""
