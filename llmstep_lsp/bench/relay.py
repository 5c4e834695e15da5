"""Owns a relay before Lean's server that notes what passes, and when: `relay.py FILE COMMAND…`.

FILE gets a JSON object a message: its text, who sent it, and when it arrived here, in seconds of
the monotonic clock, which all processes of the machine share.  The messages of each sender are in order.
"""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from llmstep_lsp.edge.proxy.frames import Frames


@dataclass(frozen=True)
class Passed:
    """One message."""

    sender: Literal["editor", "lean"]
    seconds: float
    body: bytes


def relay_command(file: Path, command: tuple[str, ...]) -> tuple[str, ...]:
    """The command of a relay before the server that `command` starts."""
    return (sys.executable, "-m", __name__, str(file), *command)


def read_passed(file: Path) -> list[Passed]:
    """What a relay noted."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [Passed(line["sender"], line["seconds"], line["body"].encode()) for line in lines]


def _pass(source: int, target: BinaryIO, sender: str, log: BinaryIO) -> None:
    frames = Frames()
    while chunk := os.read(source, 1 << 18):
        seconds = time.monotonic()
        target.write(chunk)
        target.flush()
        for frame in frames.feed(chunk):
            noted = {"sender": sender, "seconds": seconds, "body": frame.body.decode()}
            log.write(json.dumps(noted).encode() + b"\n")
    target.close()


def main() -> None:
    """Relay until Lean's server ends; its exit code is ours."""
    # Unbuffered, so that a line is written at once, and two threads write no line into another.
    with Path(sys.argv[1]).open("ab", buffering=0) as log:
        server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not (server.stdin and server.stdout):
            raise RuntimeError("no pipes")
        threading.Thread(
            target=_pass, args=(sys.stdin.fileno(), server.stdin, "editor", log), daemon=True
        ).start()
        _pass(server.stdout.fileno(), sys.stdout.buffer, "lean", log)
        os._exit(server.wait())  # the thread may still read


if __name__ == "__main__":
    main()
