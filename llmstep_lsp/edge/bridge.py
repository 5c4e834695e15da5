"""Owns the bridge: the Lean that an editor plugin runs, lent to us by messages of our own.

`docs/sharing-lean.md` specifies them.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from cattrs import Converter
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import JsonRPCNotification, JsonRPCResponseMessage, default_converter

from llmstep_lsp.edge.listeners import Listeners
from llmstep_lsp.errors import LeanGoneError, LeanRequestError

_log = logging.getLogger(__name__)

CAPABILITY = "llmstepBridge"
"""What is true in the client's experimental capabilities."""

CONNECT, REQUEST, NOTIFY = "llmstep/lean/connect", "llmstep/lean/request", "llmstep/lean/notify"
NOTIFIED, ENDED = "llmstep/lean/notified", "llmstep/lean/ended"

_SECONDS_TO_CONNECT = 30.0


def converter() -> Converter:
    """That of pygls, but JSON of methods that are not of the protocol stays as it is.

    Keys such as those of Lean's answers cannot be fields of the objects that pygls makes.
    """
    made: Converter = default_converter()  # type: ignore[no-untyped-call]
    for kind in (JsonRPCNotification, JsonRPCResponseMessage):
        made.register_structure_hook(kind, lambda message, kind: kind(**message))
    return made


def offered(server: LanguageServer, params: types.InitializeParams) -> "Bridge | None":
    """The bridge over the connection of `server`, whose client it knows by `params`; None if it has none.

    `server` is made with `converter`.
    """
    experimental = params.capabilities.experimental
    if not (isinstance(experimental, dict) and experimental.get(CAPABILITY) is True):
        return None
    bridge = Bridge(server)

    @server.feature(NOTIFIED)
    def notified(told: dict[str, Any]) -> None:
        bridge.notified(told)

    @server.feature(ENDED)
    def ended(_: Any) -> None:
        bridge.ended()

    return bridge


class Bridge:
    """Implements `LeanLender` by asking the editor."""

    def __init__(self, server: LanguageServer) -> None:
        self._protocol = server.protocol
        self._connecting = asyncio.Lock()
        self._connected = False
        self._refused = False
        self._listeners = Listeners()
        self._pending: set[asyncio.Future[Any]] = set()

    @property
    def shelf(self) -> Path | None:
        """None: the editor has started its Lean with the search path that it wants."""
        return None

    async def ready(self) -> bool:
        """As the port says; an editor that knows no bridge after all is not asked again."""
        async with self._connecting:
            if self._connected or self._refused:
                return self._connected
            try:
                async with asyncio.timeout(_SECONDS_TO_CONNECT):
                    await self._ask(CONNECT, {})
            except LeanRequestError as error:
                self._refused = error.code == types.ErrorCodes.MethodNotFound
                self._say(str(error))
            except LeanGoneError as error:
                self._say(str(error))
            except TimeoutError:
                self._say(f"no answer to {CONNECT} within {_SECONDS_TO_CONNECT:g} s")
            else:
                self._connected = True
            return self._connected

    async def request(self, method: str, params: Any) -> Any:
        """As the port says."""
        self._require()
        return await self._ask(REQUEST, {"method": method, "params": params})

    def notify(self, method: str, params: Any) -> None:
        """As the port says."""
        self._require()
        self._protocol.notify(NOTIFY, {"method": method, "params": params})

    def listen(
        self, uri: str, heard: Callable[[str, Any], None], ended: Callable[[], None]
    ) -> Callable[[], None]:
        """As the port says."""
        return self._listeners.add(uri, heard, ended)

    def notified(self, told: Any) -> None:
        """The editor passes on what its Lean says about a document of ours."""
        if isinstance(told, dict) and isinstance(told.get("method"), str):
            self._listeners.tell(told["method"], told.get("params"))

    def ended(self) -> None:
        """The editor's Lean ended, and our documents with it."""
        self._connected = False
        self._listeners.end()
        for answer in self._pending:
            if not answer.done():
                answer.set_exception(_gone())

    async def _ask(self, method: str, params: dict[str, Any]) -> Any:
        loop = asyncio.get_running_loop()
        number = str(uuid.uuid4())
        answer: asyncio.Future[Any] = loop.create_future()
        self._pending.add(answer)
        asked = self._protocol.send_request(method, params, msg_id=number)
        asked.add_done_callback(lambda done: _settle(answer, done))
        try:
            return await answer
        except asyncio.CancelledError:
            self._protocol.notify(types.CANCEL_REQUEST, types.CancelParams(number))
            raise
        finally:
            self._pending.discard(answer)

    def _require(self) -> None:
        if not self._connected:
            raise _gone()

    def _say(self, why: str) -> None:
        _log.warning("The editor announced that it lends its Lean, and does not (%s): we start our own.", why)


def _settle(answer: asyncio.Future[Any], done: "Future[Any]") -> None:
    if answer.done():
        return
    if done.cancelled():  # we are being shut down
        answer.set_exception(_gone())
        return
    error = done.exception()
    if error is None:
        answer.set_result(done.result())
    elif isinstance(error, JsonRpcException):
        answer.set_exception(LeanRequestError(error.code, error.message))
    else:
        answer.set_exception(error)


def _gone() -> LeanGoneError:
    return LeanGoneError("The editor's Lean has ended. Ask again when it is there again.")
