"""Owns what makes a search the same a second time: nothing depends on which answer comes first.

All candidates for a state are there before the first is judged, and in an order of their own; Lean's
package is waited for; and what a verdict took is not looked at.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from llmstep_lsp.adapters.lean.hooked_prover import HookedProver
from llmstep_lsp.domain.model import Candidate, NothingToProve, ProofState, Site, Snapshot, Status, Verdict
from llmstep_lsp.ports import Generator, LeanStatus, Question


@dataclass(frozen=True)
class SteadyGenerator:
    """Implements `Generator` by all of `inner`: fails if one does, and proposes when all are done."""

    name: str
    inner: Sequence[Generator]

    async def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        """As the port says; each keeps the name of who proposed it."""
        asked = [asyncio.create_task(_all(one, question)) for one in self.inner]
        try:
            answers = await asyncio.gather(*asked)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        for candidates in answers:
            for candidate in candidates:
                yield candidate

    async def aclose(self) -> None:
        """End all of them."""
        await asyncio.gather(*(one.aclose() for one in self.inner))


async def _all(generator: Generator, question: Question) -> list[Candidate]:
    async with aclosing(generator.candidates(question)) as proposed:
        return [candidate async for candidate in proposed]


class SteadyProver:
    """Implements `Prover` by `inner`; `unknown` counts the candidates that Lean could not judge."""

    def __init__(self, inner: HookedProver) -> None:
        self._inner = inner
        self.unknown = 0

    async def locate(self, snapshot: Snapshot, sites: Sequence[Site]) -> ProofState | NothingToProve:
        """As the port says; our Lean package is ready then, if it can be had."""
        state = await self._inner.locate(snapshot, sites)
        if isinstance(state, ProofState):
            await self._inner.ready(state)
        return state

    async def lemmas(self, state: ProofState) -> tuple[str, ...]:
        """As the port says."""
        return await self._inner.lemmas(state)

    async def check(
        self, state: ProofState, texts: Sequence[str]
    ) -> AsyncGenerator[tuple[str, Verdict], None]:
        """As the port says, but no verdict says what it took."""
        async with aclosing(self._inner.check(state, texts)) as verdicts:
            async for text, verdict in verdicts:
                self.unknown += verdict.status is Status.UNKNOWN
                yield text, replace(verdict, milliseconds=0.0)

    async def status(self, uri: str) -> LeanStatus:
        """As the port says."""
        return await self._inner.status(uri)

    async def aclose(self) -> None:
        """End Lean."""
        await self._inner.aclose()
