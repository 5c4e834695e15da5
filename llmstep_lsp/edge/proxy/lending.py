"""Owns our own use of the editor's Lean server: our requests, and our documents there."""

import asyncio
import itertools
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmstep_lsp.edge.listeners import Listeners, uri_of
from llmstep_lsp.edge.proxy.frames import Frame, frame_of
from llmstep_lsp.edge.proxy.hiding import without
from llmstep_lsp.errors import LeanGoneError, LeanRequestError

_SECONDS_TO_START = 30.0


class ProxiedLean:
    """Implements `LeanLender` by `send`, which gives a message to Lean's server."""

    def __init__(self, shelf: Path, send: Callable[[dict[str, Any]], None]) -> None:
        self._shelf = shelf
        self._send = send
        self._up = asyncio.Event()
        self._prefix = f"llmstep-{uuid.uuid4().hex}-"  # no id of the editor's begins so
        self._numbers = itertools.count(1)
        self._pending: dict[str, asyncio.Future[Any]] = {}
        self._listeners = Listeners()
        self._documents: set[str] = set()  # closed ones, too: Lean may still say something

    @property
    def shelf(self) -> Path | None:
        """As the port says."""
        return self._shelf

    async def ready(self) -> bool:
        """As the port says: always, once Lean's server is there."""
        try:
            async with asyncio.timeout(_SECONDS_TO_START):
                await self._up.wait()
        except TimeoutError:
            raise LeanGoneError(
                f"Lean's server was not ready within {_SECONDS_TO_START:g} s. Ask again; if that does not "
                "help, look into the editor's log for what it says."
            ) from None
        return True

    async def request(self, method: str, params: Any) -> Any:
        """As the port says."""
        self._require()
        name = f"{self._prefix}{next(self._numbers)}"
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[name] = answer
        try:
            self._send({"id": name, "method": method, "params": params})
            return await answer
        except asyncio.CancelledError:
            if self._up.is_set():
                self._send({"method": "$/cancelRequest", "params": {"id": name}})
            raise
        finally:
            self._pending.pop(name, None)

    def notify(self, method: str, params: Any) -> None:
        """As the port says."""
        self._require()
        self._send({"method": method, "params": params})

    def listen(
        self, uri: str, heard: Callable[[str, Any], None], ended: Callable[[], None]
    ) -> Callable[[], None]:
        """As the port says."""
        self._documents.add(uri)
        return self._listeners.add(uri, heard, ended)

    # What the proxy tells

    def started(self) -> None:
        """Lean's server is initialised."""
        self._up.set()

    def ended(self) -> None:
        """Lean's server ended, and all that was asked and open there with it."""
        self._up.clear()
        self._documents.clear()
        self._listeners.end()
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(_gone())

    def answered(self, message: dict[str, Any]) -> bool:
        """Take an answer of Lean's server; whether it is one to us."""
        name = message.get("id")
        if not (isinstance(name, str) and name.startswith(self._prefix)):
            return False
        answer = self._pending.get(name)
        if answer and not answer.done():
            if error := message.get("error"):
                answer.set_exception(
                    LeanRequestError(int(error.get("code", 0)), str(error.get("message", error)))
                )
            else:
                answer.set_result(message.get("result"))
        return True

    def heard(self, message: dict[str, Any]) -> bool:
        """Take a notification of Lean's server; whether it is about a document of ours."""
        params = message.get("params")
        if uri_of(params) not in self._documents:
            return False
        self._listeners.tell(message["method"], params)
        return True

    def hidden(self, frame: Frame) -> Frame:
        """An answer to the editor without what it says about documents of ours."""
        if not any(uri.encode() in frame.body for uri in self._documents):
            return frame
        message = frame.message()
        return frame_of({**message, "result": without(message.get("result"), self._documents)})

    def _require(self) -> None:
        if not self._up.is_set():
            raise _gone()


def _gone() -> LeanGoneError:
    return LeanGoneError("Lean's server ended. It is started again; ask again.")
