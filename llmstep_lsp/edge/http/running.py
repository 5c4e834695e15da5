"""Owns the server's life: it tells a person when the model is ready, and ends by a signal."""

import asyncio
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from rich.console import Console

from llmstep_lsp.domain.completion import Model
from llmstep_lsp.edge.http.app import create_app
from llmstep_lsp.edge.http.desk import Desk
from llmstep_lsp.edge.http.served import Served
from llmstep_lsp.errors import GeneratorError

# Seconds that answers get to be sent when the server is to end; the model is ended meanwhile.
_PATIENCE = 2


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to `run`: uvicorn would end this process by the signal, as if it had failed."""
        yield


async def run(served: Served, listening: socket.socket, token: str | None, url: str, welcome: str) -> None:
    """Serve at `url` until SIGINT or SIGTERM; a second one ends it at once.

    `welcome` is shown when the model is loaded.
    """
    desk = Desk(served)
    app = create_app(desk, token)
    server = _Server(
        uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_PATIENCE)
    )
    closing: list[asyncio.Task[None]] = []

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True
        closing.append(asyncio.create_task(desk.aclose()))  # answers that take long end now

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    telling = asyncio.create_task(_tell(served.name, desk.load(), url, welcome))
    await server.serve(sockets=[listening])
    await asyncio.gather(telling, *closing, return_exceptions=True)


async def _tell(name: str, loading: asyncio.Future[Model], url: str, welcome: str) -> None:
    """Show on standard error that the model loads, and then how to use it."""
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    started = time.monotonic()
    console.print(f"Loading {name}; {url}/health says when it is ready.")
    try:
        with console.status(""):  # moves on a terminal, and is nothing elsewhere
            model = await loading
    except GeneratorError as error:
        console.print(f"llmstep-lsp: {error} (It is tried again when the server is next asked.)")
        return
    seconds = time.monotonic() - started
    console.print(f"{name} is ready after {seconds:.1f} s ({model.engine}, {model.device}, {model.dtype}).")
    console.print(welcome)
