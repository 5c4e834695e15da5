"""A small blocking LSP client for a Lean server (standard library only)."""

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

WORKER_EXITED = -32901  # `Lean.JsonRpc.ErrorCode.workerExited`


class RpcError(Exception):
    """The server answered with an error; `code` is the JSON-RPC code."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]


class LspClient:
    """Starts a server and talks to it; leaving the context ends it, whatever state it is in."""

    def __init__(self, command: Sequence[str], cwd: Path, timeout: float = 120) -> None:
        self.timeout = timeout
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "LEAN_PATH": str(cwd)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._next_id = 1
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._notifications: list[tuple[str, Any]] = []  # in order
        self._arrived = threading.Condition()
        self._write_lock = threading.Lock()
        self.versions: dict[str, int] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.process.kill()
        self._reader.join()
        with self.process:
            pass

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        with self._write_lock:
            self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            self.process.stdin.flush()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream
        while True:
            length = 0
            while (line := stream.readline()) not in {b"\r\n", b""}:
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if not line:
                return
            message = json.loads(stream.read(length))
            with self._arrived:
                if "method" not in message:
                    self._answers[message["id"]].put(message)
                elif "id" in message:
                    self.send(id=message["id"], result=None)
                else:
                    self._notifications.append((message["method"], message.get("params")))
                self._arrived.notify_all()

    def start_request(self, method: str, params: Any) -> int:
        request, self._next_id = self._next_id, self._next_id + 1
        self._answers[request] = queue.Queue()
        self.send(id=request, method=method, params=params)
        return request

    def answer(self, request: int, timeout: float | None = None) -> Any:
        """The result of a request; raises `RpcError` or `queue.Empty`."""
        message = self._answers[request].get(timeout=timeout or self.timeout)
        del self._answers[request]
        if "error" in message:
            raise RpcError(message["error"])
        return message["result"]

    def request(self, method: str, params: Any, timeout: float | None = None) -> Any:
        return self.answer(self.start_request(method, params), timeout)

    def notify(self, method: str, params: Any = None) -> None:
        self.send(method=method, params=params)

    def wait_notification(self, method: str, accept: Callable[[Any], bool]) -> None:
        deadline = time.monotonic() + self.timeout
        with self._arrived:
            while not any(name == method and accept(params) for name, params in self._notifications):
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise TimeoutError(method)

    def initialize(self) -> dict[str, Any]:
        resolve = {"dataSupport": True, "resolveSupport": {"properties": ["edit"]}}
        capabilities = {"textDocument": {"codeAction": resolve}}
        params = {"processId": os.getpid(), "rootUri": None, "capabilities": capabilities}
        result: dict[str, Any] = self.request("initialize", params)
        self.notify("initialized", {})
        return result

    def open(self, path: Path, text: str | None = None) -> str:
        """Open a document (with the file's text unless another is given) and return its URI."""
        uri = path.resolve().as_uri()
        self.versions[uri] = 1
        document = {
            "uri": uri,
            "languageId": "lean4",
            "version": 1,
            "text": path.read_text() if text is None else text,
        }
        self.notify("textDocument/didOpen", {"textDocument": document, "dependencyBuildMode": "never"})
        return uri

    def change(self, uri: str, change: dict[str, Any]) -> None:
        self.versions[uri] += 1
        document = {"uri": uri, "version": self.versions[uri]}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    def diagnostics(self, uri: str, timeout: float | None = None) -> list[dict[str, Any]]:
        """All diagnostics of the current version, after the server says they are complete."""
        try:
            self._wait_for_diagnostics(uri, timeout)
        except RpcError as error:
            if error.code != WORKER_EXITED:
                raise
            # Once in hundreds of starts the WebAssembly Lean crashes by itself ("unaligned accesses");
            # any edit starts it again.
            nowhere = {"line": 0, "character": 0}
            self.change(uri, {"range": {"start": nowhere, "end": nowhere}, "text": ""})
            self._wait_for_diagnostics(uri, timeout)
        version = self.versions[uri]
        found: list[dict[str, Any]] = []
        with self._arrived:
            for method, params in self._notifications:
                if (
                    method == "textDocument/publishDiagnostics"
                    and params["uri"] == uri
                    and params.get("version") == version
                ):
                    found = (
                        params["diagnostics"]
                        if not params.get("isIncremental")
                        else found + params["diagnostics"]
                    )
        return found

    def _wait_for_diagnostics(self, uri: str, timeout: float | None) -> None:
        where = {"uri": uri, "version": self.versions[uri]}
        self.request("textDocument/waitForDiagnostics", where, timeout)

    def at(self, uri: str, line: int, character: int) -> dict[str, Any]:
        return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}

    def goals(self, uri: str, line: int, character: int) -> Any:
        result = self.request("$/lean/plainGoal", self.at(uri, line, character))
        return result and result["goals"]

    def connect(self, uri: str) -> Any:
        """Open an RPC session."""
        return self.request("$/lean/rpc/connect", {"uri": uri})["sessionId"]

    def start_call(self, where: dict[str, Any], session: Any, method: str, params: Any) -> int:
        return self.start_request(
            "$/lean/rpc/call", {**where, "sessionId": session, "method": method, "params": params}
        )

    def close(self) -> int:
        """Shut down, exit, and return the exit code."""
        self.request("shutdown", None)
        self.notify("exit")
        return self.process.wait(timeout=30)
