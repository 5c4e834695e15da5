"""Owns what is counted of the server, in Prometheus's words."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Seconds: from an answer that refuses to the longest that a person waits for.
_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("endpoint", "status")
        self._requests = Counter(
            "llmstep_requests",
            "Requests answered; status 499: the client went away.",
            labels,
            registry=self._registry,
        )
        self._seconds = Histogram(
            "llmstep_request_seconds",
            "From a request's headers to the end of its answer.",
            ("endpoint",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._in_flight = Gauge(
            "llmstep_requests_in_flight", "Requests being answered.", registry=self._registry
        )
        self._suggestions = Counter(
            "llmstep_suggestions", "Steps or choices given.", ("endpoint",), registry=self._registry
        )
        self._characters = Counter(
            "llmstep_generated_characters", "Characters in them.", ("endpoint",), registry=self._registry
        )

    def give(self, endpoint: str, text: str) -> None:
        """Count a step or choice that `endpoint` gives."""
        self._suggestions.labels(endpoint).inc()
        self._characters.labels(endpoint).inc(len(text))

    def exposition(self) -> bytes:
        """All of it, in Prometheus's text format."""
        return generate_latest(self._registry)

    async def watch(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let `app` answer a request, and count it."""
        status = 500  # what is sent if it fails before it says one
        started = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._in_flight.inc()
        try:
            await app(scope, receive, noting)
        finally:
            self._in_flight.dec()
            endpoint = scope.get("endpoint")  # of the route; there is none if the request got no further
            name = getattr(endpoint, "__name__", "none")
            self._requests.labels(name, status).inc()
            self._seconds.labels(name).observe(time.perf_counter() - started)


class Watched:
    """Middleware that counts what passes."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI says."""
        if scope["type"] == "http":
            await self._metrics.watch(self._app, scope, receive, send)
        else:
            await self._app(scope, receive, send)
