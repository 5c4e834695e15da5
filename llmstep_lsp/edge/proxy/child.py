"""Owns one process of Lean's server, whose messages are taken and given as they are."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence

from llmstep_lsp.edge.proxy.frames import Frame, Frames
from llmstep_lsp.errors import LeanNotFoundError

_CHUNK = 1 << 18


class Child:
    """A running server; what it says besides its protocol goes to our standard error."""

    def __init__(self, process: asyncio.subprocess.Process, command: str) -> None:
        self._process = process
        self._command = command
        self._garbage = ""

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str]) -> "Child":
        """Start `command` in the folder that we are in.

        Raises:
            LeanNotFoundError: it cannot be started.
        """
        name = " ".join(command)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_CHUNK,
                start_new_session=True,  # so that its workers end with it
            )
        except OSError as error:
            raise LeanNotFoundError(
                f"Lean's server cannot be started as `{name}`: {error.strerror}. Behind `--proxy --` stands "
                "the command of Lean's server, such as `lake serve` or `lean --server`."
            ) from error
        return cls(process, name)

    def send(self, raw: bytes) -> None:
        """Give it what an editor would, whole messages."""
        if self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(raw)

    async def frames(self) -> AsyncIterator[Frame]:
        """What it says, until it ends."""
        stream = self._process.stdout
        frames = Frames()
        while stream and (chunk := await stream.read(_CHUNK)):
            try:
                found = frames.feed(chunk)
            except ValueError as error:
                self._garbage = f" after it printed something that is not a message ({error})"
                return
            for frame in found:
                yield frame

    @property
    def ending(self) -> str:
        """How it ended, for a person."""
        code = self._process.returncode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        return (
            f"Lean's server (`{self._command}`) ended {'' if self._garbage else how}{self._garbage}".strip()
        )

    async def end(self, grace: float) -> None:
        """End it and all that it started; it has `grace` seconds to do so itself."""
        if self._process.stdin:
            self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
