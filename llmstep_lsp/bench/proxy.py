"""Owns how long the proxy keeps the messages between an editor and Lean: one session with it and without.

The session is that of an editor in which somebody edits a small file and looks at everything Lean
says about it.  Before Lean's server stands a relay that notes when messages pass, so it is known
how long a request and its answer are on their way between the editor and Lean's server, without
Lean's own time.  What the proxy adds is by how much that is longer with it than without.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from llmstep_lsp.bench.relay import read_passed, relay_command
from llmstep_lsp.edge.proxy.frames import Frame, Frames, frame_of
from llmstep_lsp.errors import LeanGoneError

_FILE = """/-- Twice `n`. -/
def double (n : Nat) : Nat := n + n

theorem double_eq (n : Nat) : double n = 2 * n := by
  unfold double
  omega

theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p := by
  constructor
  · exact h.2
  · exact h.1

example : 1 + 1 = 3 := by
  skip
"""
# Line and character (UTF-16) of what is looked at.
_PLACES = ((1, 5), (3, 10), (4, 4), (7, 14), (9, 6), (10, 6))
ALL = "all"


@dataclass(frozen=True)
class Answered:
    """A request as the editor saw it: when, in seconds, it was sent and answered, and the answer's JSON."""

    number: int
    method: str
    sent: float
    received: float
    body: bytes


@dataclass(frozen=True)
class Latency:
    """Milliseconds that one kind of request is on its way to Lean's server and back (p50 and p95).

    `lean` is what Lean itself takes for it, in the median.
    """

    method: str
    requests: int
    lean: float
    direct_p50: float
    direct_p95: float
    proxied_p50: float
    proxied_p95: float

    @property
    def added_p50(self) -> float:
        """What the proxy adds to the median."""
        return self.proxied_p50 - self.direct_p50

    @property
    def added_p95(self) -> float:
        """What the proxy adds to the 95th percentile."""
        return self.proxied_p95 - self.direct_p95


class Editor:
    """The editor's end of a server: one request at a time, all that it is sent kept as it came."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._frames = Frames()
        self._arrived: deque[Frame] = deque()
        self._started: dict[int, tuple[str, float]] = {}
        self.sent: list[Frame] = []
        self.received: list[Frame] = []
        self.answers: list[Answered] = []

    def send(self, **message: Any) -> None:
        """Send a message."""
        frame = frame_of(message)
        self.sent.append(frame)
        if self._process.stdin and not self._process.stdin.closed:  # an answer may come after we hung up
            self._process.stdin.write(frame.raw)
            self._process.stdin.flush()

    def notify(self, method: str, params: Any) -> None:
        """Send a notification."""
        self.send(method=method, params=params)

    def request(self, method: str, params: Any) -> Any:
        """The result of a request, None if it is an error.

        Raises:
            LeanGoneError: the server ended.
        """
        return self.wait(self.start(method, params)).get("result")

    def start(self, method: str, params: Any) -> int:
        """Send a request; its number."""
        number = len(self._started) + 1
        self._started[number] = method, time.monotonic()
        self.send(id=number, method=method, params=params)
        return number

    def wait(self, number: int) -> dict[str, Any]:
        """The answer to request `number`, which has not come yet.

        Raises:
            LeanGoneError: the server ended.
        """
        method, sent = self._started[number]
        for frame in self.incoming():
            received = time.monotonic()
            message = frame.message()
            if message.get("id") == number and "method" not in message:
                self.answers.append(Answered(number, method, sent, received, frame.body))
                return message
        raise LeanGoneError(f"The server ended before it answered {method}.")

    def incoming(self) -> Iterator[Frame]:
        """What the server sends, as it comes, until it ends; its own requests are answered."""
        stream = self._process.stdout
        while stream:
            while self._arrived:
                yield self._arrived.popleft()
            chunk = os.read(stream.fileno(), 1 << 18)
            if not chunk:
                return
            frames = self._frames.feed(chunk)
            self.received += frames
            self._arrived += frames
            for message in (frame.message() for frame in frames):
                if "method" in message:
                    self.heed(message)

    def heed(self, message: dict[str, Any]) -> None:
        """Take a request or a notification of the server; requests are granted without a word."""
        if "id" in message:
            self.send(id=message["id"], result=None)

    def end(self) -> int:
        """Shut the server down; its exit code."""
        self.request("shutdown", None)
        self.notify("exit", None)
        return self.hang_up()

    def hang_up(self) -> int:
        """Be gone; the server's exit code."""
        if self._process.stdin:
            self._process.stdin.close()
        for _ in self.incoming():
            pass
        return self._process.wait()


@contextmanager
def editor_of(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Editor]:
    """An editor at the server that `command` starts in `folder`."""
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield Editor(process)
        finally:
            process.kill()


def proxy_command(command: Sequence[str]) -> list[str]:
    """The proxy before the server that `command` starts."""
    return [sys.executable, "-m", "llmstep_lsp", "--stdio", "--proxy", "--", *command]


