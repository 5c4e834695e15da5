"""Ways to have a Lean, which we may have documents in: our own, lent by the proxy, lent by an editor."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.adapters.lean.transport import Connection
from llmstep_lsp.edge import bridge
from llmstep_lsp.edge.listeners import uri_of
from llmstep_lsp.edge.proxy.child import Child
from llmstep_lsp.edge.proxy.frames import Frames, frame_of
from llmstep_lsp.edge.proxy.ours import Ours
from llmstep_lsp.edge.proxy.proxy import Proxy
from llmstep_lsp.edge.proxy.serving import environment_with
from llmstep_lsp.errors import LeanGoneError, LeanRequestError
from llmstep_lsp.ports import LeanLender

INITIALIZE: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}


class Silent(Ours):
    """A server of ours that never says anything."""

    def __init__(self) -> None:
        """Nothing is needed."""

    def feed(self, message: dict[str, Any]) -> bool:
        return False


@asynccontextmanager
async def by_proxy(
    toolchain: Toolchain, folder: Path
) -> AsyncGenerator[tuple[LeanLender, list[Child]], None]:
    """What the proxy lends, and the servers that it started."""
    children: list[Child] = []
    initialized = asyncio.Event()

    async def start() -> Child:
        children.append(await Child.start(toolchain.server, environment_with(folder / "modules")))
        return children[-1]

    def to_editor(raw: bytes) -> None:
        (frame,) = Frames().feed(raw)
        if frame.message().get("id") == 1:
            initialized.set()

    proxy = Proxy(start, to_editor, folder / "modules")
    run = asyncio.create_task(proxy.run(Silent()))
    proxy.from_editor(frame_of({"id": 1, "method": "initialize", "params": INITIALIZE}))
    await initialized.wait()
    proxy.from_editor(frame_of({"method": "initialized", "params": {}}))
    try:
        yield proxy.lent, children
    finally:
        proxy.end()
        await run


class Lending:
    """An editor that lends its Lean, as `docs/sharing-lean.md` says; `told` are the messages that it got."""

    def __init__(self, *, knows_how: bool = True) -> None:
        self.told: list[dict[str, Any]] = []
        self.lean: Connection | None = None
        self._knows_how = knows_how
        self._ours: set[str] = set()
        self._asked: dict[str, asyncio.Task[None]] = {}
        self.server = LanguageServer("test", "1", converter_factory=bridge.converter)
        self.server.protocol.set_writer(self, include_headers=False)
        experimental = {bridge.CAPABILITY: True}
        params = types.InitializeParams(types.ClientCapabilities(experimental=experimental))
        lender = bridge.offered(self.server, params)
        assert lender
        self.lender = lender

    async def start(self, toolchain: Toolchain, folder: Path) -> None:
        """Start Lean."""
        self.lean = await Connection.open(toolchain.server, folder, self.lean_says)
        await self.lean.request("initialize", INITIALIZE)
        self.lean.notify("initialized", {})

    def lean_says(self, method: str, params: Any) -> None:
        if uri_of(params) in self._ours:
            self.tell(method=bridge.NOTIFIED, params={"method": method, "params": params})

    def tell(self, **message: Any) -> None:
        """Send the server a message."""
        read = json.loads(json.dumps({"jsonrpc": "2.0", **message}))
        self.server.protocol.handle_message(self.server.protocol.structure_message(read))

    def write(self, data: bytes) -> None:
        """Receive a message of the server."""
        message = json.loads(data)
        self.told.append(message)
        method, params = message["method"], message["params"]
        if method == "$/cancelRequest":
            self._asked[params["id"]].cancel()
        elif method == bridge.NOTIFY:
            assert self.lean
            if params["method"] == "textDocument/didOpen":
                self._ours.add(params["params"]["textDocument"]["uri"])
            self.lean.notify(params["method"], params["params"])
        elif not self._knows_how:
            error = {"code": -32601, "message": f"There is no method {method}"}
            asyncio.get_running_loop().call_soon(lambda: self.tell(id=message["id"], error=error))
        else:
            self._asked[message["id"]] = asyncio.create_task(self._answer(message["id"], method, params))

    def close(self) -> None:
        """Nothing is held."""

    async def _answer(self, number: str, method: str, params: Any) -> None:
        assert self.lean
        try:
            result = (
                await self.lean.request(params["method"], params["params"])
                if method == bridge.REQUEST
                else None
            )
        except LeanRequestError as error:
            self.tell(id=number, error={"code": error.code, "message": str(error)})
        except LeanGoneError as error:
            self.tell(id=number, error={"code": -32803, "message": str(error)})
        except asyncio.CancelledError:
            self.tell(id=number, error={"code": -32800, "message": "cancelled"})
        else:
            self.tell(id=number, result=result)


@asynccontextmanager
async def by_editor(toolchain: Toolchain, folder: Path) -> AsyncGenerator[Lending, None]:
    """An editor that lends its Lean."""
    editor = Lending()
    await editor.start(toolchain, folder)
    try:
        yield editor
    finally:
        if editor.lean:
            await editor.lean.aclose()
