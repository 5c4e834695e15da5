"""Owns the `Prover` that has Lean judge candidates itself, by the methods of our Lean package.

A second scratch document imports the package and has the same text otherwise.  There Lean judges
a whole batch at once, and what it turns down is done with.  What it accepts is checked once more
by the plain prover, in a document without the package, and only that counts: any import may
change what a file means.  Where the package cannot be had, or as long as it is not ready, the
plain prover does it all.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from llmstep_lsp.adapters.lean import hook
from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.scratches import MAX_SCRATCHES, Scratches, start_beside
from llmstep_lsp.adapters.lean.server import LeanDocument
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.domain.model import NothingToProve, ProofState, Site, Snapshot, Status, Verdict
from llmstep_lsp.errors import LeanError
from llmstep_lsp.ports import Prover

_log = logging.getLogger(__name__)

# In the first round no candidate gets more, so that the quick ones do not wait for the slow ones.
_QUICK_MILLISECONDS = 300
_BEST_FIRST = [Status.FINISHES, Status.CLOSES, Status.ADVANCES]


@dataclass(frozen=True)
class _Opening:
    """A state for which the package is made ready; `task` knows whether it can judge there."""

    view: hook.View
    state: ProofState
    task: "asyncio.Task[bool]"


class HookedProver:
    """Implements `Prover`; `plain` finds the proof states and has the last word."""

    def __init__(
        self,
        plain: Prover,
        library: HookLibrary,
        find_toolchain: Callable[[Path], Toolchain],
        seconds_per_check: float,
    ) -> None:
        async def start(file: Path) -> LeanDocument:
            toolchain = find_toolchain(file)
            return await start_beside(file, toolchain, await library.folder(toolchain))

        self._plain = plain
        self._library = library
        self._milliseconds = round(seconds_per_check * 1000)
        self._scratches = Scratches(start)
        self._openings: OrderedDict[str, _Opening] = OrderedDict()
        self._tasks: set[asyncio.Task[bool]] = set()
        self._complaints: set[str] = set()

    async def locate(self, snapshot: Snapshot, sites: Sequence[Site]) -> ProofState | NothingToProve:
        """As the port says; behind it, the package is made ready for the state."""
        state = await self._plain.locate(snapshot, sites)
        if isinstance(state, ProofState) and (view := hook.view(state)):
            self._prepare(state, view)
        return state

    async def ready(self, state: ProofState) -> bool:
        """Whether the package judges candidates for `state`, as soon as that is known."""
        opening = self._opening(state)
        return opening is not None and await opening.task

    async def check(
        self, state: ProofState, texts: Sequence[str]
    ) -> AsyncGenerator[tuple[str, Verdict], None]:
        """As the port says: at once what Lean turns down, then what it accepts, the best first."""
        waiting = list(texts)
        while waiting:
            opening = self._opening(state)
            if opening is None or not opening.task.done() or not opening.task.result():
                async for judged in self._plain.check(state, [waiting.pop(0)]):
                    yield judged
                continue
            try:
                async with aclosing(self._screened(opening, list(waiting))) as screened:
                    async for text, verdict in screened:
                        waiting.remove(text)
                        yield text, await self._confirmed(state, text, verdict)
            except LeanError as error:
                self._complain(error)
                self._openings.pop(state.snapshot.uri, None)

    async def aclose(self) -> None:
        """End every Lean, and what is being compiled."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(self._scratches.aclose(), self._library.aclose(), self._plain.aclose())

    def _prepare(self, state: ProofState, view: hook.View) -> None:
        uri = state.snapshot.uri
        task = asyncio.create_task(self._open(state, view))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._openings[uri] = _Opening(view, state, task)
        self._openings.move_to_end(uri)
        while len(self._openings) > MAX_SCRATCHES:
            self._openings.popitem(last=False)

    def _opening(self, state: ProofState) -> _Opening | None:
        opening = self._openings.get(state.snapshot.uri)
        return opening if opening and opening.state is state else None

    async def _open(self, state: ProofState, view: hook.View) -> bool:
        """Put `view` into its document; whether Lean sees the same goals there."""
        try:
            scratch = await self._scratches.beside(state.snapshot.uri)
            async with scratch.lock:
                if self._opening(state) is None:  # somebody asked about another state meanwhile
                    return False
                return await hook.goals(await scratch.document(), view) == [g.text for g in state.goals]
        except LeanError as error:
            self._complain(error)
            return False

    async def _screened(
        self, opening: _Opening, texts: list[str]
    ) -> AsyncGenerator[tuple[str, Verdict], None]:
        """The package's verdicts; what takes long comes last, each by itself."""
        scratch = await self._scratches.beside(opening.state.snapshot.uri)
        async with scratch.lock:
            document = await scratch.document()
            verdicts = await hook.judge(document, opening.view, texts, _QUICK_MILLISECONDS)
            slow = []
            for text, verdict in sorted(zip(texts, verdicts, strict=True), key=_best_first):
                if verdict.status is Status.UNKNOWN and verdict.milliseconds >= _QUICK_MILLISECONDS:
                    slow.append(text)
                else:
                    yield text, verdict
            async with aclosing(self._slowly(document, opening.view, slow)) as judged:
                async for text, verdict in judged:
                    yield text, verdict

    async def _slowly(
        self, document: LeanDocument, view: hook.View, texts: list[str]
    ) -> AsyncGenerator[tuple[str, Verdict], None]:
        async def judge(text: str) -> tuple[str, Verdict]:
            (verdict,) = await hook.judge(document, view, [text], self._milliseconds)
            return text, verdict

        tasks = [asyncio.create_task(judge(text)) for text in texts]
        try:
            for judged in asyncio.as_completed(tasks):
                yield await judged
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _confirmed(self, state: ProofState, text: str, screened: Verdict) -> Verdict:
        """`screened`, or what the plain prover says of what is accepted there."""
        if not screened.accepted:
            return screened
        if screened.proposals:  # a question like `exact?` is nothing to insert
            return replace(screened, status=Status.UNKNOWN, reason="it asks Lean for the step")
        ((_, verdict),) = [judged async for judged in self._plain.check(state, [text])]
        return replace(verdict, milliseconds=verdict.milliseconds + screened.milliseconds)

    def _complain(self, error: LeanError) -> None:
        """Say why candidates are judged one by one, the first time that it is so."""
        if str(error) not in self._complaints:
            self._complaints.add(str(error))
            _log.warning("Candidates are judged one by one, which is slower: %s", error)


def _best_first(judged: tuple[str, Verdict]) -> int:
    status = judged[1].status
    return _BEST_FIRST.index(status) if status in _BEST_FIRST else -1
