"""Owns the Lean that attempts are judged by: one document with our package, over and over."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from llmstep_lsp.adapters.lean import hook
from llmstep_lsp.adapters.lean.server import LeanDocument
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.domain.header import with_import
from llmstep_lsp.domain.model import Goal, Status, Verdict
from llmstep_lsp.domain.text import Position
from llmstep_lsp.errors import LeanError, LeanGoneError, LeanHookError, LeanRequestError

_MILLISECONDS = 500
# The WebAssembly Lean keeps some memory for each text that it has seen.
_TEXTS_A_PROCESS = 60


class LeanJudge:
    """A Lean, started when it is needed, and again when it ended or has seen many texts."""

    def __init__(self, toolchain: Toolchain, package: Path, folder: Path, name: str) -> None:
        self._toolchain = toolchain
        self._package = package
        self._uri = (folder / f"{name}.lean").as_uri()
        self._document: LeanDocument | None = None
        self._texts = 0

    async def goals(self, text: str, place: Position) -> tuple[Goal, ...]:
        """The goals at `place` of `text`; none if Lean sees no tactic there, or an error in what is above.

        Raises:
            LeanError: Lean cannot be asked.
        """
        with contextlib.suppress(LeanRequestError):
            return await hook.goals(await self._open(), _view(text, place))
        return ()

    async def verdicts(self, text: str, place: Position, steps: Sequence[str]) -> list[Verdict]:
        """What Lean says of `steps` at `place`; if it crashes on them, of each by itself."""
        try:
            return await hook.judge(await self._open(), _view(text, place), steps, _MILLISECONDS)
        except (LeanGoneError, LeanHookError):
            await self.aclose()
            if len(steps) == 1:
                return [Verdict(Status.UNKNOWN, reason="Lean ended")]
        return [verdict for step in steps for verdict in await self.verdicts(text, place, [step])]

    async def aclose(self) -> None:
        """End it."""
        document, self._document = self._document, None
        if document:
            with contextlib.suppress(LeanError, asyncio.TimeoutError):
                await document.aclose()

    async def fresh(self) -> None:
        """Another text is next."""
        self._texts += 1
        if self._texts % _TEXTS_A_PROCESS == 0:
            await self.aclose()

    async def _open(self) -> LeanDocument:
        if self._document is None or not self._document.alive:
            self._document = await LeanDocument.start(
                self._toolchain.server, self._toolchain.root, self._uri, self._package
            )
        return self._document


def _view(text: str, place: Position) -> hook.View:
    whole = with_import(text, hook.MODULE)
    if whole is None:
        raise ValueError("a sheet imports nothing, so it can import the package")
    return hook.View(whole, Position(place.line + 1, place.column))
