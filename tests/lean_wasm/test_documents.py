"""The life of documents in `lean --server`: edits, imports, crashes, closing."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import workers_of

from .conftest import Serve
from .lsp_client import WORKER_EXITED, LspClient, RpcError

pytestmark = pytest.mark.lean

CONTENT_MODIFIED, WORKER_CRASHED = -32801, -32902
RFL = "example : 1 = 1 := by\n  rfl\n"


@pytest.fixture(scope="module")
def client(serve: Serve) -> Iterator[LspClient]:
    with serve() as client:
        client.initialize()
        yield client
        assert client.close() == 0


def test_two_documents(client: LspClient, project: Path) -> None:
    a = client.open(project / "A.lean", RFL)
    b = client.open(project / "B.lean", "import Lean\n#eval (1 : Nat) + 1\nexample : 1 = 2 := by\n  skip\n")
    assert (client.diagnostics(a), len(client.diagnostics(b))) == ([], 2)
    assert (client.goals(a, 1, 2), client.goals(b, 3, 2)) == (["⊢ 1 = 1"], ["⊢ 1 = 2"])


def test_edit_interrupts_elaboration(client: LspClient, project: Path) -> None:
    header = "import Lean\nopen Lean Elab Tactic\n"
    uri = client.open(
        project / "Spin.lean",
        f"{header}example : True := by\n  run_tac do repeat Core.checkInterrupted\n  trivial\n",
    )

    def reached_the_loop(params: Any) -> bool:
        document = {"uri": uri, "version": client.versions[uri]}
        processing = params["processing"]
        return bool(
            params["textDocument"] == document and processing and processing[0]["range"]["start"]["line"] >= 2
        )

    client.wait_notification("$/lean/fileProgress", reached_the_loop)
    client.change(uri, {"text": header + RFL})
    assert client.diagnostics(uri, timeout=30) == []


def test_changed_imports_restart_the_worker(client: LspClient, project: Path) -> None:
    uri = client.open(project / "Imports.lean", f"import Lean\n{RFL}")
    client.diagnostics(uri)
    client.change(uri, {"text": RFL})
    client.diagnostics(uri)
    assert client.goals(uri, 1, 2) == ["⊢ 1 = 1"]


def test_request_to_a_closed_file(client: LspClient, project: Path) -> None:
    uri = client.open(project / "Closed.lean", RFL)
    client.diagnostics(uri)
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    with pytest.raises(RpcError) as caught:
        client.goals(uri, 1, 2)
    assert caught.value.code == CONTENT_MODIFIED


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_that_hangs_ends_with_its_server(serve: Serve, project: Path) -> None:
    with serve() as client:
        client.initialize()
        uri = client.open(project / "Hangs.lean", RFL)
        client.diagnostics(uri)
        (worker,) = workers_of(uri)
        os.kill(worker, signal.SIGSTOP)
        assert client.close() == 0
    deadline = time.monotonic() + 10
    while workers_of(uri) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert workers_of(uri) == []


def test_stack_overflow_crashes_the_worker_and_the_next_edit_restarts_it(
    client: LspClient, project: Path
) -> None:
    uri = client.open(project / "Crash.lean", RFL)
    client.diagnostics(uri)
    client.change(uri, {"text": f"partial def f (n : Nat) : Nat := f (n + 1) + 1\n#eval f 0\n{RFL}"})
    with pytest.raises(RpcError) as caught:
        client.diagnostics(uri)
    assert caught.value.code in {WORKER_EXITED, WORKER_CRASHED}
    client.change(uri, {"text": RFL})
    assert client.diagnostics(uri) == []
    assert client.goals(uri, 1, 2) == ["⊢ 1 = 1"]


def test_forty_edits(client: LspClient, project: Path) -> None:
    uri = client.open(project / "Edits.lean", RFL)
    client.diagnostics(uri)
    start, end = {"line": 2, "character": 0}, {"line": 3, "character": 0}
    seconds = []
    for i in range(40):
        began = time.monotonic()
        text = f"example : {i} + 1 = {i + 2} := by rfl\n"
        client.change(uri, {"range": {"start": start, "end": end if i else start}, "text": text})
        found = client.diagnostics(uri)
        seconds.append(time.monotonic() - began)
    assert found
    assert {diagnostic["range"]["start"]["line"] for diagnostic in found} == {2}
    assert min(seconds) < 0.2  # Lean's own delay of reports, which the server was told to leave out
