"""Owns the path from a position in a document to ranked suggestions that Lean has accepted."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace

from llmstep_lsp.domain.insertion import insertion
from llmstep_lsp.domain.model import Candidate, Goal, NothingToProve, ProofState, Snapshot, Status, Suggestion
from llmstep_lsp.domain.ranking import rank
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.domain.text import Position, offset
from llmstep_lsp.errors import LeanError
from llmstep_lsp.ports import Generator, Prover, Question, Rejection
from llmstep_lsp.service.propose import merged, untried

_log = logging.getLogger(__name__)

_ENOUGH_CLOSE = 4
# How many candidates each generator is asked for.
_CANDIDATES = 64
# How many rejected steps a model is shown to do better.
_REJECTED = 4


@dataclass(frozen=True)
class Request:
    """What somebody asks: steps at `position`, that start with `prefix`, within `seconds`."""

    snapshot: Snapshot
    position: Position
    seconds: float
    count: int = 8
    prefix: str = ""


@dataclass
class Timings:
    """Milliseconds that went into each stage; `generate` is time spent waiting for candidates."""

    goal: float = 0.0
    generate: float = 0.0
    verify: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What is known when a request ends.

    `notes` are sentences for the person: why there is nothing, what took too long.
    `failures` say which generators failed, and why.
    """

    goals: tuple[Goal, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    timings: Timings = field(default_factory=Timings)
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


class Suggester:
    """Asks every generator at once and lets the prover judge what they propose, as it comes.

    With `repair`, they are asked a second time if there is not enough then, and shown what Lean
    says of their best candidates.
    """

    def __init__(self, prover: Prover, generators: Sequence[Generator], *, repair: bool = False) -> None:
        self._prover = prover
        self._generators = generators
        self._repair = repair

    async def suggest(self, request: Request) -> Answer:
        """The answer to `request`, after `request.seconds` at the latest, with what is ready by then.

        Raises:
            LeanError: Lean cannot be asked for the goals.
        """
        run = _Run()
        state: ProofState | NothingToProve | None = None
        note: str | None
        try:
            async with asyncio.timeout(request.seconds):
                with _timed(run.timings, "goal"):
                    state = await self._locate(request)
                if isinstance(state, ProofState):
                    await self._collect(request, state, run)
        except TimeoutError:
            note = _time_is_up(request.seconds, goals_known=state is not None)
        else:
            note = state.reason if isinstance(state, NothingToProve) else _unheard(run) or _nothing_found(run)
        goals = state.goals if isinstance(state, ProofState) else ()
        best = tuple(rank(run.found)[: request.count])
        return Answer(goals, best, run.timings, (note,) if note else (), tuple(run.failures))

    async def aclose(self) -> None:
        """End Lean and the generators."""
        await asyncio.gather(self._prover.aclose(), *(generator.aclose() for generator in self._generators))

    async def _locate(self, request: Request) -> ProofState | NothingToProve:
        sites = sites_at(request.snapshot.text, request.position)
        if not sites:
            return NothingToProve("No goal here: the cursor is not in a tactic block.")
        return await self._prover.locate(request.snapshot, sites)

    async def _collect(self, request: Request, state: ProofState, run: "_Run") -> None:
        """Go on with `run` until the generators are done or there is enough."""
        text = state.snapshot.text
        async with self._lemmas(state) as lemmas:
            question = Question(
                state.goals,
                prefix=request.prefix or state.site.prefix,
                context=text[: offset(text, state.site.range.start)],
                count=_CANDIDATES,
                seconds=request.seconds - (time.perf_counter() - run.started),
                toolchain=state.toolchain,
                lemmas=lemmas,
            )
            await self._ask(self._generators, question, state, run)
            if self._repair and not run.enough:
                told = [
                    _Repairing(one, best) for one in self._generators if (best := run.rejected_of(one.name))
                ]
                seconds = request.seconds - (time.perf_counter() - run.started)
                await self._ask(told, replace(question, seconds=seconds), state, run)

    async def _ask(
        self, generators: Sequence[Generator], question: Question, state: ProofState, run: "_Run"
    ) -> None:
        """Go on with `run` by what `generators` answer to `question`."""
        async with merged(generators, question, run.failures, run.silent) as arriving:
            batch: list[Candidate] = []
            while not run.enough:
                if not batch:
                    with _timed(run.timings, "generate"):
                        batch = await anext(arriving, [])
                    if not batch:
                        return
                batch = await self._try(state, untried(batch, question.prefix, run.tried), run)

    @asynccontextmanager
    async def _lemmas(self, state: ProofState) -> AsyncIterator[Callable[[], Awaitable[tuple[str, ...]]]]:
        """Asks Lean for lemmas once, when the first generator wants them."""
        asking: asyncio.Task[tuple[str, ...]] | None = None

        async def lemmas() -> tuple[str, ...]:
            nonlocal asking
            asking = asking or asyncio.create_task(self._prover.lemmas(state))
            try:
                return await asyncio.shield(asking)
            except LeanError as error:
                _log.info("no lemmas: %s", error)
                return ()

        try:
            yield lemmas
        finally:
            if asking:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)

    async def _try(self, state: ProofState, batch: list[Candidate], run: "_Run") -> list[Candidate]:
        """Have `batch` judged, keep what Lean accepts, and return what Lean proposes besides."""
        candidates = {candidate.text: candidate for candidate in batch}
        proposed: list[Candidate] = []
        with _timed(run.timings, "verify"):
            async with aclosing(self._prover.check(state, list(candidates))) as verdicts:
                async for text, verdict in verdicts:
                    _log.debug("%s: %r %s", verdict.status, text, verdict.reason)
                    # A step like `exact?` is a question; what Lean proposes in its place is the step.
                    proposed += [Candidate(found, candidates[text].source) for found in verdict.proposals]
                    if verdict.status is Status.REJECTED:
                        run.rejected.append((candidates[text], verdict.reason))
                    if verdict.accepted and not verdict.proposals:
                        edit = insertion(state.site, text)
                        run.found.append(Suggestion(candidates[text], verdict, edit))
                        if run.enough:
                            break
        return proposed


