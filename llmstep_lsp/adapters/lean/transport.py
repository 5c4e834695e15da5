"""Owns one Lean process and the JSON-RPC messages on its standard streams, and nothing else."""

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from llmstep_lsp.errors import LeanGoneError, LeanNotFoundError, LeanRequestError

_log = logging.getLogger(__name__)

# A hover of a large file stays far below; a header that claims more is not one of Lean's.
_MAX_MESSAGE = 256 * 1024 * 1024
_OUTPUT_SECONDS = 1.0
_SHUTDOWN_SECONDS = 2.0


class Connection:
    """A running Lean server.  After it has ended every call raises `LeanGoneError`."""

    def __init__(
        self, process: asyncio.subprocess.Process, command: str, on_notification: Callable[[str, Any], None]
    ) -> None:
        self._process = process
        self._command = command
        self._on_notification = on_notification
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._next_id = 1
        self._stderr: deque[str] = deque(maxlen=20)
        self._gone: LeanGoneError | None = None
        self._stderr_task = asyncio.create_task(self._drain_stderr())
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls,
        command: Sequence[str],
        folder: Path,
        on_notification: Callable[[str, Any], None],
        environment: Mapping[str, str] | None = None,
    ) -> "Connection":
        """Start `command` in `folder`, with our own environment if no other is given.

        Raises:
            LeanNotFoundError: the command cannot be started.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=folder,
                env=environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # so that its workers end with it
            )
        except OSError as error:
            raise LeanNotFoundError(
                f"Lean cannot be started as `{' '.join(command)}` in {folder}: {error.strerror}. "
                "Run `llmstep-lsp lean status` to see which Lean is used and why."
            ) from error
        return cls(process, " ".join(command), on_notification)

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._gone is None

    async def request(self, method: str, params: Any) -> Any:
        """Lean's result.  Cancelling the caller cancels the request in Lean too.

        Raises:
            LeanRequestError: Lean answered with an error.
            LeanGoneError: Lean ended before it answered.
        """
        if self._gone:
            raise self._gone
        number, self._next_id = self._next_id, self._next_id + 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[number] = answer
        try:
            self._send({"id": number, "method": method, "params": params})
            return await answer
        except asyncio.CancelledError:
            if self.alive:
                self._send({"method": "$/cancelRequest", "params": {"id": number}})
            raise
        finally:
            self._pending.pop(number, None)

    def notify(self, method: str, params: Any) -> None:
        """Tell Lean something that it does not answer.

        Raises:
            LeanGoneError: Lean has ended.
        """
        if self._gone:
            raise self._gone
        self._send({"method": method, "params": params})

    async def aclose(self) -> None:
        """End Lean and everything that it started."""
        with contextlib.suppress(LeanGoneError, LeanRequestError, TimeoutError):
            async with asyncio.timeout(_SHUTDOWN_SECONDS):
                await self.request("shutdown", None)
                self.notify("exit", None)
                await self._process.wait()
        await self._end("it was closed")

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode()
        if self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def _read(self) -> None:
        try:
            await self._end(await self._read_to_the_end())
        except asyncio.CancelledError:  # the event loop ends without `aclose`, or in the middle of it
            self._kill()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_OUTPUT_SECONDS):
                    await self._process.communicate()  # see `_end`
            raise

    async def _read_to_the_end(self) -> str:
        """Receive every message; why there are no more."""
        try:
            while (message := await self._next_message()) is not None:
                self._receive(message)
        except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            return f"it printed something that is not a message of its protocol ({error})"
        except OSError as error:
            return f"its output cannot be read ({error.strerror})"
        return "it ended"

    async def _next_message(self) -> dict[str, Any] | None:
        stream = self._process.stdout
        if stream is None:
            return None
        length = None
        while (line := await stream.readline()) not in (b"\r\n", b"\n"):
            if not line:
                return None
            name, colon, value = line.decode("ascii", "replace").partition(":")
            if not colon or not name.lower().startswith("content-"):
                raise ValueError(f"{line[:80]!r}")
            if name.lower() == "content-length":
                length = int(value)
        if length is None or not 0 <= length <= _MAX_MESSAGE:
            raise ValueError(f"a message of {length} bytes")
        message = json.loads(await stream.readexactly(length))
        if not isinstance(message, dict):
            raise ValueError(f"{message!r:.80}")  # noqa: TRY004  # as every other broken message
        return message

    def _receive(self, message: dict[str, Any]) -> None:
        if "method" in message:
            if "id" in message:  # Lean asks to register things; nothing depends on our answer
                self._send({"id": message["id"], "result": None})
            else:
                self._on_notification(message["method"], message.get("params"))
            return
        answer = self._pending.get(message.get("id", 0))
        if answer is None or answer.done():
            return
        if "error" in message:
            error = message["error"]
            answer.set_exception(
                LeanRequestError(int(error.get("code", 0)), str(error.get("message", error)))
            )
        else:
            answer.set_result(message.get("result"))

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _end(self, reason: str) -> None:
        """Kill the process group and fail what waits for it."""
        if self._gone is None:
            said = f" It said: {' / '.join(self._stderr)}." if self._stderr else ""
            self._gone = LeanGoneError(
                f"Lean (`{self._command}`) is gone: {reason}.{said} Ask again to start it again; "
                "if that does not help, `llmstep-lsp lean status` says which Lean is used, and why."
            )
        self._kill()
        if self._process.stdin:
            self._process.stdin.close()
        await self._process.wait()
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(self._gone)
        tasks = {self._reader, self._stderr_task} - {asyncio.current_task()}
        # They come to the end of its output, without which the event loop may be closed before its pipes.
        await asyncio.wait(tasks, timeout=_OUTPUT_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain_stderr(self) -> None:
        if self._process.stderr is None:
            return
        with contextlib.suppress(ValueError, OSError):
            async for line in self._process.stderr:
                text = line.decode("utf-8", "replace").rstrip()
                _log.debug("lean: %s", text)
                self._stderr.append(text[:200])
