"""Owns the completer whose model is behind a URL that speaks OpenAI's protocol.

Servers differ, so this one learns from each what it can do, until an error:

* Continuations are streamed where the server streams (server-sent events), so that each comes
  as it ends; else they come together.
* `/completions` is asked, and `/chat/completions` where there is no other or the prompt has a
  system message.
* A parameter that the server turns down is left out (`max_tokens` is renamed, as newer models of
  OpenAI want it); stop strings are looked for here, too.
* Ollama and older llama.cpp give one continuation a request: the others are asked for one by one,
  `_AT_A_TIME` together, each with a seed of its own.  A server that gives some, but fewer than
  wanted, is not asked again.
* The score is the mean of the log-probabilities that the server tells; those of vLLM and llama.cpp
  are untempered.  A beam's lack the token that ends it.  Beam search is vLLM's and our own
  server's; elsewhere samples take its place.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from llmstep_lsp.adapters.generators.model_server import ModelServer, RefusedError
from llmstep_lsp.adapters.generators.openai_answers import Answer, server_sent
from llmstep_lsp.adapters.generators.openai_model import (
    NOT_FOUND,
    Known,
    fit_to_context,
    learn,
    smaller_context,
)
from llmstep_lsp.domain.completion import Completion, Continuation, Model
from llmstep_lsp.errors import GeneratorError

# Seconds for which a server may say nothing: it may be loading its model.
_SILENCE = 120.0
# How many requests for one continuation each are open together.
_AT_A_TIME = 4
# How often a prompt is cut further because the server found it too long.
_CUTS = 8

_ILL_FORMED = {400, 422, 500, 501}  # 500 is how llama.cpp turns `n` down
_TOO_LONG = re.compile(r"context.{0,3}(length|size|window)|too many tokens", re.IGNORECASE)
# What a server may turn down and be asked without, each with how it is then spoken of.
_OPTIONAL = {
    name: re.compile(rf"\b{name}\b")
    for name in ("top_logprobs", "logprobs", "seed", "temperature", "max_tokens")
} | {name: re.compile(rf"[\"'`]{name}[\"'`]") for name in ("stop", "stream")}
_OPTIONAL["n"] = re.compile(r"[\"'`]n[\"'`]|only one completion choice", re.IGNORECASE)


@dataclass(frozen=True)
class _Variant:
    """`count` continuations at a temperature."""

    count: int
    temperature: float
    seed: int
    beams: bool = False

    def singly(self) -> "list[_Variant]":
        """The same, one by one."""
        return [replace(self, count=1, seed=self.seed + i) for i in range(self.count)]


@dataclass
class _Coming:
    """The continuations as they come, None at their end; `alive` once the server sent anything of them."""

    queue: asyncio.Queue[Continuation | None] = field(default_factory=asyncio.Queue)
    alive: bool = False


class OpenAICompleter:
    """Implements `Completer`; `model` is the server's name for it, None its first.

    `url` is what `/completions` is appended to; it mostly ends in `/v1`.  The server may be
    silent for `silence` seconds at a time.
    """

    def __init__(self, url: str, model: str | None = None, *, silence: float = _SILENCE) -> None:
        self._server = ModelServer(url, silence=silence)
        self._model = model
        self._learning = asyncio.Lock()
        self._known: Known | None = None

    async def ready(self) -> Model:
        """As the protocol says; `device` is the URL."""
        known = await self._learned(None)
        return Model("openai", known.model, self._server.url, "unknown", known.parameters, known.context)

    async def complete(self, completion: Completion) -> AsyncGenerator[Continuation, None]:
        """As the protocol says; it is an error, too, if the server sends nothing in time."""
        coming = _Coming()
        asking = asyncio.create_task(self._pour(completion, coming))
        told = set()
        try:
            while (continuation := await coming.queue.get()) is not None:
                if continuation.text not in told:
                    told.add(continuation.text)
                    yield continuation
            await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def aclose(self) -> None:
        """Close the connections; they open again at the next question."""
        self._known = None
        await self._server.aclose()

    async def _pour(self, completion: Completion, coming: _Coming) -> None:
        """Ask, and let come what comes until its end or its time."""
        deadline = None
        if completion.seconds is not None:
            deadline = asyncio.get_running_loop().time() + completion.seconds
        try:
            async with asyncio.timeout_at(deadline):
                await self._ask(completion, coming, deadline)
        except TimeoutError as error:
            if not coming.alive:
                raise GeneratorError(
                    f"{self._server.url} sent nothing within {completion.seconds:g} seconds: it hangs, or is "
                    "too slow for that; look into its log, allow more time, or choose a smaller model."
                ) from error
        except GeneratorError:
            self._known = None  # when it is asked next, it may be another server
            raise
        finally:
            coming.queue.put_nowait(None)

    async def _ask(self, completion: Completion, coming: _Coming, deadline: float | None) -> None:
        """Ask for all continuations, again with a shorter prompt where it is too long."""
        known = await self._learned(deadline)
        for cuts in range(_CUTS + 1):
            fitting = await fit_to_context(self._server, known, completion, deadline)
            try:
                await self._ask_variants(known, fitting, coming, deadline)
            except RefusedError as refused:
                if not _TOO_LONG.search(refused.said) or cuts == _CUTS:
                    raise
                known.context = smaller_context(known, fitting, refused.said)
            else:
                return

    async def _ask_variants(
        self, known: Known, completion: Completion, coming: _Coming, deadline: float | None
    ) -> None:
        """Ask for the beams or the samples, one by one if the server gives no more at a time."""
        free = asyncio.Semaphore(_AT_A_TIME)

        async def ask(variant: _Variant) -> None:
            if variant.count > 1 and known.single:
                return await _together(map(ask, variant.singly()))
            async with free:
                came = await self._ask_variant(known, completion, variant, coming, deadline)
            if came == 1 < variant.count:
                known.single = True
                await _together(map(ask, variant.singly()[1:]))
            return None

        if completion.beams and known.beams:
            await ask(_Variant(completion.count, 0.0, completion.seed, beams=True))
        elif completion.temperature > 0:
            await ask(_Variant(completion.count, completion.temperature, completion.seed))
        else:
            await ask(_Variant(1, 0.0, completion.seed))

    async def _ask_variant(
        self,
        known: Known,
        completion: Completion,
        variant: _Variant,
        coming: _Coming,
        deadline: float | None,
    ) -> int:
        """Ask once, and again in a way that the server allows; how many choices came."""
        while True:
            chat = known.chat or completion.prompt.system is not None
            body = _body(known, completion, variant, chat=chat)
            try:
                return await self._send(body, completion, coming, deadline, chat=chat)
            except RefusedError as refused:
                if refused.status in NOT_FOUND:
                    if chat or (known.models and known.model not in known.models):
                        raise self._not_found(known, refused) from refused
                    known.chat = True
                elif refused_name := _refused_name(body, refused):
                    known.refused.add(refused_name)
                    known.single |= refused_name == "n"
                else:
                    raise

    async def _send(
        self,
        body: Mapping[str, Any],
        completion: Completion,
        coming: _Coming,
        deadline: float | None,
        *,
        chat: bool,
    ) -> int:
        """Send one request and let its continuations come; how many choices it has."""
        server = self._server
        url = server.url + ("/chat/completions" if chat else "/completions")
        answer = Answer(completion.stop, tokens=completion.tokens)
        async with server.ask("POST", url, body, deadline=deadline) as response:
            streamed = response.headers.get("Content-Type", "").startswith("text/event-stream")
            reading = server_sent(response.aiter_bytes()) if streamed else _whole(response)
            async with aclosing(reading) as pieces:
                async for piece in pieces:
                    if piece == b"[DONE]":
                        self._tell(answer.end(), coming)
                        break
                    coming.alive = True
                    self._tell(self._taken(answer, piece), coming)
            if streamed and not answer.ended:
                raise server.broken_off()
        self._tell(answer.end(), coming)
        if answer.silent:
            raise GeneratorError(
                f"{server.url} answered without any text: ask again, allow more tokens, or choose a model "
                "that does not think before it answers."
            )
        return len(answer)

    def _taken(self, answer: Answer, piece: bytes) -> list[Continuation]:
        said = self._server.parsed(piece)
        if isinstance(said, dict) and said.get("error"):
            raise self._server.failed(piece)
        try:
            return answer.take(said)
        except ValueError as error:
            raise self._server.strange(piece.decode(errors="replace")) from error

    @staticmethod
    def _tell(continuations: Iterable[Continuation], coming: _Coming) -> None:
        for continuation in continuations:
            coming.queue.put_nowait(continuation)

    def _not_found(self, known: Known, refused: RefusedError) -> GeneratorError:
        """No model of that name, or no model server at all."""
        url = self._server.url
        if known.models and known.model not in known.models:
            return GeneratorError(
                f"{url} has no model {known.model} ({refused.said}): choose one of {', '.join(known.models)}."
            )
        return GeneratorError(
            f"{url} has neither /completions nor /chat/completions for the model {known.model} "
            f"({refused.said}): check the model's name, and the URL, which mostly ends in /v1."
        )

    async def _learned(self, deadline: float | None) -> Known:
        async with self._learning:
            if self._known is None:
                self._known = await learn(self._server, self._model, deadline)
            return self._known


def _body(known: Known, completion: Completion, variant: _Variant, *, chat: bool) -> dict[str, Any]:
    """What the server is sent."""
    prompt = completion.prompt
    body: dict[str, Any] = {
        "model": known.model,
        "max_tokens": completion.max_new_tokens,
        "temperature": variant.temperature,
        "seed": variant.seed,
        "stream": True,
    }
    if chat:
        system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
        body |= {"messages": [*system, {"role": "user", "content": prompt.text}]}
        body |= {"logprobs": True, "top_logprobs": 1}
    else:
        body |= {"prompt": prompt.text, "logprobs": 1}
    if completion.stop:
        body["stop"] = list(completion.stop)
    if variant.count > 1:
        body["n"] = variant.count
    if variant.beams:
        body |= {"use_beam_search": True, "stream": False}  # which vLLM has not together
    for name in known.refused & body.keys():
        value = body.pop(name)
        if name == "max_tokens":
            body["max_completion_tokens"] = value
    return body


def _refused_name(body: Mapping[str, Any], refused: RefusedError) -> str | None:
    """What of `body` the server turned down, if it can do without."""
    if refused.status not in _ILL_FORMED or _TOO_LONG.search(refused.said):
        return None
    return next(
        (name for name, said in _OPTIONAL.items() if name in body and said.search(refused.said)), None
    )


async def _whole(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    yield await response.aread()


async def _together(asking: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Await all; the first error ends them."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in asking:
                group.create_task(one)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
