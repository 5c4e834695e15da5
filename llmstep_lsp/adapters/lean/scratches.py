"""Owns the scratch documents: one beside each file that was asked about lately.

Each is in a process of its own, so a crash or an endless candidate in one costs the others
nothing: in a Lean of ours, or in the worker that a lent Lean has for each document.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote, urlparse

from llmstep_lsp.adapters.lean.server import LeanDocument
from llmstep_lsp.adapters.lean.toolchain import Toolchain

_log = logging.getLogger(__name__)

# Each is a Lean with the file's imports in memory: gigabytes, with Mathlib.
MAX_SCRATCHES = 2

Start = Callable[[Path], Awaitable[LeanDocument]]
"""Makes a scratch document beside a file, and starts a Lean for it if need be."""


async def start_beside(file: Path, toolchain: Toolchain, lean_path: Path | None = None) -> LeanDocument:
    """A Lean with a scratch document beside `file`; it also finds modules in `lean_path`.

    Raises:
        LeanNotFoundError: it cannot be started.
        LeanGoneError: it ended, or is not a Lean server.
    """
    _log.info("starting %s (%s)", " ".join(toolchain.server), toolchain.reason)
    beside = file.with_name(f"{file.stem}.llmstep-scratch.lean")
    return await LeanDocument.start(toolchain.server, toolchain.root, beside.as_uri(), lean_path)


class Scratches:
    """The scratch documents that `start` makes."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._scratches: OrderedDict[str, Scratch] = OrderedDict()

    async def beside(self, uri: str) -> "Scratch":
        """The scratch document beside `uri`, the least recently used one given up for it if need be."""
        if uri not in self._scratches:
            self._scratches[uri] = Scratch(path_of(uri), self._start)
        self._scratches.move_to_end(uri)
        while len(self._scratches) > MAX_SCRATCHES:
            _, oldest = self._scratches.popitem(last=False)
            await oldest.aclose()
        return self._scratches[uri]

    def running(self, uri: str) -> bool:
        """Whether there is one beside `uri`, in a Lean that can be asked."""
        return uri in self._scratches and self._scratches[uri].alive

    async def aclose(self) -> None:
        """End every Lean."""
        scratches = list(self._scratches.values())
        self._scratches.clear()
        await asyncio.gather(*(scratch.aclose() for scratch in scratches))


class Scratch:
    """A scratch document, made when it is first needed and again after its Lean ended.

    Whoever uses the document holds `lock`.
    """

    def __init__(self, file: Path, start: Start) -> None:
        self.lock = asyncio.Lock()
        self._file = file
        self._start = start
        self._document: LeanDocument | None = None

    @property
    def alive(self) -> bool:
        """Whether its Lean is there."""
        return self._document is not None and self._document.alive

    async def document(self) -> LeanDocument:
        """The document, in a Lean that can be asked."""
        if self._document is None or not self._document.alive:
            self._document = await self._start(self._file)
        return self._document

    async def aclose(self) -> None:
        """End its Lean."""
        if self._document:
            await self._document.aclose()
            self._document = None


def path_of(uri: str) -> Path:
    """The file that `uri` names; for a document that is in none, one that could be."""
    parsed = urlparse(uri)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    return Path.cwd() / "Untitled.lean"
