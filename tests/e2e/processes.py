"""Which processes of this machine belong to a test: by a variable that they inherited, or by their commands."""

import contextlib
import os
import signal
import time
from pathlib import Path


def processes_with(variable: str) -> dict[int, str]:
    """By their numbers, the commands of the processes that have `variable` in their environment."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if variable.encode() in (folder / "environ").read_bytes():
                command = (folder / "cmdline").read_bytes()
                found[int(folder.name)] = command.replace(b"\0", b" ").decode()
    return found


def await_no_process_with(variable: str) -> None:
    """Fail unless they end soon: what ends by the end of its input takes a moment."""
    deadline = time.monotonic() + 10
    while (left := processes_with(variable)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, left


def workers_of(uri: str) -> list[int]:
    """The numbers of the processes in which Lean has the document `uri`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (folder / "cmdline").read_text().split("\0")
            if "--worker" in arguments and uri in arguments:
                found.append(int(folder.name))
    return found


def kill_worker_of(uri: str) -> None:
    """Kill the process in which Lean has the document `uri`."""
    for number in workers_of(uri):
        os.kill(number, signal.SIGKILL)
