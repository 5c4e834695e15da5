"""Owns the `Prover` that has Lean judge candidates itself, by the methods of our Lean package.

A second scratch document imports the package and has the same text otherwise.  There Lean judges
a whole batch at once, and what it turns down is done with.  What it accepts, or does not know soon,
is left to the plain prover, in a document without the package, and only that counts: any import
may change what a file means.  Where the package cannot be had, or as long as it is not ready, the
plain prover does it all.
"""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llmstep_lsp.adapters.lean import hook
from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.lent import lent_document, put_on_shelf
from llmstep_lsp.adapters.lean.scratches import MAX_SCRATCHES, Scratches, start_beside
from llmstep_lsp.adapters.lean.server import LeanDocument
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.domain.goals import same_goals
from llmstep_lsp.domain.model import NothingToProve, ProofState, Site, Snapshot, Status, Verdict
from llmstep_lsp.errors import LeanError
from llmstep_lsp.ports import LeanLender, LeanStatus, Prover

_log = logging.getLogger(__name__)

# Two Leans that load at a time would make the first question about a file wait.
_PAUSE_SECONDS = 3.0
# Candidates come in the order of their promise, so the first batch is small, and each is twice
# as large as the one before.
_FIRST_BATCH = 8
# What takes longer gains nothing from being judged twice, and should not keep the others waiting.
_MILLISECONDS = 100
# `exact?` and the like search the library, and do not stop while they index it.
_QUESTION = re.compile(r"\w\?(?!\w)")
# Lemmas are asked for as soon as a state is located; in a Lean that runs, the package is soon ready.
_PATIENCE_SECONDS = 1.0
_LEMMAS = 16
_LEMMAS_MILLISECONDS = 500
_NO_IMPORT = "A file that starts with `prelude` cannot import LLMStep, our Lean package."
_OTHER_GOALS = "Lean shows other goals where LLMStep, our Lean package, is imported."
_ONE_BY_ONE = "Candidates are judged one by one, which is slower"
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
        lender: LeanLender | None = None,
    ) -> None:
        async def start(file: Path) -> LeanDocument:
            if lender and await lender.ready():
                if lender.shelf:  # without one, only a project that has the package itself can use it
                    put_on_shelf(lender.shelf, await library.folder(find_toolchain(file)))
                return lent_document(lender, file)
            toolchain = find_toolchain(file)
            return await start_beside(file, toolchain, await library.folder(toolchain))

        self._plain = plain
        self._library = library
        self._scratches = Scratches(start)
        self._openings: OrderedDict[str, _Opening] = OrderedDict()
        self._tasks: set[asyncio.Task[bool]] = set()
        self._complaints: set[str] = set()
        self._obstacles: dict[str, str] = {}  # by documents, why the package does not judge there

    async def locate(self, snapshot: Snapshot, sites: Sequence[Site]) -> ProofState | NothingToProve:
        """As the port says; behind it, the package gets ready for the state."""
        state = await self._plain.locate(snapshot, sites)
        if isinstance(state, ProofState):
            if view := hook.view(state):
                self._prepare(state, view)
            else:
                self._obstacles[snapshot.uri] = _NO_IMPORT
        return state

    async def ready(self, state: ProofState) -> bool:
        """Whether the package judges candidates for `state`, the last one located, once that is known."""
        opening = self._opening(state)
        return opening is not None and await opening.task

    async def lemmas(self, state: ProofState) -> tuple[str, ...]:
        """As the port says; they are not worth much waiting for a Lean that starts or is busy."""
        opening = self._opening(state)
        if opening is None:
            return ()
        try:
            scratch = await self._scratches.beside(state.snapshot.uri)
            if not scratch.alive:
                return ()
            async with asyncio.timeout(_PATIENCE_SECONDS):
                if not await asyncio.shield(opening.task):
                    return ()
                async with scratch.lock:
                    document = await scratch.document()
                    return await hook.lemmas(document, opening.view, _LEMMAS, _LEMMAS_MILLISECONDS)
        except TimeoutError:
            return ()
        except LeanError as error:
            self._complain("Lean names no lemmas of the library", error)
            return ()

    async def check(
        self, state: ProofState, texts: Sequence[str]
    ) -> AsyncGenerator[tuple[str, Verdict], None]:
        """As the port says: of each batch what Lean turns down, then the best; what takes long at last."""
        slow = [text for text in texts if _QUESTION.search(text)]
        waiting = [text for text in texts if text not in slow]
        size = _FIRST_BATCH
        while waiting:
            opening = self._opening(state)
            if opening is None or not opening.task.done() or not opening.task.result():
                accepted = [waiting.pop(0)]  # for all we know
            else:
                batch, waiting, size = waiting[:size], waiting[size:], 2 * size
                verdicts = await self._judged(opening, batch)
                for text, verdict in verdicts:
                    if verdict.status in {Status.REJECTED, Status.REFUSED}:
                        yield text, verdict
                slow += [text for text, verdict in verdicts if verdict.status is Status.UNKNOWN]
                accepted = [text for text, verdict in sorted(verdicts, key=_rank) if verdict.accepted]
            for text in accepted:
                yield text, await self._plain_verdict(state, text)
        for text in slow:
            yield text, await self._plain_verdict(state, text)

    async def status(self, uri: str) -> LeanStatus:
        """As the port says; how candidates are judged is known from the last question about the document."""
        status = await self._plain.status(uri)
        if obstacle := self._obstacles.get(uri):
            return replace(status, batches=False, obstacle=obstacle)
        opening = self._openings.get(uri)
        done = opening is not None and opening.task.done() and not opening.task.cancelled()
        return replace(status, batches=opening.task.result() if opening and done else None)

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
            if not scratch.alive:
                await asyncio.sleep(_PAUSE_SECONDS)
            async with scratch.lock:
                fresh = not scratch.alive
                document = await scratch.document()
                if not fresh and self._opening(state) is None:  # another state is asked about by now
                    return False
                same = same_goals(await hook.goals(document, view), state.goals)
        except LeanError as error:
            self._complain(_ONE_BY_ONE, error)
            self._obstacles[state.snapshot.uri] = str(error)
            return False
        if same:
            self._obstacles.pop(state.snapshot.uri, None)
        else:
            self._obstacles[state.snapshot.uri] = _OTHER_GOALS
        return same

    async def _judged(self, opening: _Opening, texts: list[str]) -> list[tuple[str, Verdict]]:
        """The package's verdicts; if it fails, it knows nothing."""
        uri = opening.state.snapshot.uri
        try:
            scratch = await self._scratches.beside(uri)
            async with scratch.lock:
                document = await scratch.document()
                verdicts = await hook.judge(document, opening.view, texts, _MILLISECONDS)
        except LeanError as error:
            self._complain(_ONE_BY_ONE, error)
            self._obstacles[uri] = str(error)
            self._openings.pop(uri, None)
            verdicts = [Verdict(Status.UNKNOWN, reason=str(error))] * len(texts)
        return list(zip(texts, verdicts, strict=True))

    async def _plain_verdict(self, state: ProofState, text: str) -> Verdict:
        ((_, verdict),) = [judged async for judged in self._plain.check(state, [text])]
        return verdict

    def _complain(self, loss: str, error: LeanError) -> None:
        """Say what is lost by `error`, the first time that it comes."""
        if str(error) not in self._complaints:
            self._complaints.add(str(error))
            _log.warning("%s: %s", loss, error)


def _rank(judged: tuple[str, Verdict]) -> int:
    status = judged[1].status
    return _BEST_FIRST.index(status) if status in _BEST_FIRST else len(_BEST_FIRST)
