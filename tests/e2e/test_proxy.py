"""Through the proxy Lean's answers stay as they are, ours come with them, and there is one Lean."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.bench.proxy import Editor, editor_of, play, proxy_command
from llmstep_lsp.bench.relay import read_passed, relay_command
from llmstep_lsp.edge.cli import app
from tests.e2e.processes import await_no_process_with, processes_with

ROUNDS = 10
SESSION = re.compile(rb'"sessionId":"?[0-9]+"?')
# Lean proposes what `simp?` found, and we the step behind it.
ASKED = """theorem t (xs : List Nat) (n : Nat) (h : (xs ++ []).length = n) : n = xs.length := by
  simp? at h
"""
CURSOR = {"line": 1, "character": 12}

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@dataclass
class Proxied:
    """An editor at a proxy; `noted` is what the relay before Lean's server wrote, `mark` in the environment."""

    editor: Editor
    folder: Path
    noted: Path
    mark: str

    @property
    def uri(self) -> str:
        return (self.folder / "A.lean").as_uri()

    def open(self, text: str) -> None:
        options = {"llmstep": {"budgetSeconds": 100}}
        resolving = {"dataSupport": True, "resolveSupport": {"properties": ["edit"]}}
        params = {
            "processId": None,
            "rootUri": None,
            "capabilities": {"textDocument": {"codeAction": resolving}},
            "initializationOptions": options,
        }
        result = self.editor.request("initialize", params)
        assert result["serverInfo"]["name"] == "Lean 4 Server"
        assert "llmstep.prove" in result["capabilities"]["executeCommandProvider"]["commands"]
        assert result["capabilities"]["textDocumentSync"]["change"] == 2
        self.editor.notify("initialized", {})
        item = {"uri": self.uri, "languageId": "lean4", "version": 1, "text": text}
        self.editor.notify("textDocument/didOpen", {"textDocument": item, "dependencyBuildMode": "never"})
        self.wait()

    def wait(self) -> None:
        self.editor.request("textDocument/waitForDiagnostics", {"uri": self.uri, "version": 1})

    @property
    def where(self) -> dict[str, Any]:
        return {"textDocument": {"uri": self.uri}, "range": {"start": CURSOR, "end": CURSOR}}

    def actions(self) -> list[dict[str, Any]]:
        context = {"diagnostics": [], "triggerKind": 1}
        found: list[dict[str, Any]] = self.editor.request(
            "textDocument/codeAction", {**self.where, "context": context}
        )
        return found

    def asked(self) -> list[bytes]:
        """What Lean was told."""
        return [passed.body for passed in read_passed(self.noted) if passed.sender == "editor"]

    def package_said(self) -> list[str] | None:
        """The goals that our package, imported by one of our documents, sees in this Lean."""
        for body in self.asked():
            if b"LLMStep.proofState" in body:
                number = json.loads(body)["id"]
                for passed in read_passed(self.noted):
                    answer = json.loads(passed.body)
                    if passed.sender == "lean" and answer.get("id") == number and "result" in answer:
                        return [goal["target"] for goal in answer["result"]["goals"]]
        return None

    def restarts(self) -> int:
        """How often the person was told that Lean is started again."""
        return sum(b"It is started again, and reads the files again." in f.body for f in self.editor.received)

    def gone(self) -> None:
        """No process is left."""
        await_no_process_with(self.mark)


@contextmanager
def proxied(folder: Path, server: tuple[str, ...]) -> Iterator[Proxied]:
    name = str(uuid.uuid4())
    noted = folder / f"{name}.jsonl"
    command = proxy_command(relay_command(noted, server))
    with editor_of(command, folder, {**os.environ, "LLMSTEP_TEST": name}) as editor:
        yield Proxied(editor, folder, noted, f"LLMSTEP_TEST={name}")


def lines_of(bodies: list[bytes]) -> list[bytes]:
    """Without the numbers of RPC sessions, which Lean draws by lot."""
    return [SESSION.sub(b"", body) for body in bodies]


