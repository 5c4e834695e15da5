"""Owns the endpoints.

| path | |
|---|---|
| `POST /v1/completions`, `GET /v1/models` | OpenAI's |
| `POST /generate` | LeanCopilot's external generator |
| `GET /health`, `GET /metrics` | for whoever watches over the server |
| `POST` of any other path, but not below `/v1/` and not `/encode` | LLMSTEP's, whose server takes any |
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, ExceptionHandler, Receive, Scope, Send

from llmstep_lsp.domain.completion import Continuation
from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.edge.http import openai_wire, peers_wire
from llmstep_lsp.edge.http.access import Gate
from llmstep_lsp.edge.http.desk import Desk
from llmstep_lsp.edge.http.metrics import Metrics, Watched
from llmstep_lsp.edge.http.peers_wire import Wanted
from llmstep_lsp.edge.http.reading import read_object
from llmstep_lsp.edge.http.refusals import RefusedError, is_llmstep, refusal, shape
from llmstep_lsp.errors import GeneratorError

_log = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_LOADING = 503
_CLIENT_GONE = 499  # nobody reads it, but it is counted; nginx's word


def create_app(desk: Desk, token: str | None = None) -> Starlette:
    """The server in front of `desk`, whose model it starts to load and in the end closes.

    Without a `token` it must be bound to a loopback address.
    """
    endpoints = _Endpoints(desk, Metrics())
    admitted = [Middleware(_Admitted, desk=desk)]
    handlers: dict[Any, ExceptionHandler] = {
        ClientDisconnect: _gone,
        GeneratorError: _failed,
        HTTPException: _not_there,
        RefusedError: _refused,
    }
    return Starlette(
        routes=[
            Route("/v1/completions", endpoints.completions, methods=["POST"], middleware=admitted),
            Route("/v1/models", endpoints.models),
            Route("/generate", endpoints.generate, methods=["POST"], middleware=admitted),
            Route("/health", endpoints.health),
            Route("/metrics", endpoints.metrics),
            Route("/{path:path}", endpoints.llmstep, methods=["POST"], middleware=admitted),
        ],
        middleware=[
            Middleware(Watched, metrics=endpoints.counters),
            Middleware(Gate, token=token),
        ],
        exception_handlers=handlers,
        lifespan=endpoints.lifespan,
    )


class _Endpoints:
    """What is done for each path; the name of a method is the endpoint's in the metrics."""

    def __init__(self, desk: Desk, counters: Metrics) -> None:
        self.counters = counters
        self._desk = desk
        self._created = int(time.time())

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Load the model, while requests may come already; end it with the server."""
        self._desk.load()
        try:
            yield
        finally:
            await self._desk.aclose()

    async def completions(self, request: Request) -> Response:
        """OpenAI's completions, whole or as events."""
        asked = openai_wire.asked(await read_object(request), self._desk.served.name)
        answer = openai_wire.Answer.to(asked, self._desk.served.name, self._desk.model().context, time.time())
        if asked.stream:
            return StreamingResponse(self._events(answer, request), media_type="text/event-stream")
        found = await _while_connected(request, self._complete(asked))
        return JSONResponse(answer.whole(found))

    async def models(self, _: Request) -> Response:
        """OpenAI's list of models."""
        try:
            context = self._desk.model().context
        except RefusedError:
            context = None
        return JSONResponse(openai_wire.models(self._desk.served.name, context, self._created))

    async def generate(self, request: Request) -> Response:
        """LeanCopilot's external generator."""
        wanted = peers_wire.from_leancopilot(await read_object(request), self._desk.served.name)
        return JSONResponse(peers_wire.to_leancopilot(await self._suggest(request, wanted, "generate")))

    async def llmstep(self, request: Request) -> Response:
        """LLMSTEP's suggestions."""
        if not is_llmstep(request.url.path):
            raise HTTPException(404)
        wanted = peers_wire.from_llmstep(await read_object(request))
        return JSONResponse(peers_wire.to_llmstep(await self._suggest(request, wanted, "llmstep")))

    async def health(self, _: Request) -> Response:
        """Whether the model answers, and what it is."""
        try:
            model = self._desk.model()
        except RefusedError as error:
            status = "loading" if error.status == _LOADING else "failed"
            return JSONResponse({"status": status, "message": str(error)}, error.status)
        return JSONResponse(
            {
                "status": "ready",
                "model": self._desk.served.name,
                "engine": model.engine,
                "device": model.device,
                "dtype": model.dtype,
                "parameters": model.parameters,
                "context": model.context,
            }
        )

    async def metrics(self, _: Request) -> Response:
        """What was counted."""
        return Response(self.counters.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _complete(self, asked: openai_wire.Asked) -> list[list[Continuation]]:
        """The continuations for each prompt."""
        found: list[list[Continuation]] = [[] for _ in asked.completions]
        async with aclosing(self._desk.complete(asked.completions)) as come:
            async for number, continuation in come:
                found[number].append(continuation)
                self.counters.give("completions", continuation.text)
        return found

    async def _events(self, answer: openai_wire.Answer, request: Request) -> AsyncGenerator[str, None]:
        """The same as events; an error, too, is one, since the status is sent before."""
        places: Counter[int] = Counter()
        try:
            async with aclosing(self._desk.complete(answer.asked.completions)) as come:
                async for number, continuation in come:
                    yield answer.event(number, places[number], continuation)
                    places[number] += 1
                    self.counters.give("completions", continuation.text)
        except GeneratorError as error:
            _log.warning("%s", error)
            yield openai_wire.event(shape(request.url.path, RefusedError(500, str(error))))
        yield openai_wire.DONE

    async def _suggest(self, request: Request, wanted: Wanted, endpoint: str) -> list[Candidate]:
        candidates = await _while_connected(request, self._desk.suggest(wanted))
        for candidate in candidates:
            self.counters.give(endpoint, candidate.text)
        return candidates


class _Admitted:
    """Middleware that lets only as many requests through as the desk takes."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._desk.admitted():
            await self._app(scope, receive, send)


async def _while_connected(request: Request, work: Coroutine[Any, Any, _Result]) -> _Result:
    """What `work` returns; it is cancelled when the client goes away.  The request's body has been read.

    Raises:
        ClientDisconnect: the client went away.
    """
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnection(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        gone.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _disconnection(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _refused(request: Request, error: Exception) -> Response:
    # The clients of LLMSTEP and LeanCopilot do not show what went wrong; the log does.
    _log.warning("%s %s: %s", request.method, request.url.path, error)
    return refusal(request.url.path, cast("RefusedError", error))


async def _failed(request: Request, error: Exception) -> Response:
    return await _refused(request, RefusedError(500, str(error)))


async def _not_there(request: Request, error: Exception) -> Response:
    status = cast("HTTPException", error).status_code
    message = f"There is no {request.method} {request.url.path} here."
    return refusal(request.url.path, RefusedError(status, message))


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=_CLIENT_GONE)
