"""Owns the path from a position in a document to ranked suggestions that Lean has accepted."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from llmstep_lsp.domain.model import Goal, NothingToProve, ProofState, Snapshot, Suggestion
from llmstep_lsp.domain.ranking import rank
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.domain.text import Position
from llmstep_lsp.ports import Generator, Prover
from llmstep_lsp.service.collect import Collector, Run, Timings, timed

_ENOUGH_CLOSE = 4
# How many candidates each generator is asked for.
_CANDIDATES = 64


@dataclass(frozen=True)
class Request:
    """What somebody asks: steps at `position`, that start with `prefix`, within `seconds`."""

    snapshot: Snapshot
    position: Position
    seconds: float
    count: int = 8
    prefix: str = ""


@dataclass(frozen=True)
class Answer:
    """What is known when a request ends.

    `notes` are sentences for the person: why there is nothing, what took too long.
    `failures` say which generators failed, and why.  `complete` says that to wait longer, or to ask
    once more, would not bring more.
    """

    goals: tuple[Goal, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    timings: Timings = field(default_factory=Timings)
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    complete: bool = False


class Inquiry:
    """One request under way; `answer` can be read at any time.

    `stopped` is for whoever ends it before its time.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.run = Run(_ENOUGH_CLOSE)
        self.located: ProofState | NothingToProve | None = None
        self.ended = False
        self.stopped = False

    def answer(self, count: int, waited: float) -> Answer:
        """What is known by now, after `waited` seconds, with at most `count` suggestions."""
        goals = self.located.goals if isinstance(self.located, ProofState) else ()
        note = self._note(waited)
        complete = self.ended and not self.run.failures
        return Answer(
            goals,
            tuple(rank(self.run.found)[:count]),
            self.run.timings,
            (note,) if note else (),
            tuple(self.run.failures),
            complete,
        )

    def _note(self, waited: float) -> str | None:
        if isinstance(self.located, NothingToProve):
            return self.located.reason
        if self.ended:
            return self._unheard() or self._nothing_found()
        if self.stopped:
            return "It was stopped; there may be more."
        if self.located:
            return f"Stopped after {waited:g} s; there may be more."
        return f"Lean was not ready within {waited:g} s. Ask again, or allow more time."

    def _unheard(self) -> str | None:
        if not self.run.silent:
            return None
        return f"There was enough before {' and '.join(sorted(self.run.silent))} proposed anything."

    def _nothing_found(self) -> str | None:
        if self.run.found or (self.run.failures and not self.run.tried):
            return None
        if self.run.tried:
            return f"Lean accepted none of the steps that were tried ({len(self.run.tried)})."
        return "No generator proposes a step that begins so."


class Suggester:
    """Answers requests, each for itself."""

    def __init__(self, prover: Prover, generators: Sequence[Generator], *, repair: bool = False) -> None:
        self._prover = prover
        self._collector = Collector(prover, generators, repair=repair)

    async def suggest(self, request: Request) -> Answer:
        """The answer to `request`, after `request.seconds` at the latest, with what is ready by then.

        Raises:
            LeanError: Lean cannot be asked for the goals.
        """
        inquiry = Inquiry(request)
        await self.pursue(inquiry)
        return inquiry.answer(request.count, request.seconds)

    async def pursue(self, inquiry: Inquiry) -> None:
        """Go on with `inquiry` until it has its answer, or its time is up.

        Raises:
            LeanError: Lean cannot be asked for the goals.
        """
        request, run = inquiry.request, inquiry.run
        try:
            async with asyncio.timeout(request.seconds):
                with timed(run.timings, "goal"):
                    inquiry.located = await self._locate(request)
                if isinstance(inquiry.located, ProofState):
                    await self._collector.collect(
                        inquiry.located,
                        run,
                        prefix=request.prefix,
                        count=_CANDIDATES,
                        seconds=request.seconds - run.seconds,
                    )
        except TimeoutError:
            return
        inquiry.ended = True

    async def _locate(self, request: Request) -> ProofState | NothingToProve:
        sites = sites_at(request.snapshot.text, request.position)
        if not sites:
            return NothingToProve("No goal here: the cursor is not in a tactic block.")
        return await self._prover.locate(request.snapshot, sites)