def opened_and_closed(bodies: list[bytes]) -> list[tuple[str, str]]:
    """Method and document of each message that opens or closes one."""
    messages = [json.loads(body) for body in bodies]
    methods = {"textDocument/didOpen", "textDocument/didClose"}
    told = [message for message in messages if message.get("method") in methods]
    return [(message["method"], message["params"]["textDocument"]["uri"]) for message in told]


def open_at_once(told: list[tuple[str, str]]) -> list[int]:
    """How many documents are open after each of `opened_and_closed`."""
    return list(accumulate(1 if method == "textDocument/didOpen" else -1 for method, _ in told))


def reported(editor: Editor) -> dict[int, list[Any]]:
    """All diagnostics, by version of the document."""
    found: dict[int, list[Any]] = {}
    for frame in editor.received:
        message = frame.message()
        if message.get("method") == "textDocument/publishDiagnostics":
            params = message["params"]
            before = found.get(params["version"], []) if params.get("isIncremental") else []
            found[params["version"]] = before + params["diagnostics"]
    return found


@pytest.mark.lean
@linux
def test_lean_says_the_same_through_the_proxy(real_lean: Toolchain, tmp_path: Path) -> None:
    with editor_of(real_lean.server, tmp_path) as direct:
        play(direct, tmp_path, ROUNDS)
        assert direct.end() == 0
    with proxied(tmp_path, real_lean.server) as through:
        play(through.editor, tmp_path, ROUNDS)
        assert through.editor.end() == 0
        through.gone()
    editor = through.editor
    assert len(direct.sent) >= 200

    # Answer for answer as without the proxy; only `initialize` says what we can do besides.
    (first, *expected), (ours, *found) = direct.answers, editor.answers
    assert lines_of([answer.body for answer in found]) == lines_of([answer.body for answer in expected])
    merged, lean = (json.loads(answer.body)["result"] for answer in (ours, first))
    changed = {
        "codeActionProvider",
        "completionProvider",
        "executeCommandProvider",
        "inlineCompletionProvider",
    }
    capabilities = merged["capabilities"]
    assert {k: v for k, v in capabilities.items() if k not in changed} == {
        k: v for k, v in lean["capabilities"].items() if k not in changed
    }
    assert capabilities["inlineCompletionProvider"] == {}
    assert reported(editor) == reported(direct)
    assert any(reported(direct).values())

    # Message for message, byte for byte and in order, what went in came out.
    passed = read_passed(through.noted)
    assert [p.body for p in passed if p.sender == "editor"] == [frame.body for frame in editor.sent]
    said = [p.body for p in passed if p.sender == "lean"]
    assert said[1:] == [frame.body for frame in editor.received if frame.body in set(said)]
    rest = [frame.message().get("method") for frame in editor.received if frame.body not in set(said)]
    assert rest[0] is None  # the merged answer to `initialize`
    assert set(rest[1:]) <= {"window/logMessage", "window/showMessage"}  # what we have to tell the person


