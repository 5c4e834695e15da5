"""An editor plugin that lends its Lean, as `docs/sharing-lean.md` says: we start none of our own."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.bench.proxy import Editor
from llmstep_lsp.edge import bridge
from llmstep_lsp.edge.listeners import uri_of
from tests.e2e.conftest import SERVER
from tests.e2e.positions import AND
from tests.e2e.processes import processes_with
from tests.lean_wasm.lsp_client import LspClient, RpcError

pytestmark = [
    pytest.mark.lean,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


class Plugin(Editor):
    """Passes messages between llmstep-lsp and a Lean of its own, one at a time."""

    def __init__(self, process: "subprocess.Popen[bytes]", mark: str, lean: LspClient) -> None:
        super().__init__(process)
        self.mark = mark
        self.lean = lean
        self.lent: list[str] = []
        self.connected = 0
        self._passed_on = 0

    def heed(self, message: dict[str, Any]) -> None:
        method: str = message["method"]
        params: Any = message.get("params")
        if method == bridge.CONNECT:
            self.connected += 1
            self.send(id=message["id"], result=None)
        elif method == bridge.NOTIFY:
            if params["method"] == "textDocument/didOpen":
                self.lent.append(params["params"]["textDocument"]["uri"])
            self.lean.notify(params["method"], params["params"])
        elif method == bridge.REQUEST:
            try:
                answer = {"result": self.lean.request(params["method"], params["params"])}
            except RpcError as error:
                answer = {"error": {"code": error.code, "message": str(error)}}
            self.pass_on()
            self.send(id=message["id"], **answer)
        else:
            super().heed(message)

    def pass_on(self) -> None:
        """What Lean has said meanwhile about documents that it was lent for."""
        said = self.lean._notifications[self._passed_on :]
        self._passed_on += len(said)
        for method, params in said:
            if uri_of(params) in self.lent:
                self.notify(bridge.NOTIFIED, {"method": method, "params": params})


@pytest.fixture
def plugin(real_lean: Toolchain, tmp_path: Path) -> Iterator[Plugin]:
    mark = str(uuid.uuid4())
    environment = {**os.environ, "LLMSTEP_TEST": mark}
    with (
        LspClient(list(real_lean.server), tmp_path) as lean,
        subprocess.Popen(SERVER, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server,
    ):
        lean.initialize()
        plugin = Plugin(server, f"LLMSTEP_TEST={mark}", lean)
        try:
            yield plugin
        finally:
            server.kill()


def test_an_editor_lends_its_lean(plugin: Plugin, tmp_path: Path) -> None:
    options = {"budgetSeconds": 100}
    capabilities = {"experimental": {bridge.CAPABILITY: True}}
    params = {"processId": None, "rootUri": None, "capabilities": capabilities}
    plugin.request("initialize", {**params, "initializationOptions": options})
    plugin.notify("initialized", {})
    uri = (tmp_path / "A.lean").as_uri()
    item = {"uri": uri, "languageId": "lean4", "version": 1, "text": f"{AND}\n  exact\n"}
    plugin.notify("textDocument/didOpen", {"textDocument": item})
    cursor = {"line": 1, "character": 7}
    asked = {
        "textDocument": {"uri": uri},
        "range": {"start": cursor, "end": cursor},
        "context": {"diagnostics": [], "triggerKind": 1},
    }
    titles = [action["title"] for action in plugin.request("textDocument/codeAction", asked)]
    assert titles[0] == "llmstep: 🎉 exact ⟨hp, hq⟩"
    assert (plugin.connected, bool(plugin.lent)) == (1, True)
    mine = list(processes_with(plugin.mark).values())
    assert [command for command in mine if "llmstep_lsp" in command] == mine != []

    # Its Lean is away for a moment, and with it our documents.
    before = len(plugin.lent)
    plugin.notify(bridge.ENDED, {})
    change = {
        "textDocument": {"uri": uri, "version": 2},
        "contentChanges": [{"text": f"-- more\n{item['text']}"}],
    }
    plugin.notify("textDocument/didChange", change)
    cursor["line"] = 2
    assert [a["title"] for a in plugin.request("textDocument/codeAction", asked)] == titles
    assert (plugin.connected, len(plugin.lent) > before) == (2, True)
    assert plugin.end() == 0
