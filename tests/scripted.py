"""Ports that do as they are told, for tests of what stands between them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from llmstep_lsp.domain.model import Candidate, NothingToProve, ProofState, Site, Snapshot, Status, Verdict
from llmstep_lsp.errors import LlmstepError
from llmstep_lsp.ports import LeanStatus, Question


@dataclass
class ScriptedGenerator:
    """Proposes `texts`, `delay` seconds before each, and then raises `error` if there is one.

    The texts have `scores`, if there are any.  Asked to do better, it proposes `again`.
    """

    texts: Sequence[str]
    name: str = "scripted"
    delay: float = 0
    error: Exception | None = None
    scores: Sequence[float] = ()
    again: Sequence[str] = ()
    questions: list[Question] = field(default_factory=list)
    closed: int = 0

    async def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        self.questions.append(question)
        try:
            for i, text in enumerate(self.again if question.rejected else self.texts):
                await asyncio.sleep(self.delay)
                yield Candidate(text, self.name, self.scores[i] if self.scores else None)
            if self.error:
                raise self.error
        finally:
            self.closed += 1

    async def aclose(self) -> None:
        """Nothing is held."""


@dataclass
class ScriptedProver:
    """Finds `state` at the first site and answers with `verdicts`, "rejected" where there is none."""

    state: ProofState | NothingToProve | LlmstepError
    verdicts: dict[str, Verdict]
    delay: float = 0
    library: tuple[str, ...] | LlmstepError = ()
    asked_for_lemmas: int = 0
    checked: list[str] = field(default_factory=list)
    interrupted: list[str] = field(default_factory=list)

    async def locate(self, snapshot: Snapshot, sites: Sequence[Site]) -> ProofState | NothingToProve:
        await asyncio.sleep(self.delay)
        if isinstance(self.state, LlmstepError):
            raise self.state
        return self.state

    async def lemmas(self, state: ProofState) -> tuple[str, ...]:
        self.asked_for_lemmas += 1
        if isinstance(self.library, LlmstepError):
            raise self.library
        return self.library

    async def check(
        self, state: ProofState, texts: Sequence[str]
    ) -> AsyncGenerator[tuple[str, Verdict], None]:
        for text in texts:
            self.checked.append(text)
            try:
                await asyncio.sleep(self.delay)
            except asyncio.CancelledError:
                self.interrupted.append(text)
                raise
            yield text, self.verdicts.get(text, Verdict(Status.REJECTED))

    async def status(self, uri: str) -> LeanStatus:
        return LeanStatus(("lean",), "It is scripted.", running=bool(self.checked), batches=False)

    async def aclose(self) -> None:
        """Nothing is held."""
