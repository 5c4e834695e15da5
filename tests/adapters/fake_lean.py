"""A Lean server that misbehaves in the way its argument names; for faults a real one cannot be made to show."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def receive() -> Any:
    length = 0
    while (line := sys.stdin.buffer.readline()) not in (b"\r\n", b""):
        length = int(line.split(b":")[1])
    if not line:
        sys.exit(0)
    return json.loads(sys.stdin.buffer.read(length))


def send(**message: Any) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sys.stdout.buffer.flush()


def raw(text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def complain_and_die() -> None:
    sys.stderr.write("out of memory\n")
    sys.stderr.flush()
    sys.exit(1)


AT_START: dict[str, Callable[[], None]] = {
    "dies at start": complain_and_die,
    "prints garbage": lambda: raw(b"Segmentation fault\n"),
    "sends no JSON": lambda: raw(b"Content-Length: 5\r\n\r\n{'a':"),
    "claims too much": lambda: raw(b"Content-Length: 99999999999\r\n\r\n"),
}
LATER: dict[str, Callable[[int], None]] = {
    "dies later": lambda _: complain_and_die(),
    "hangs": lambda _: time.sleep(600),
    "answers errors": lambda number: send(id=number, error={"code": -32603, "message": "out of luck"}),
    "worker crashes": lambda number: send(id=number, error={"code": -32902, "message": "it crashed."}),
    "never answers": lambda _: None,
}


def main(fault: str) -> None:
    while True:
        message = receive()
        method, number = message["method"], message.get("id")
        if method == "exit":
            sys.exit(0)
        elif method == "$/cancelRequest":
            send(method="heard", params=message["params"])
        elif method == "initialize" and fault in AT_START:
            AT_START[fault]()
        elif method in {"initialize", "shutdown"}:
            send(id=number, result=None)
        elif number is not None:
            LATER[fault](number)


main(sys.argv[1])
