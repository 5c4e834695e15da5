"""Owns the path from a position in a document to ranked suggestions that Lean has accepted."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from llmstep_lsp.domain.insertion import insertion, normalise
from llmstep_lsp.domain.model import Candidate, Goal, NothingToProve, ProofState, Snapshot, Status, Suggestion
from llmstep_lsp.domain.ranking import rank
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.domain.text import Position, offset
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.ports import Generator, Prover, Question

_log = logging.getLogger(__name__)

# With so many ways to close the goal in hand, more of them are not worth the wait.
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
    """Asks every generator at once and lets the prover judge what they propose, as it comes."""

    def __init__(self, prover: Prover, generators: Sequence[Generator]) -> None:
        self._prover = prover
        self._generators = generators

    async def suggest(self, request: Request) -> Answer:
        """The answer to `request`, after `request.seconds` at the latest, with what is ready by then.

        Raises:
            LeanError: Lean cannot be asked for the goals.
        """
        timings, notes, failures = Timings(), list[str](), list[str]()
        found: list[Suggestion] = []
        state: ProofState | NothingToProve | None = None
        try:
            async with asyncio.timeout(request.seconds):
                with _timed(timings, "goal"):
                    state = await self._locate(request)
                if isinstance(state, ProofState):
                    await self._collect(request, state, found, timings, failures)
        except TimeoutError:
            notes.append(_time_is_up(request.seconds, goals_known=state is not None))
        if isinstance(state, NothingToProve):
            notes.append(state.reason)
        goals = state.goals if isinstance(state, ProofState) else ()
        best = tuple(rank(found)[: request.count])
        return Answer(goals, best, timings, tuple(notes), tuple(failures))

    async def aclose(self) -> None:
        """End Lean and the generators."""
        await asyncio.gather(self._prover.aclose(), *(generator.aclose() for generator in self._generators))

    async def _locate(self, request: Request) -> ProofState | NothingToProve:
        sites = sites_at(request.snapshot.text, request.position)
        if not sites:
            return NothingToProve("No goal here: the cursor is not in a tactic block.")
        return await self._prover.locate(request.snapshot, sites)

    async def _collect(
        self,
        request: Request,
        state: ProofState,
        found: list[Suggestion],
        timings: Timings,
        failures: list[str],
    ) -> None:
        """Fill `found` until the generators are done or there is enough."""
        prefix = request.prefix or state.site.prefix
        text = state.snapshot.text
        context = text[: offset(text, state.site.range.start)]
        question = Question(state.goals, prefix, context, _CANDIDATES)
        tried: set[str] = set()
        waiting: deque[Candidate] = deque()
        async with _merged(self._generators, question, failures) as candidates:
            while sum(s.verdict.status is not Status.ADVANCES for s in found) < _ENOUGH_CLOSE:
                if not waiting:
                    with _timed(timings, "generate"):
                        proposed = await anext(candidates, None)
                    if proposed is None:
                        return
                    waiting.append(proposed)
                candidate = _normalised(waiting.popleft())
                if candidate.text in tried or not candidate.text.startswith(prefix.strip()):
                    continue
                tried.add(candidate.text)
                started = time.perf_counter()
                with _timed(timings, "verify"):
                    verdict = await self._prover.check(state, candidate.text)
                _log.debug("%s: %r %s", verdict.status, candidate.text, verdict.reason)
                # A step like `exact?` is a question; what Lean proposes in its place is the step.
                waiting.extendleft(Candidate(p, candidate.source) for p in reversed(verdict.proposals))
                if verdict.accepted and not verdict.proposals:
                    milliseconds = (time.perf_counter() - started) * 1000
                    edit = insertion(state.site, candidate.text)
                    found.append(Suggestion(candidate, verdict, edit, milliseconds))


def _normalised(candidate: Candidate) -> Candidate:
    return Candidate(normalise(candidate.text), candidate.source, candidate.score)


def _time_is_up(seconds: float, *, goals_known: bool) -> str:
    if goals_known:
        return f"Stopped after {seconds:g} s; there may be more."
    return f"Lean was not ready within {seconds:g} s. It goes on loading the file; ask again."


@contextmanager
def _timed(timings: Timings, stage: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        setattr(timings, stage, getattr(timings, stage) + (time.perf_counter() - started) * 1000)


@asynccontextmanager
async def _merged(
    generators: Sequence[Generator], question: Question, failures: list[str]
) -> AsyncIterator[AsyncIterator[Candidate]]:
    """The candidates of all `generators` as they come; a failing one adds to `failures`."""
    queue: asyncio.Queue[Candidate | None] = asyncio.Queue()

    async def feed(generator: Generator) -> None:
        try:
            async with aclosing(generator.candidates(question)) as proposed:
                async for candidate in proposed:
                    queue.put_nowait(candidate)
        except GeneratorError as error:
            failures.append(f"{generator.name}: {error}")
        finally:
            queue.put_nowait(None)

    async def drain() -> AsyncIterator[Candidate]:
        running = len(generators)
        while running:
            candidate = await queue.get()
            if candidate is None:
                running -= 1
            else:
                yield candidate

    tasks = [asyncio.create_task(feed(generator)) for generator in generators]
    try:
        yield drain()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
