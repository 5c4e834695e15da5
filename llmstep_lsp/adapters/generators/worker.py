"""Owns the completer whose engine runs in a worker process of our own.

The worker is started at the first question, and again at the next one after it ended.
It ends when its standard input does, so it never outlives this process.
"""

import asyncio
import contextlib
import itertools
import logging
import signal
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import cast

from llmstep_lsp.domain.completion import Completion, Continuation, Model
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.worker.protocol import (
    Cancel,
    Done,
    Failed,
    Fatal,
    Found,
    Order,
    Ready,
    Reply,
    Request,
    line,
    read_reply,
)

_log = logging.getLogger(__name__)

# The longest line a worker may write: hundreds of long steps.
_LINE_LIMIT = 2**24

# Seconds that an ending worker gets before the next, harder way to end it.
_PATIENCE = 2.0


@dataclass(frozen=True)
class Engine:
    """Which library runs which model: a directory, or a name on the Hugging Face hub.

    `device` and `dtype` are in the words of the library; "auto" takes what is fastest here.
    """

    name: str
    model: str
    device: str = "auto"
    dtype: str = "auto"


def worker_command(engine: Engine) -> tuple[str, ...]:
    """The program that runs `engine`; -P keeps Python files of the current directory out of it."""
    return (
        *(sys.executable, "-P", "-m", "llmstep_lsp.worker"),
        *("--engine", engine.name, "--model", engine.model),
        *("--device", engine.device, "--dtype", engine.dtype),
    )


class WorkerCompleter:
    """Implements `Completer`; the worker answers several completions at a time."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._worker: _Worker | None = None
        self._starting = asyncio.Lock()
        self._ids = itertools.count(1)

    async def ready(self) -> Model:
        """As the protocol says."""
        worker = await self._running()
        return await worker.ready()

    async def complete(self, completion: Completion) -> AsyncGenerator[Continuation, None]:
        """As the protocol says."""
        worker = await self._running()
        async with contextlib.aclosing(worker.ask(Request(next(self._ids), completion))) as found:
            async for continuation in found:
                yield continuation

    async def aclose(self) -> None:
        """End the worker; it starts again at the next question."""
        async with self._starting:
            if self._worker is not None:
                await self._worker.aclose()

    async def _running(self) -> "_Worker":
        """The worker that lives, or a new one."""
        async with self._starting:
            if self._worker is None or self._worker.ended:
                self._worker = await _Worker.start(self.engine)
            return self._worker


class _Worker:
    """One worker process, from its start to its end."""

    def __init__(self, model: str, process: asyncio.subprocess.Process) -> None:
        self._model = model
        self._process = process
        self._stdin = cast("asyncio.StreamWriter", process.stdin)  # both are pipes
        self._stdout = cast("asyncio.StreamReader", process.stdout)
        self._loaded = asyncio.Event()  # or ended
        self._loaded_model: Model | None = None
        self._end: str | None = None  # why it ended, for a person
        # What comes for each request; None when the worker ended.
        self._coming: dict[int, asyncio.Queue[Found | Done | Failed | None]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, engine: Engine) -> "_Worker":
        """Start the process; its model loads meanwhile.

        Raises:
            GeneratorError: the system starts no process.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *worker_command(engine),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE_LIMIT,
                start_new_session=True,  # an interrupt at the terminal is ours to handle
            )
        except OSError as error:
            raise GeneratorError(
                f"The model worker of {engine.model} cannot be started ({error}): "
                "free some memory and ask again."
            ) from error
        _log.info("model worker %d loads %s (fetching it if it is not here yet)", process.pid, engine.model)
        return cls(engine.model, process)

    @property
    def ended(self) -> bool:
        """Whether it answers no more."""
        return self._end is not None

    async def ready(self) -> Model:
        """The model, once it is loaded.

        Raises:
            GeneratorError: it could not be loaded.
        """
        await self._loaded.wait()
        if self._end is not None or self._loaded_model is None:
            raise GeneratorError(self._end)
        return self._loaded_model

    async def ask(self, request: Request) -> AsyncGenerator[Continuation, None]:
        """The continuations for `request` as they come.  To cancel it, close the iterator.

        Raises:
            GeneratorError: the model could not be loaded or did not answer.
        """
        await self.ready()
        coming = self._coming[request.id] = asyncio.Queue()
        answered = False
        try:
            self._send(request)
            while True:
                reply = await coming.get()
                answered = not isinstance(reply, Found)
                match reply:
                    case Found(_, continuation):
                        yield continuation
                    case Done():
                        return
                    case Failed(_, error):
                        raise GeneratorError(f"The model {self._model} could not answer: {error}.")
                    case None:
                        raise GeneratorError(self._end)
        finally:
            del self._coming[request.id]
            if not answered:
                self._send(Cancel(request.id))

    async def aclose(self) -> None:
        """End the process; whoever waits for an answer gets an error."""
        self._end = self._end or f"The model worker of {self._model} was stopped: ask again to start it."
        await self._shut()
        await self._reading

    async def _shut(self) -> None:
        """End the process: by the end of its input, else by ever harder signals."""
        self._stdin.close()
        for harder in (self._process.terminate, self._process.kill):
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    harder()
        await self._process.wait()

    def _send(self, order: Order) -> None:
        # If the process has just ended, `_read` will say so; what is written then is lost.
        self._stdin.write(line(order))

    async def _read(self) -> None:
        """Hand out what the worker writes until it ends; then tell everybody who waits."""
        try:
            while (text := await self._stdout.readline()).endswith(b"\n"):
                self._take(read_reply(text))
        except (ValueError, RecursionError) as error:  # `readline` raises the first for an endless line
            self._end = self._end or (
                f"The model worker of {self._model} wrote what is not its protocol ({error}): it was ended, "
                "and the next question starts it again. If that happens again, reinstall llmstep-lsp."
            )
            with contextlib.suppress(ProcessLookupError):  # it may be gone already
                self._process.kill()
        await self._shut()
        self._end = self._end or (
            f"The model worker of {self._model} ended ({_how(self._process.returncode)}): the next question "
            "starts it again. If it keeps ending, look into the log, or choose a smaller model."
        )
        self._loaded.set()
        for coming in self._coming.values():
            coming.put_nowait(None)

    def _take(self, reply: Reply) -> None:
        match reply:
            case Ready(model):
                _log.info("%s is ready: %s on %s, %s", model.model, model.engine, model.device, model.dtype)
                self._loaded_model = model
                self._loaded.set()
            case Fatal(message):
                self._end = message
            case Found(id_) | Done(id_) | Failed(id_):
                if id_ in self._coming:  # else nobody wants it any more
                    self._coming[id_].put_nowait(reply)


def _how(status: int | None) -> str:
    """How a process ended, by its exit status as asyncio gives it."""
    if status is None or status >= 0:
        return f"exit status {status}"
    if -status == signal.SIGKILL:
        return "killed; perhaps the memory ran out"
    return signal.strsignal(-status) or f"signal {-status}"
