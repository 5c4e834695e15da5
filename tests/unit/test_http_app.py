"""The model server's endpoints in front of a completer that does as it is told."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.types import Message

from llmstep_lsp.adapters.generators.language_model import LanguageModel, Sampling
from llmstep_lsp.adapters.generators.prompts import choose_format
from llmstep_lsp.domain.completion import Completion, Continuation, Model, Token
from llmstep_lsp.edge.http.app import create_app
from llmstep_lsp.edge.http.desk import Desk
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.ports import Generator

MODEL = Model("scripted", "/models/tiny", "cpu", "float32", parameters=42, context=512)
QUESTION = {"tactic_state": "⊢ p", "prefix": "ex", "context": ""}


@dataclass
class ScriptedCompleter:
    """Answers `texts` once `go` is set; then fails with `error` if there is one."""

    texts: Sequence[str] = ("act h", "act g")
    error: GeneratorError | None = None
    loads: asyncio.Event = field(default_factory=asyncio.Event)
    load_error: GeneratorError | None = None
    go: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[Completion] = field(default_factory=list)
    given_up: int = 0
    closed: int = 0

    def __post_init__(self) -> None:
        self.loads.set()
        self.go.set()

    async def ready(self) -> Model:
        await self.loads.wait()
        if self.load_error:
            raise self.load_error
        return MODEL

    async def complete(self, completion: Completion) -> AsyncGenerator[Continuation, None]:
        self.asked.append(completion)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        count = completion.count if completion.temperature > 0 else 1
        for text in self.texts[:count]:
            yield Continuation(text, -0.5, (Token(text, -0.75), Token("", -0.25)))
        if self.error:
            raise self.error

    async def aclose(self) -> None:
        self.closed += 1


@dataclass(frozen=True)
class Served:
    completer: ScriptedCompleter
    generator: Generator
    name: str = "tiny"
    samples: int = 5


def desk_of(completer: ScriptedCompleter, *, at_once: int = 16, requests: int = 64) -> Desk:
    model = LanguageModel("tiny", completer, choose_format("tiny", "llmstep"), Sampling(samples=5))
    return Desk(Served(completer, model), at_once=at_once, requests=requests)


@asynccontextmanager
async def serving(
    completer: ScriptedCompleter, *, at_once: int = 16, requests: int = 64, token: str | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(desk_of(completer, at_once=at_once, requests=requests), token)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost:6000") as client,
    ):
        await asyncio.sleep(0)  # the model loads
        yield client


async def metrics(client: httpx.AsyncClient) -> dict[str, float]:
    """What is counted, but the histogram's buckets."""
    lines = (await client.get("/metrics")).text.splitlines()
    pairs = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {
        name: float(value)
        for name, _, value in pairs
        if not any(part in name for part in ("_bucket", "_created", "_sum"))
    }


async def test_completions() -> None:
    completer = ScriptedCompleter()
    async with serving(completer) as client:
        got = await client.post(
            "/v1/completions", json={"model": "tiny", "prompt": "⊢ p\n", "n": 2, "seed": 3}
        )
    assert got.status_code == 200
    body = got.json()
    assert [(choice["index"], choice["text"]) for choice in body["choices"]] == [(0, "act h"), (1, "act g")]
    assert [choice["logprobs"] for choice in body["choices"]] == [None, None]
    assert body["usage"] == {"prompt_tokens": None, "completion_tokens": 4, "total_tokens": None}
    assert {(completion.prompt.text, completion.seed) for completion in completer.asked} == {("⊢ p\n", 3)}
    assert completer.closed > 0


async def test_completions_as_events() -> None:
    async with serving(ScriptedCompleter()) as client:
        got = await client.post("/v1/completions", json={"prompt": ["a", "b"], "n": 2, "stream": True})
    assert got.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, last, nothing = got.text.split("\n\n")
    assert (last, nothing) == ("data: [DONE]", "")
    choices = [json.loads(event.removeprefix("data: "))["choices"] for event in events]
    assert sorted((choice["index"], choice["text"], choice["finish_reason"]) for (choice,) in choices) == [
        (0, "act h", "stop"),
        (1, "act g", "stop"),
        (2, "act h", "stop"),
        (3, "act g", "stop"),
    ]


async def test_a_failure_amid_events_is_an_event() -> None:
    async with serving(ScriptedCompleter([], GeneratorError("It ended."))) as client:
        got = await client.post("/v1/completions", json={"prompt": "a", "stream": True})
    failure, last, _ = got.text.split("\n\n")
    assert json.loads(failure.removeprefix("data: ")) == {
        "error": {"message": "It ended.", "type": "server_error", "param": None, "code": None}
    }
    assert last == "data: [DONE]"


