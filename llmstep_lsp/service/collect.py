"""Owns finding steps for one proof state: all generators are asked at once, Lean judges as they answer."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace

from llmstep_lsp.domain.insertion import insertion
from llmstep_lsp.domain.model import Candidate, ProofState, Status, Suggestion
from llmstep_lsp.domain.text import offset
from llmstep_lsp.errors import LeanError
from llmstep_lsp.ports import Generator, Prover, Question, Rejection
from llmstep_lsp.service.propose import merged, untried

_log = logging.getLogger(__name__)

# How many rejected steps a model is shown to do better.
_REJECTED = 4


@dataclass
class Timings:
    """Milliseconds that went into each stage; `generate` is time spent waiting for candidates."""

    goal: float = 0.0
    generate: float = 0.0
    verify: float = 0.0


@dataclass
class Run:
    """What has come so far; `started` is of `time.perf_counter`.

    `silent` are the names of the generators that have neither proposed anything nor ended.
    `heard` is called with each suggestion as it is found.
    """

    close_enough: int
    started: float = field(default_factory=time.perf_counter)
    found: list[Suggestion] = field(default_factory=list)
    rejected: list[tuple[Candidate, str]] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    timings: Timings = field(default_factory=Timings)
    heard: Callable[[Suggestion], None] = lambda _: None

    @property
    def enough(self) -> bool:
        """Whether `close_enough` ways to close the goal are found, so that more are not worth the wait."""
        return sum(s.verdict.status is not Status.ADVANCES for s in self.found) >= self.close_enough

    @property
    def seconds(self) -> float:
        """How long ago it started."""
        return time.perf_counter() - self.started

    def rejected_of(self, source: str) -> tuple[Rejection, ...]:
        """The rejected steps of `source` in which it had most confidence."""
        own = [one for one in self.rejected if one[0].source == source]
        own.sort(key=lambda one: -(one[0].score or 0.0))
        return tuple(Rejection(candidate.text, reason) for candidate, reason in own[:_REJECTED])


class Collector:
    """Finds steps that Lean accepts.

    With `repair`, the generators are asked a second time if there is not enough then, and shown
    what Lean says of their best candidates.
    """

    def __init__(self, prover: Prover, generators: Sequence[Generator], *, repair: bool = False) -> None:
        self._prover = prover
        self._generators = generators
        self._repair = repair

    async def collect(self, state: ProofState, run: Run, *, prefix: str, count: int, seconds: float) -> None:
        """Go on with `run` until it has enough, or the generators, asked for `count` each, are done.

        They are told that there are `seconds`, but it is for the caller to end this then; what
        `run` has found by that time stays.
        """
        text = state.snapshot.text
        deadline = time.perf_counter() + seconds
        async with self._lemmas(state) as lemmas:
            question = Question(
                state.goals,
                prefix=prefix or state.site.prefix,
                context=text[: offset(text, state.site.range.start)],
                count=count,
                seconds=seconds,
                toolchain=state.toolchain,
                lemmas=lemmas,
            )
            await self._ask(self._generators, question, state, run)
            if self._repair and not run.enough:
                told = [
                    _Repairing(one, best) for one in self._generators if (best := run.rejected_of(one.name))
                ]
                left = deadline - time.perf_counter()
                await self._ask(told, replace(question, seconds=left), state, run)

    async def _ask(
        self, generators: Sequence[Generator], question: Question, state: ProofState, run: Run
    ) -> None:
        """Go on with `run` by what `generators` answer to `question`."""
        async with merged(generators, question, run.failures, run.silent) as arriving:
            batch: list[Candidate] = []
            while not run.enough:
                if not batch:
                    with timed(run.timings, "generate"):
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

    async def _try(self, state: ProofState, batch: list[Candidate], run: Run) -> list[Candidate]:
        """Have `batch` judged, keep what Lean accepts, and return what Lean proposes besides."""
        candidates = {candidate.text: candidate for candidate in batch}
        proposed: list[Candidate] = []
        with timed(run.timings, "verify"):
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
                        run.heard(run.found[-1])
                        if run.enough:
                            break
        return proposed


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


@contextmanager
def timed(timings: Timings, stage: str) -> Iterator[None]:
    """Adds the time that passes meanwhile to `stage`."""
    started = time.perf_counter()
    try:
        yield
    finally:
        setattr(timings, stage, getattr(timings, stage) + (time.perf_counter() - started) * 1000)