@pytest.fixture(scope="module")
def session(real_lean: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    """One session for the tests below, which go through it in their order."""
    with proxied(tmp_path_factory.mktemp("files"), real_lean.server) as session:
        session.open(ASKED)
        yield session


@pytest.mark.lean
def test_our_steps_come_with_leans(session: Proxied) -> None:
    actions = session.actions()
    mine = [action for action in actions if action["title"].startswith("llmstep:")]
    leans = [action for action in actions if action not in mine]
    assert leans[0]["title"].startswith("Try this: simp only")
    assert actions == leans + mine
    assert mine[0]["edit"]
    assert session.editor.request("codeAction/resolve", mine[0])["edit"] == mine[0]["edit"]
    assert not any(b"codeAction/resolve" in body for body in session.asked())
    session.editor.request("codeAction/resolve", leans[0])
    assert any(b"codeAction/resolve" in body for body in session.asked())


@pytest.mark.lean
@linux
def test_there_is_one_lean_and_the_editor_hears_nothing_of_our_documents(session: Proxied) -> None:
    deadline = time.monotonic() + 60
    while session.package_said() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    assert session.package_said() == ["n = xs.length"]
    first, *ours = opened_and_closed(session.asked())
    assert first == ("textDocument/didOpen", session.uri)
    assert all("llmstep-scratch" in uri for _, uri in ours)
    # One is for goals and verdicts, one for our package. Where Lean is slow, that with a step that
    # takes too long is closed, and another one opened.
    assert max(open_at_once(ours)) <= 2
    servers = [c for c in processes_with(session.mark).values() if "--server" in c and "--proxy" not in c]
    assert [c for c in servers if "bench.relay" not in c] == servers[1:]

    said = [passed.body for passed in read_passed(session.noted) if passed.sender == "lean"]
    assert any(b"publishDiagnostics" in body and b"llmstep-scratch" in body for body in said)
    assert not any(b"llmstep-scratch" in frame.body for frame in session.editor.received)


@pytest.mark.lean
@linux
def test_a_lean_that_crashes_is_started_again_and_all_goes_on(session: Proxied) -> None:
    goals = {"textDocument": {"uri": session.uri}, "position": {"line": 1, "character": 2}}
    before = session.editor.request("$/lean/plainGoal", goals)
    assert before["goals"]
    titles = [action["title"] for action in session.actions()]
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            marked = session.mark.encode() in (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes()
            if marked and b"--server" in command and b"--proxy" not in command:
                os.kill(int(process.name), signal.SIGKILL)
    while not session.restarts():
        session.editor.request("$/lean/plainGoal", goals)  # an error, as long as Lean is not there
    session.wait()
    assert session.editor.request("$/lean/plainGoal", goals) == before
    again = [action["title"] for action in session.actions()]
    assert again[0] == titles[0]
    assert set(again[1:]) & set(titles[1:])  # which of ours Lean judges in time may differ
    assert session.restarts() == 1


@pytest.mark.lean
@linux
def test_an_editor_that_is_gone_leaves_no_process(session: Proxied) -> None:
    number = session.editor.start(
        "textDocument/codeAction", {**session.where, "context": {"diagnostics": []}}
    )
    session.editor.notify("$/cancelRequest", {"id": number})
    assert session.editor.wait(number)["id"] == number
    assert processes_with(session.mark)
    session.editor.hang_up()
    session.gone()


@pytest.mark.lean
def test_what_the_proxy_adds_is_measured(real_lean: Toolchain) -> None:
    done = CliRunner().invoke(app, ["bench", "proxy", "--rounds", "2", "--json"], catch_exceptions=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(m["method"], m["requests"]) for m in found if m["requests"] > 3] == [
        ("$/lean/plainGoal", 12),
        ("textDocument/hover", 12),
        ("all", 41),
    ]
    assert all(0 < m["direct_p50"] <= m["direct_p95"] and m["proxied_p50"] > 0 for m in found)
    assert all(m["added_p50"] == m["proxied_p50"] - m["direct_p50"] for m in found)


def run(command: list[str], sent: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(proxy_command(command), input=sent, capture_output=True, timeout=60, check=False)


def test_a_server_that_cannot_run_is_told() -> None:
    none = run(["/no/lean", "--server"])
    assert (none.returncode, none.stdout) == (1, b"")
    assert none.stderr.decode() == (
        "llmstep-lsp: Lean's server cannot be started as `/no/lean --server`: No such file or directory. "
        "Behind `--proxy --` stands the command of Lean's server, such as `lake serve` or `lean --server`.\n"
    )
    with editor_of(proxy_command([sys.executable, "-c", "raise SystemExit(3)"]), Path.cwd()) as editor:
        answer = editor.wait(editor.start("initialize", {"capabilities": {}}))
        assert "ended with exit code 3, 3 times within a minute" in answer["error"]["message"]
        assert editor.hang_up() == 1
        assert [f.message().get("method") for f in editor.received] == [None, "window/showMessage"]


@pytest.mark.parametrize(
    "wrong", [["--stdio", "--proxy"], ["--stdio", "--proxy", "--"], ["--proxy", "--", "x"]]
)
def test_a_proxy_without_a_command_is_a_wrong_call(wrong: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "llmstep_lsp", *wrong], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--stdio --proxy -- and behind it" in done.stderr