async def test_models_and_health() -> None:
    async with serving(ScriptedCompleter()) as client:
        models = (await client.get("/v1/models")).json()
        health = await client.get("/health")
    assert [(model["id"], model["max_model_len"]) for model in models["data"]] == [("tiny", 512)]
    assert health.json() == {
        "status": "ready",
        "model": "tiny",
        "engine": "scripted",
        "device": "cpu",
        "dtype": "float32",
        "parameters": 42,
        "context": 512,
    }


async def test_nothing_is_asked_before_the_model_is_loaded() -> None:
    completer = ScriptedCompleter()
    completer.loads.clear()
    async with serving(completer) as client:
        health = await client.get("/health")
        refused = await client.post("/v1/completions", json={"prompt": "a"})
        models = await client.get("/v1/models")
        completer.loads.set()
        await asyncio.sleep(0)
        ready = await client.get("/health")
    message = "The model tiny is still loading: ask again in a while."
    assert (health.status_code, health.json()) == (503, {"status": "loading", "message": message})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["error"]["message"] == message
    assert "max_model_len" not in models.json()["data"][0]
    assert ready.status_code == 200


async def test_why_the_model_cannot_be_loaded_is_said_and_the_next_question_tries_again() -> None:
    completer = ScriptedCompleter(load_error=GeneratorError("The memory ran out."))
    async with serving(completer) as client:
        health = await client.get("/health")
        completer.load_error = None
        still = await client.get("/health")
        refused = await client.post("/", json=QUESTION)
        await asyncio.sleep(0)
        answered = await client.post("/", json=QUESTION)
    assert (health.status_code, health.json()) == (
        500,
        {"status": "failed", "message": "The memory ran out."},
    )
    assert still.status_code == 500
    assert refused.json() == {"error": "The memory ran out."}
    assert answered.json() == {"suggestions": ["exact h", "exact g"]}
    assert completer.closed > 0


@pytest.mark.parametrize("path", ["/", "/any/path", "/v2"])
async def test_llmstep(path: str) -> None:
    completer = ScriptedCompleter()
    async with serving(completer) as client:
        got = await client.post(path, json=QUESTION)
    assert (got.status_code, got.json()) == (200, {"suggestions": ["exact h", "exact g"]})
    assert completer.asked[0].prompt.text == "[GOAL]⊢ p[PROOFSTEP]ex"
    assert completer.asked[0].count == 5


async def test_leancopilot() -> None:
    async with serving(ScriptedCompleter(["rfl"])) as client:
        got = await client.post("/generate", json={"name": "tiny", "input": "⊢ p", "prefix": ""})
    assert got.json() == {"outputs": [{"output": "rfl", "score": pytest.approx(0.60653066)}]}


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/", 200, {"error": "The body is not JSON: Expecting value: line 1 column 1 (char 0)."}),
        ("/generate", 400, {"detail": "The body is not JSON: Expecting value: line 1 column 1 (char 0)."}),
        (
            "/v1/completions",
            400,
            {
                "error": {
                    "message": "The body is not JSON: Expecting value: line 1 column 1 (char 0).",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": None,
                }
            },
        ),
    ],
)
async def test_a_body_that_is_not_json(path: str, status: int, body: dict[str, Any]) -> None:
    async with serving(ScriptedCompleter()) as client:
        got = await client.post(path, content=b"hello")
    assert (got.status_code, got.json()) == (status, body)


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b"[]", 400, "The body must be a JSON object."),
        (b"[" * 100_000, 400, "The body is not JSON"),
        (b'"\xff"', 400, "The body is not JSON"),
        (b" " * (8 * 2**20 + 1), 413, "The body is larger than 8388608 bytes"),
    ],
)
async def test_other_bodies_that_are_refused(content: bytes, status: int, message: str) -> None:
    async with serving(ScriptedCompleter()) as client:
        got = await client.post("/generate", content=content)
    assert got.status_code == status
    assert got.json()["detail"].startswith(message)


@pytest.mark.parametrize(
    ("method", "path", "status", "field"),
    [
        ("POST", "/v1/chat/completions", 404, "error"),
        ("POST", "/encode", 404, "detail"),
        ("GET", "/", 405, "error"),
        ("GET", "/v1/completions", 405, "error"),
        ("PUT", "/generate", 405, "detail"),
    ],
)
async def test_what_is_not_there(method: str, path: str, status: int, field: str) -> None:
    async with serving(ScriptedCompleter()) as client:
        got = await client.request(method, path)
    assert got.status_code == status
    said = got.json()[field]
    assert (said["message"] if path.startswith("/v1/") else said) == f"There is no {method} {path} here."


@pytest.mark.parametrize(("path", "status", "field"), [("/", 200, "error"), ("/generate", 500, "detail")])
async def test_a_model_that_fails_is_reported(path: str, status: int, field: str) -> None:
    question = QUESTION | {"name": "tiny", "input": "⊢ p"}
    async with serving(ScriptedCompleter([], GeneratorError("It ended."))) as client:
        got = await client.post(path, json=question)
    assert (got.status_code, got.json()) == (status, {field: "It ended."})


