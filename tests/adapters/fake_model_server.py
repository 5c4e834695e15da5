"""Owns an HTTP server for the faults of model servers, which a real one cannot be made to show.

A script answers what is asked, request by request; what was asked can be read afterwards.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """A request; `body` is its JSON."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """An answer: `chunks`, JSON or bytes as they are.

    A `broken` one ends in the middle of the last chunk, one that `hangs` never ends after them,
    and of a `mute` one there is not even a head.
    """

    status: int = 200
    chunks: Sequence[Any] = ()
    headers: dict[str, str] = field(default_factory=dict)
    broken: bool = False
    hangs: bool = False
    mute: bool = False


Script = Callable[[Asked], Reply]


def say(body: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, [body], {name.replace("_", "-"): value for name, value in headers.items()})


def stream(*events: Any, done: bool = True, **how: Any) -> Reply:
    """Server-sent events."""
    chunks = [b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n" for event in events]
    return Reply(200, [*chunks, *[b"data: [DONE]\n\n"] * done], {"Content-Type": "text/event-stream"}, **how)


def refuse(status: int, message: str, **more: Any) -> Reply:
    """An error as OpenAI words it."""
    return say({"error": {"message": message, **more}}, status)


def models(*names: str, **more: Any) -> Reply:
    return say({"object": "list", "data": [{"id": name, "object": "model", **more} for name in names]})


def choice(text: str, index: int = 0, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "text": text, "finish_reason": finish, **more}]}


class FakeModelServer:
    """Listens while it is entered; `asked` is what was posted, `got` the paths of the rest."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.got: list[str] = []
        self.left = asyncio.Event()  # a client has left before its answer was complete
        self.url = ""

    async def __aenter__(self) -> Self:
        await self.listen(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def listen(self, port: int) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            async for asked in _requests(reader):
                if asked.method == "GET":
                    self.got.append(asked.path)
                else:
                    self.asked.append(asked)
                if not await self._reply(self.script(asked), reader, writer):
                    break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _reply(self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        if not reply.mute:
            headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"} | reply.headers
            head = [
                f"HTTP/1.1 {reply.status} Status",
                *(f"{name}: {value}" for name, value in headers.items()),
            ]
            writer.write("\r\n".join([*head, "", ""]).encode())
            for number, chunk in enumerate(reply.chunks, 1):
                data = chunk if isinstance(chunk, bytes) else json.dumps(chunk).encode()
                if reply.broken and number == len(reply.chunks):
                    data = data[: len(data) // 2]
                writer.write(b"%x\r\n%s\r\n" % (len(data), data))
                await writer.drain()
        if reply.hangs or reply.mute:
            if not await reader.read(1):
                self.left.set()
            return False
        if reply.broken:
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[Asked]:
    while line := await reader.readline():
        method, path, _ = line.decode().split()
        headers = {}
        while (line := await reader.readline()).strip():
            name, _, value = line.decode().partition(":")
            headers[name.strip().lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        yield Asked(method, path, headers, json.loads(body) if body else None)