def play(editor: Editor, folder: Path, rounds: int) -> None:
    """Open a file that is not there, and `rounds` times edit it and look at all that Lean says.

    Nothing is written to `folder`.
    """
    capabilities = {"textDocument": {"completion": {"completionItem": {"insertReplaceSupport": True}}}}
    # Ours adds to Lean's completions; here everything is to be Lean's.
    options = {"hasWidgets": True, "llmstep": {"completion": False}}
    initialize = {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities}
    editor.request("initialize", {**initialize, "initializationOptions": options})
    editor.notify("initialized", {})
    uri = (folder / "Session.lean").as_uri()
    document = {"uri": uri, "languageId": "lean4", "version": 1, "text": _FILE}
    editor.notify("textDocument/didOpen", {"textDocument": document, "dependencyBuildMode": "never"})
    editor.request("textDocument/waitForDiagnostics", {"uri": uri, "version": 1})
    session = (editor.request("$/lean/rpc/connect", {"uri": uri}) or {}).get("sessionId")
    for number in range(rounds):
        _edit(editor, uri, number)
        _look(editor, uri, session)
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def _edit(editor: Editor, uri: str, number: int) -> None:
    """Insert a comment with characters of one to four bytes, and wait for Lean."""
    line = _FILE.count("\n") - 1
    change = {
        "range": {"start": {"line": line, "character": 2}, "end": {"line": line, "character": 2}},
        "text": f"/- {number} é ℕ 𝔽 -/ ",
    }
    version = number + 2
    versioned = {"uri": uri, "version": version}
    editor.notify("textDocument/didChange", {"textDocument": versioned, "contentChanges": [change]})
    editor.request("textDocument/waitForDiagnostics", {"uri": uri, "version": version})


def _look(editor: Editor, uri: str, session: Any) -> None:
    document = {"textDocument": {"uri": uri}}
    for line, character in _PLACES:
        at = {**document, "position": {"line": line, "character": character}}
        editor.request("$/lean/plainGoal", at)
        editor.request("textDocument/hover", at)
    editor.request("$/lean/plainTermGoal", at)
    call = {"sessionId": session, "method": "Lean.Widget.getInteractiveGoals", "params": at}
    editor.request("$/lean/rpc/call", {**at, **call})
    editor.notify("$/lean/rpc/keepAlive", {"uri": uri, "sessionId": session})
    editor.request("textDocument/completion", {**document, "position": {"line": 4, "character": 6}})
    editor.request("textDocument/definition", {**document, "position": {"line": 3, "character": 30}})
    for method in ("documentSymbol", "foldingRange", "semanticTokens/full"):
        editor.request(f"textDocument/{method}", document)


def measure_proxy(
    folder: Path, command: tuple[str, ...], rounds: int, progress: Callable[[str], None]
) -> list[Latency]:
    """Play the session without the proxy and with it: a row for each kind of request, and one for all.

    Raises:
        LeanGoneError: the server ended before it should.
    """
    runs: list[list[tuple[str, float, float]]] = []
    for name, before in (("Lean's server", list[str]), ("the same through the proxy", proxy_command)):
        progress(f"Measuring: {name}")
        with tempfile.TemporaryDirectory(prefix="llmstep-") as noted:
            file = Path(noted) / "passed.jsonl"
            with editor_of(before(relay_command(file, command)), folder) as editor:
                play(editor, folder, rounds)
                editor.end()
            inside = _inside(file)
        answers = [answer for answer in editor.answers if answer.number in inside]
        runs.append([(one.method, one.received - one.sent, inside[one.number]) for one in answers])
    direct, proxied = (_on_the_way(run, rounds) for run in runs)
    lean: defaultdict[str, list[float]] = defaultdict(list)
    for method, _, seconds in runs[0]:
        lean[method].append(seconds)
        lean[ALL].append(seconds)
    return [_latency(kind, median(lean[kind]), direct[kind], proxied[kind]) for kind in direct]


def _on_the_way(run: list[tuple[str, float, float]], rounds: int) -> dict[str, list[float]]:
    """Seconds outside Lean's server, by the kinds of requests that came in each round, and of all these."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for method, seconds, inside in run:
        found[method].append(seconds - inside)
    kinds = {method: times for method, times in found.items() if len(times) >= rounds}
    return {**kinds, ALL: [seconds for times in kinds.values() for seconds in times]}


def _inside(file: Path) -> dict[int, float]:
    """By request of the editor, the seconds from when the relay got it to when it got Lean's answer."""
    asked: dict[int, float] = {}
    answered: dict[int, float] = {}
    for passed in read_passed(file):
        message = json.loads(passed.body)
        if isinstance(number := message.get("id"), int) and ("method" in message) is (
            passed.sender == "editor"
        ):
            (asked if passed.sender == "editor" else answered)[number] = passed.seconds
    return {number: answered[number] - asked[number] for number in asked if number in answered}


def _latency(method: str, lean: float, direct: list[float], proxied: list[float]) -> Latency:
    percentiles = [
        1000 * value for times in (direct, proxied) for value in (median(times), quantiles(times, n=20)[-1])
    ]
    return Latency(method, len(direct), 1000 * lean, *percentiles)