async def test_requests_reach_the_completer_together_up_to_a_bound() -> None:
    completer = ScriptedCompleter()
    completer.go.clear()
    async with serving(completer, at_once=3) as client:
        waiting = [asyncio.create_task(client.post("/", json=QUESTION)) for _ in range(5)]
        await until(lambda: len(completer.asked) == 3)
        await asyncio.sleep(0.05)
        assert len(completer.asked) == 3
        completer.go.set()
        answers = await asyncio.gather(*waiting)
    assert [answer.json()["suggestions"] for answer in answers] == [["exact h", "exact g"]] * 5


async def test_too_many_requests_are_told_to_come_back() -> None:
    completer = ScriptedCompleter()
    completer.go.clear()
    async with serving(completer, requests=2) as client:
        waiting = [asyncio.create_task(client.post("/", json=QUESTION)) for _ in range(2)]
        await until(lambda: len(completer.asked) == 2)
        refused = await client.post("/", json=QUESTION)
        completer.go.set()
        await asyncio.gather(*waiting)
        taken = await client.post("/", json=QUESTION)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json() == {"error": "2 requests are waiting already: ask again in a while."}
    assert taken.status_code == 200


@pytest.mark.parametrize(
    ("path", "question", "asked"),
    [
        ("/", QUESTION, 1),
        ("/generate", {"name": "tiny", "input": "⊢ p", "prefix": ""}, 1),
        ("/v1/completions", {"prompt": ["a", "b"], "temperature": 0}, 2),
        ("/v1/completions", {"prompt": ["a", "b"], "stream": True}, 2),
    ],
)
async def test_who_goes_away_cancels_the_generation(path: str, question: dict[str, Any], asked: int) -> None:
    completer = ScriptedCompleter()
    completer.go.clear()
    desk = desk_of(completer)
    app = create_app(desk)
    sent: list[Message] = []
    come: asyncio.Queue[Message] = asyncio.Queue()
    come.put_nowait({"type": "http.request", "body": json.dumps(question).encode(), "more_body": False})

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    await desk.load()
    answering = asyncio.create_task(app(scope, come.get, send))
    await until(lambda: len(completer.asked) == asked)
    come.put_nowait({"type": "http.disconnect"})
    await asyncio.wait_for(answering, 5)
    assert completer.given_up == asked
    # The status of a stream was sent before.
    assert sent[0]["status"] == (200 if question.get("stream") else 499)
    await desk.aclose()


async def test_ending_the_server_answers_those_who_wait() -> None:
    completer = ScriptedCompleter()
    desk = desk_of(completer)
    app = create_app(desk)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        await desk.load()
        await desk.aclose()
        got = await client.post("/", json=QUESTION)
    assert (got.status_code, got.json()) == (503, {"error": "The server is ending: start it again."})


async def test_with_a_token_every_path_needs_it() -> None:
    token = "0123456789abcdef"  # noqa: S105
    async with serving(ScriptedCompleter(), token=token) as client:
        for method, path in [("POST", "/"), ("POST", "/generate"), ("GET", "/health"), ("GET", "/metrics")]:
            refused = await client.request(method, path, json=QUESTION)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        models = await client.get("/v1/models", headers={"Authorization": "Bearer wrong"})
        assert models.json()["error"]["code"] == "invalid_api_key"
        taken = await client.post("/", json=QUESTION, auth=("anybody", token))
    assert taken.json() == {"suggestions": ["exact h", "exact g"]}


async def test_what_is_counted() -> None:
    async with serving(ScriptedCompleter()) as client:
        await client.post("/", json=QUESTION)
        await client.post("/", json=QUESTION)
        await client.post("/", content=b"?")
        await client.post("/v1/completions", json={"prompt": "a", "n": 2})
        await client.post("/v1/completions", json={"prompt": "a", "top_p": 0.5})
        await client.get("/health", headers={"Host": "evil.example"})
        counted = await metrics(client)
    assert counted == {
        'llmstep_requests_total{endpoint="llmstep",status="200"}': 3,
        'llmstep_requests_total{endpoint="completions",status="200"}': 1,
        'llmstep_requests_total{endpoint="completions",status="400"}': 1,
        'llmstep_requests_total{endpoint="none",status="403"}': 1,
        'llmstep_request_seconds_count{endpoint="llmstep"}': 3,
        'llmstep_request_seconds_count{endpoint="completions"}': 2,
        'llmstep_request_seconds_count{endpoint="none"}': 1,
        "llmstep_requests_in_flight": 1,  # this one
        'llmstep_suggestions_total{endpoint="llmstep"}': 4,
        'llmstep_suggestions_total{endpoint="completions"}': 2,
        'llmstep_generated_characters_total{endpoint="llmstep"}': 28,
        'llmstep_generated_characters_total{endpoint="completions"}': 10,
    }


async def until(condition: Any) -> None:
    """Let others go on until `condition` holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # what it waits for is set by code that knows no event
            await asyncio.sleep(0.001)
