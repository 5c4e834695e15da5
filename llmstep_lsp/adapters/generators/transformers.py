"""Owns the generator that asks a language model in a worker process of our own.

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
from typing import cast

from llmstep_lsp.adapters.generators.prompts import PromptFormat, prompt_format, step
from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.ports import Question
from llmstep_lsp.worker.protocol import (
    Answer,
    Cancel,
    Continuation,
    Failure,
    Fatal,
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


def worker_command(model: str) -> tuple[str, ...]:
    """The program that serves `model`; -P keeps Python files of the current directory out of it."""
    return (sys.executable, "-P", "-m", "llmstep_lsp.worker", "--model", model)


class TransformersGenerator:
    """Steps from a decoder-only model: a directory, or a name on the Hugging Face hub.

    A step has at most `max_new_tokens` tokens.  At most `samples` are asked for: the
    likeliest one, and others that are sampled at `temperature` (0: none).  The same
    question gets the same candidates.
    """

    def __init__(
        self,
        model: str,
        *,
        prompt: PromptFormat | None = None,
        samples: int = 10,  # as LLMSTEP's servers
        max_new_tokens: int = 128,
        temperature: float = 0.7,
    ) -> None:
        self._model = model
        self._prompt = prompt or prompt_format(model)
        self._samples = samples
        self._max_new_tokens = max_new_tokens
        self._temperature = temperature
        self._worker: _Worker | None = None
        self._starting = asyncio.Lock()
        self._ids = itertools.count(1)

    @property
    def name(self) -> str:
        """What candidates carry as their source."""
        return "transformers"

    async def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        """Steps for the first goal, best score first, all at once when the model is done.

        Raises:
            GeneratorError: the worker cannot be started, or stopped answering.
        """
        request = Request(
            id=next(self._ids),
            prompt=self._prompt.prompt(question.goals[0].text, question.prefix),
            count=min(question.count, self._samples),
            max_new_tokens=self._max_new_tokens,
            temperature=self._temperature,
            seed=0,
            stop=self._prompt.stop,
        )
        worker = await self._running()
        told = {""}
        for continuation in await worker.ask(request):
            text = step(question.prefix, continuation.text)
            if text not in told:
                told.add(text)
                yield Candidate(text, self.name, continuation.score)

    async def aclose(self) -> None:
        """End the worker; it starts again at the next question."""
        async with self._starting:
            if self._worker is not None:
                await self._worker.aclose()

    async def _running(self) -> "_Worker":
        """The worker that lives, or a new one."""
        async with self._starting:
            if self._worker is None or self._worker.ended:
                self._worker = await _Worker.start(self._model)
            return self._worker


class _Worker:
    """One worker process, from its start to its end.

    Questions are sent as they come; the worker answers one after the other.
    """

    def __init__(self, model: str, process: asyncio.subprocess.Process) -> None:
        self._model = model
        self._process = process
        self._stdin = cast("asyncio.StreamWriter", process.stdin)  # both are pipes
        self._stdout = cast("asyncio.StreamReader", process.stdout)
        self._loaded = asyncio.Event()  # or ended
        self._end: str | None = None  # why it ended, for a person
        self._waiting: dict[int, asyncio.Future[Answer | Failure | None]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, model: str) -> "_Worker":
        """Start the process; its model loads meanwhile.

        Raises:
            GeneratorError: the system starts no process.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *worker_command(model),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE_LIMIT,
                start_new_session=True,  # an interrupt at the terminal is ours to handle
            )
        except OSError as error:
            raise GeneratorError(
                f"The model worker of {model} cannot be started ({error}): free some memory and ask again."
            ) from error
        _log.info("model worker %d loads %s (downloading it if it is not here yet)", process.pid, model)
        return cls(model, process)

    @property
    def ended(self) -> bool:
        """Whether it answers no more."""
        return self._end is not None

    async def ask(self, request: Request) -> tuple[Continuation, ...]:
        """The answer to `request`.  To cancel it, cancel the task that waits.

        Raises:
            GeneratorError: the model could not be loaded or did not answer.
        """
        await self._loaded.wait()
        if self._end is not None:
            raise GeneratorError(self._end)
        waiter: asyncio.Future[Answer | Failure | None] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = waiter
        try:
            self._send(request)
            reply = await waiter
        except asyncio.CancelledError:
            self._send(Cancel(request.id))
            raise
        finally:
            del self._waiting[request.id]
        if reply is None:
            raise GeneratorError(self._end)
        if isinstance(reply, Failure):
            raise GeneratorError(f"The model {self._model} could not answer: {reply.error}.")
        return reply.candidates

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
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_result(None)

    def _take(self, reply: Reply) -> None:
        match reply:
            case Ready(model):
                _log.info("model ready: %s", model)
                self._loaded.set()
            case Fatal(message):
                self._end = message
            case Answer(id_) | Failure(id_):
                waiter = self._waiting.get(id_)
                if waiter is not None and not waiter.done():  # else nobody wants it any more
                    waiter.set_result(reply)


def _how(status: int | None) -> str:
    """How a process ended, by its exit status as asyncio gives it."""
    if status is None or status >= 0:
        return f"exit status {status}"
    if -status == signal.SIGKILL:
        return "killed; perhaps the memory ran out"
    return signal.strsignal(-status) or f"signal {-status}"
