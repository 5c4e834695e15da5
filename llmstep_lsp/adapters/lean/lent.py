"""Owns documents of ours in a Lean server that somebody else runs."""

import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmstep_lsp.adapters.lean.server import LeanDocument
from llmstep_lsp.errors import LeanGoneError, LeanHookError
from llmstep_lsp.ports import LeanLender

# No name is used twice, so that what Lean still says of a document that was closed is never taken
# for news of the next one.
_numbers = itertools.count(1)


def lent_document(lender: LeanLender, file: Path) -> LeanDocument:
    """A scratch document beside `file` in the Lean of `lender`; it has no text yet."""
    uri = file.with_name(f"{file.stem}.llmstep-scratch-{next(_numbers)}.lean").as_uri()
    document = LeanDocument(uri)
    document.move_in(_Loan(lender, uri, document.notified))
    return document


def put_on_shelf(shelf: Path, folder: Path) -> None:
    """Let a lent Lean find the compiled modules in `folder`; `shelf` is the lender's.

    Raises:
        LeanHookError: the place cannot be written to.
    """
    try:
        with contextlib.suppress(FileExistsError):
            shelf.symlink_to(folder)
    except OSError as error:
        raise LeanHookError(
            f"LLMStep cannot be linked as {shelf}: {error.strerror}. Make room there."
        ) from error


class _Loan:
    """Implements `Host`: one document's place in a Lean that goes on without it."""

    def __init__(self, lender: LeanLender, uri: str, heard: Callable[[str, Any], None]) -> None:
        self._lender = lender
        self._uri = uri
        self._unlisten = lender.listen(uri, heard, self._ended)
        self._opened = False
        self._gone = False

    @property
    def alive(self) -> bool:
        return not self._gone

    async def request(self, method: str, params: Any) -> Any:
        self._require()
        return await self._lender.request(method, params)

    def notify(self, method: str, params: Any) -> None:
        self._require()
        self._lender.notify(method, params)
        self._opened = True  # the first thing that is said of a document opens it

    async def aclose(self) -> None:
        if self._gone:
            return
        self._gone = True
        if self._opened:
            with contextlib.suppress(LeanGoneError):
                self._lender.notify("textDocument/didClose", {"textDocument": {"uri": self._uri}})
        self._unlisten()

    def _ended(self) -> None:
        self._gone = True

    def _require(self) -> None:
        if self._gone:  # a Lean that was started again does not know the document
            raise LeanGoneError("The Lean that had the scratch document has ended. Ask again.")