@dataclass
class _Run:
    """What has come of a request so far; `started` is of `time.perf_counter`."""

    started: float = field(default_factory=time.perf_counter)
    found: list[Suggestion] = field(default_factory=list)
    rejected: list[tuple[Candidate, str]] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    timings: Timings = field(default_factory=Timings)

    @property
    def enough(self) -> bool:
        """Whether so many ways to close the goal are found that more are not worth the wait."""
        return sum(s.verdict.status is not Status.ADVANCES for s in self.found) >= _ENOUGH_CLOSE

    def rejected_of(self, source: str) -> tuple[Rejection, ...]:
        """The rejected steps of `source` in which it had most confidence."""
        own = [one for one in self.rejected if one[0].source == source]
        own.sort(key=lambda one: -(one[0].score or 0.0))
        return tuple(Rejection(candidate.text, reason) for candidate, reason in own[:_REJECTED])


@dataclass(frozen=True)
class _Repairing:
    """A generator that is told which of its steps Lean turned down."""

    inner: Generator
    rejected: tuple[Rejection, ...]

    @property
    def name(self) -> str:
        return self.inner.name

    def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        return self.inner.candidates(replace(question, rejected=self.rejected))

    async def aclose(self) -> None:
        await self.inner.aclose()


def _time_is_up(seconds: float, *, goals_known: bool) -> str:
    if goals_known:
        return f"Stopped after {seconds:g} s; there may be more."
    return f"Lean was not ready within {seconds:g} s. Ask again, or allow more time."


def _unheard(run: "_Run") -> str | None:
    if not run.silent:
        return None
    return f"There was enough before {' and '.join(sorted(run.silent))} proposed anything."


def _nothing_found(run: "_Run") -> str | None:
    if run.found or (run.failures and not run.tried):
        return None
    if run.tried:
        return f"Lean accepted none of the steps that were tried ({len(run.tried)})."
    return "No generator proposes a step that begins so."


@contextmanager
def _timed(timings: Timings, stage: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        setattr(timings, stage, getattr(timings, stage) + (time.perf_counter() - started) * 1000)
