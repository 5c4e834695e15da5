"""Owns what is known at places of the open documents, and the work that finds out more.

Requests for the same place share one inquiry.  It goes on when nobody waits for it any longer, until
it is complete, the text that it is about changes, or the person turns to another place of the document.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

from llmstep_lsp.domain.model import Candidate, Goal, ProofState, Snapshot, Status, Suggestion
from llmstep_lsp.domain.place import Place, holds, place_at
from llmstep_lsp.errors import StaleError
from llmstep_lsp.ports import Generator, Prover, Question
from llmstep_lsp.service.suggest import Answer, Inquiry, Request, Suggester

# Who types or moves on within this time has not stopped to look.
_PAUSE_SECONDS = 0.15
# What takes longer than this is not worth the machine's warmth.
_SECONDS_BEHIND = 60.0
_MAX_PLACES = 64


class Answers:
    """Answers requests about documents that change.

    What is known of a place is kept as long as Lean would be shown the same there; what Lean accepted for
    a goal is proposed first, and judged again, wherever that goal comes back.
    """

    def __init__(self, prover: Prover, generators: Sequence[Generator], *, repair: bool = False) -> None:
        self._memory = _Memory()
        self._suggester = Suggester(prover, [self._memory, *generators], repair=repair)
        self._works: OrderedDict[Place, _Work] = OrderedDict()
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._health: dict[str, str] = {generator.name: "" for generator in generators}

    @property
    def health(self) -> dict[str, str]:
        """Of each generator: "" if it has not been asked, "answered", or how it failed when last asked."""
        return dict(self._health)

    @property
    def kept(self) -> int:
        """How many places something is known of."""
        return len(self._works)

    def known(self, request: Request, *, start: bool = False) -> Answer | None:
        """What is known now of the place that `request` is about, without any waiting; None if nothing is.

        With `start`, it begins to find out, behind, unless that has been tried: in a moment, if
        nothing comes between.
        """
        place = _place(request)
        work = self._works.get(place)
        if work is None and start:
            work = self._begin(place, request)
        return None if work is None or work.failed else work.inquiry.answer(request.count, 0)

    async def ask(self, request: Request, *, first: bool = False) -> Answer:
        """What is known after `request.seconds`, or as soon as that is complete.

        With `first`, one way to close the goal is enough, and there is no hurry: the person may be
        typing.  Cancelling it cancels the work, unless somebody else waits for the same.

        Raises:
            StaleError: the document changed meanwhile.
            LeanError: Lean cannot be asked for the goals.
        """
        place = _place(request)
        work = self._works.get(place)
        if work is None or (work.task.done() and not work.complete):
            work = self._begin(place, request)
        self._works.move_to_end(place)
        stale: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(place.uri, set())
        waiting.add(stale)
        work.waiting += 1
        if not first:
            work.wanted.set()
        awaited = {work.task, stale, *([work.closed] if first else [])}
        try:
            await asyncio.wait(awaited, timeout=request.seconds, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if work.waiting == 1 and self._works.get(place) is work:
                self._drop(place)
            raise
        finally:
            work.waiting -= 1
            waiting.discard(stale)
        if stale.done():
            raise StaleError("The document changed. Ask again.")
        if work.failed:
            work.task.result()
        return work.inquiry.answer(request.count, request.seconds)

    def edited(self, snapshot: Snapshot) -> None:
        """A document has become `snapshot`: who waits is told, and work on text that changed ends."""
        self._stale(snapshot.uri)
        for place, work in list(self._works.items()):
            if place.uri == snapshot.uri and not work.task.done() and not holds(place, snapshot):
                self._drop(place)

    def closed(self, uri: str) -> None:
        """Forget the document `uri`."""
        self._stale(uri)
        for place in [place for place in self._works if place.uri == uri]:
            self._drop(place)

    def stop(self) -> None:
        """End all work; who waits gets what is known by now."""
        for place, work in list(self._works.items()):
            if not work.task.done():
                self._drop(place)

    def forget(self) -> None:
        """End all work and forget all that is known, as Lean might say something else now."""
        for place in list(self._works):
            self._drop(place)

    async def aclose(self) -> None:
        """End all work, and wait until it has ended."""
        self.forget()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _begin(self, place: Place, request: Request) -> "_Work":
        for other, work in list(self._works.items()):
            if other.uri == place.uri and not work.task.done() and not work.waiting:
                self._drop(other)
        while len(self._works) >= _MAX_PLACES:
            self._drop(next(iter(self._works)))
        seconds = max(request.seconds, _SECONDS_BEHIND)
        inquiry, wanted = Inquiry(replace(request, seconds=seconds)), asyncio.Event()
        task = asyncio.create_task(self._pursue(inquiry, wanted))
        self._ending.add(task)
        task.add_done_callback(self._ended)
        self._works[place] = work = _Work(inquiry, task, wanted)
        inquiry.run.heard = work.hear
        return work

    async def _pursue(self, inquiry: Inquiry, wanted: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PAUSE_SECONDS):
                await wanted.wait()
        try:
            await self._suggester.pursue(inquiry)
        finally:
            self._learn(inquiry)

    def _learn(self, inquiry: Inquiry) -> None:
        run = inquiry.run
        if isinstance(inquiry.located, ProofState):
            self._memory.learn(inquiry.located.goals, [found.candidate for found in run.found])
            for name in self._health:
                failure = next((f for f in run.failures if f.startswith(f"{name}: ")), None)
                if failure is not None:
                    self._health[name] = failure.removeprefix(f"{name}: ")
                elif name not in run.silent:
                    self._health[name] = "answered"

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._ending.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits raises it; if nobody does, it has been seen

    def _drop(self, place: Place) -> None:
        work = self._works.pop(place)
        work.inquiry.stopped = True
        work.task.cancel()

    def _stale(self, uri: str) -> None:
        for waiting in self._waiting.pop(uri, set()):
            if not waiting.done():
                waiting.set_result(None)


@dataclass
class _Work:
    """An inquiry, the task that goes on with it, and how many wait; it pauses first unless `wanted`.

    `closed` is done when a way to close the goal is found.
    """

    inquiry: Inquiry
    task: asyncio.Task[None]
    wanted: asyncio.Event
    closed: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    waiting: int = 0

    def hear(self, suggestion: Suggestion) -> None:
        """Notice what has been found."""
        if suggestion.verdict.status is not Status.ADVANCES and not self.closed.done():
            self.closed.set_result(None)

    @property
    def failed(self) -> bool:
        return self.task.done() and not self.task.cancelled() and self.task.exception() is not None

    @property
    def complete(self) -> bool:
        return self.inquiry.ended and not self.inquiry.run.failures


@dataclass
class _Memory:
    """Implements `Generator` by what Lean has accepted for the same goals before."""

    name: str = "memory"
    _accepted: OrderedDict[tuple[Goal, ...], dict[str, Candidate]] = field(default_factory=OrderedDict)

    def learn(self, goals: tuple[Goal, ...], candidates: Sequence[Candidate]) -> None:
        if candidates:
            known = self._accepted.setdefault(goals, {})
            known.update({candidate.text: candidate for candidate in candidates})
            self._accepted.move_to_end(goals)
        while len(self._accepted) > _MAX_PLACES:
            self._accepted.popitem(last=False)

    async def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        for candidate in list(self._accepted.get(question.goals, {}).values()):
            yield candidate

    async def aclose(self) -> None:
        """Nothing is held."""


def _place(request: Request) -> Place:
    return place_at(request.snapshot, request.position, request.prefix)
