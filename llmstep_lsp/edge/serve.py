"""Owns `llmstep-lsp serve`: what is served to whom, and where."""

import asyncio
import logging
import os
import re
import shlex
import socket
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from llmstep_lsp.compose import make_served
from llmstep_lsp.errors import InputError

DEFAULT_PORT = 6000

_TOKEN_VARIABLE = "LLMSTEP_SERVE_TOKEN"  # noqa: S105  # where it is, not what it is
# How many characters of a line that only tells how far the loading is; vLLM prints its configuration so.
_PROGRESS = 160
_TOKEN = re.compile(r"[!-~]{16,}")  # what a header can carry, and nobody guesses


class EngineName(StrEnum):
    """What runs the model."""

    AUTO = "auto"
    TRANSFORMERS = "transformers"
    CTRANSLATE2 = "ctranslate2"
    VLLM = "vllm"


def serve(  # noqa: PLR0913  # one parameter is one option
    *,
    model: Annotated[
        str,
        typer.Option(envvar="LLMSTEP_MODEL", help="A model's folder, or its name on the Hugging Face hub."),
    ],
    engine: Annotated[EngineName, typer.Option(help="What runs it.")] = EngineName.AUTO,
    host: Annotated[
        str, typer.Option(help="The address to listen at; one of other machines needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, envvar="LLMSTEP_PORT", help="0: any that is free.")
    ] = DEFAULT_PORT,
    token_file: Annotated[
        Path | None,
        typer.Option(help=f"Holds the token that clients must send; or set {_TOKEN_VARIABLE}."),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="The prompt format; by default, the one for the model's name.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, max=256, help="How many steps a goal gets at most.")] = 10,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0, help="How much the steps vary.")] = 0.7,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="How long a step may be.")] = 128,
    vllm_arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[-- VLLM_ARGUMENT...]", help="For `vllm serve`.")
    ] = None,
) -> None:
    """Serve a model by the protocols of OpenAI, LLMSTEP and LeanCopilot."""
    if vllm_arguments and engine is not EngineName.VLLM:
        raise typer.BadParameter(f"only --engine vllm takes the arguments {shlex.join(vllm_arguments)}")
    try:
        from llmstep_lsp.edge.http.access import is_loopback  # noqa: PLC0415  # needs the extra `serve`
        from llmstep_lsp.edge.http.running import run  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            f"The model server is not installed ({error}): pip install 'llmstep-lsp[serve]'"
        ) from error
    token = _token(token_file)
    if token is None and not is_loopback(host):
        raise InputError(
            f"Others could use this server at {host}: give it a token, in the variable {_TOKEN_VARIABLE} "
            "or in a file that --token-file names, such as `openssl rand -hex 16` prints."
        )
    served = make_served(
        engine.value,
        model,
        prompt=prompt,
        samples=samples,
        temperature=temperature,
        max_new_tokens=max_new_tokens,
        arguments=vllm_arguments or (),
    )
    _log_to_stderr()
    listening = _listen(host, port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    asyncio.run(run(served, listening, token, url, _welcome(served.name, url, token, token_file)))


def _welcome(name: str, url: str, token: str | None, token_file: Path | None) -> str:
    """Where everything is, and a question to try."""
    secret = f"$(cat {shlex.quote(str(token_file))})" if token_file else f"${_TOKEN_VARIABLE}"
    header = f' -H "Authorization: Bearer {secret}"' if token else ""
    question = '{"tactic_state": "n : ℕ\\n⊢ n + 0 = n", "prefix": ""}'
    return (
        f"  {url}/v1       OpenAI's completions, of the model {name}\n"
        f"  {url}          LLMSTEP's suggestions\n"
        f"  {url}/generate LeanCopilot's external generator, of the name {name}\n"
        f"  {url}/health, {url}/metrics\n"
        f"Try: curl -s {url}{header} -d {shlex.quote(question)}"
    )


def _token(file: Path | None) -> str | None:
    """The token in `file`, or else in the environment; None if there is none.

    Raises:
        InputError: it cannot be read, or is none that protects.
    """
    if file is None:
        where, token = _TOKEN_VARIABLE, os.environ.get(_TOKEN_VARIABLE)
    else:
        try:
            where, token = str(file), file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The token cannot be read from {file} ({error}).") from error
    if token is not None and not _TOKEN.fullmatch(token):
        raise InputError(
            f"The token in {where} must be at least 16 characters of ASCII, without spaces: "
            "take what `openssl rand -hex 16` prints."
        )
    return token


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        InputError: it cannot.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # asyncio sends at once (TCP_NODELAY) only where the protocol is said; answers take 40 ms more else.
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what a server before left behind
        listening.bind(address)
        listening.listen()
    except OSError as error:
        raise InputError(
            f"The server cannot listen at port {port} of {host} ({error.strerror}): "
            "end what uses it, or choose another with --port."
        ) from error
    return listening


class _OneLine(logging.Formatter):
    """Names an exception instead of printing its traceback; of mere progress, the start is enough."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno > logging.INFO else text[:_PROGRESS]

    def formatException(self, ei: Any) -> str:  # noqa: N802  # the library's name
        return f"{ei[0].__name__}: {ei[1]}"


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("llmstep_lsp").setLevel(logging.INFO)  # how far the model is
    logging.getLogger("llmstep_lsp").setLevel(logging.INFO)  # how far vLLM is with loading
