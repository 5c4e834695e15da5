"""A real `llmstep-lsp serve`, from its start to its end."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

COMMAND = [sys.executable, "-m", "llmstep_lsp", "serve"]
_URL = re.compile(r"; (http://\S+)/health says when it is ready")


@dataclass
class Server:
    """A server's process, and what it said on standard error so far."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it is, once it says so."""
        return self.await_line(_URL)[1]

    @property
    def address(self) -> tuple[str, int]:
        """The same for a socket."""
        parts = urlsplit(self.url)
        assert parts.hostname
        assert parts.port
        return parts.hostname, parts.port

    def await_line(self, pattern: re.Pattern[str], seconds: float = 60) -> re.Match[str]:
        """The first line in which `pattern` is found, once it is there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in list(self.said):
                if found := pattern.search(line):
                    return found
            assert self.process.poll() is None or self.said, "it ended without a word"
            time.sleep(0.01)
        raise AssertionError(f"{pattern.pattern} was not said, but {self.said}")

    def await_ready(self) -> None:
        """Wait for the model."""
        self.await_line(re.compile("is ready after"))

    def client(self, token: str | None = None) -> httpx.Client:
        """Asks it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    def raw(self, request: bytes) -> tuple[bytes, bytes]:
        """The head and the body of what it answers to these bytes."""
        with (
            socket.create_connection(self.address, timeout=60) as connection,
            connection.makefile("rb") as come,
        ):
            connection.sendall(request)
            head = b"".join(iter(come.readline, b"\r\n"))
            length = re.search(rb"(?im)^content-length: (\d+)", head)
            assert length
            return head, come.read(int(length[1]))

    def read(self) -> None:
        """Take in what it says until it ends."""
        assert self.process.stderr
        self.said.extend(iter(self.process.stderr.readline, ""))


@contextmanager
def serving(*arguments: str | Path, environment: dict[str, str] | None = None) -> Iterator[Server]:
    """A server with `arguments`, at any free port unless they say where."""
    port = [] if "--port" in arguments else ["--port", "0"]
    process = subprocess.Popen(
        [*COMMAND, *port, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=plain_environment() | (environment or {}),
    )
    server = Server(process)
    reader = threading.Thread(target=server.read)
    reader.start()
    try:
        yield server
    finally:
        process.kill()
        process.wait()
        reader.join()
        assert process.stderr
        process.stderr.close()


def plain_environment() -> dict[str, str]:
    """The environment without what would choose a server, a model or a token."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LLMSTEP_")}


def descendants(pid: int) -> set[int]:
    """The processes that `pid` started, and those that they started."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = stat.read_text().rpartition(") ")
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        state, parent, *_ = rest.split()
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    found: set[int] = set()
    new = {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new}
        found |= new
    return found


def alive(pids: set[int]) -> set[int]:
    """Those of `pids` that run still."""
    return {
        pid
        for pid in pids
        if (stat := Path(f"/proc/{pid}/stat")).exists() and stat.read_text().rpartition(") ")[2][0] != "Z"
    }
