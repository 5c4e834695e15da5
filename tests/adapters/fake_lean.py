"""A Lean server that misbehaves in the way its argument names; for faults a real one cannot be made to show."""

import json
import sys
import time
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
    print("out of memory", file=sys.stderr, flush=True)
    sys.exit(1)


def main(fault: str) -> None:
    while True:
        message = receive()
        method, number = message["method"], message.get("id")
        if method == "exit":
            sys.exit(0)
        if method == "$/cancelRequest":
            send(method="heard", params=message["params"])
        if number is None:
            continue
        if method == "initialize" and fault == "dies at start":
            complain_and_die()
        elif method == "initialize" and fault == "prints garbage":
            raw(b"Segmentation fault\n")
        elif method == "initialize" and fault == "sends no JSON":
            raw(b"Content-Length: 5\r\n\r\n{'a':")
        elif method == "initialize" and fault == "claims too much":
            raw(b"Content-Length: 99999999999\r\n\r\n")
        elif method == "initialize":
            send(id=number, result={})
        elif method == "shutdown":
            send(id=number, result=None)
        elif fault == "dies later":
            complain_and_die()
        elif fault == "hangs":
            time.sleep(600)
        elif fault == "answers errors":
            send(id=number, error={"code": -32902, "message": "the worker crashed"})


main(sys.argv[1])
