"""Owns being a proxy on standard input and output, with Lean's server behind pipes."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from llmstep_lsp.compose import make_parts
from llmstep_lsp.edge.logs import log_to_file, log_to_stderr
from llmstep_lsp.edge.proxy.child import Child
from llmstep_lsp.edge.proxy.frames import Frames
from llmstep_lsp.edge.proxy.ours import Ours
from llmstep_lsp.edge.proxy.proxy import Proxy
from llmstep_lsp.edge.server import create_server
from llmstep_lsp.edge.session import Start

_log = logging.getLogger(__name__)

_CHUNK = 1 << 16


def serve_proxy(command: Sequence[str], settings: Mapping[str, str]) -> int:
    """Serve with the server that `command` starts until the editor ends the session; the exit code.

    `settings` are those of the command line.  Logs go to standard error.

    Raises:
        LeanNotFoundError: the command cannot be started.
        LeanGoneError: Lean ended too often.
    """
    log_to_stderr(sys.stderr)
    log_to_file()
    editor = os.dup(sys.stdout.fileno())
    # Whatever a library prints goes to standard error.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with tempfile.TemporaryDirectory(prefix="llmstep-") as folder:
        return asyncio.run(_serve(command, editor, settings, Path(folder) / "modules"))


async def _serve(command: Sequence[str], editor: int, settings: Mapping[str, str], shelf: Path) -> int:
    loop = asyncio.get_running_loop()

    async def start() -> Child:
        return await Child.start(command, environment_with(shelf))

    def write(raw: bytes) -> None:
        rest = memoryview(raw)
        try:
            while rest:
                rest = rest[os.write(editor, rest) :]
        except OSError:
            proxy.end()

    def heard(chunk: bytes) -> None:
        try:
            for frame in frames.feed(chunk):
                proxy.from_editor(frame)
        except ValueError as error:
            _log.error("the editor sent something that is not a message (%s); the session ends", error)
            proxy.end()
        if not chunk:
            proxy.end()

    frames = Frames()
    proxy = Proxy(start, write, shelf)
    server = create_server(make_parts, Start(settings, os.environ, proxy.lent))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, proxy.end)
    # A thread, because standard input need not be a pipe.
    threading.Thread(target=_read, args=(loop, heard), daemon=True).start()
    # Libraries are here to stay, and to look through them for garbage takes longer than any message may.
    gc.freeze()
    return await proxy.run(Ours(server, proxy.from_ours))


def _read(loop: asyncio.AbstractEventLoop, heard: Callable[[bytes], None]) -> None:
    chunk = b"?"
    while chunk:
        chunk = os.read(sys.stdin.fileno(), _CHUNK)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(heard, chunk)


def environment_with(shelf: Path) -> dict[str, str]:
    """Our environment, where Lean finds modules in `shelf`, too, behind all others."""
    inherited = os.environ.get("LEAN_PATH")
    return {**os.environ, "LEAN_PATH": os.pathsep.join([*([inherited] if inherited else []), str(shelf)])}
