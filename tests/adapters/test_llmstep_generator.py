"""The llmstep protocol, against stand-ins that answer as each of the original's servers does.

They read the request as `BaseHTTPRequestHandler` gives it to those servers and answer with HTTP/1.0,
the status 200 and no length, whatever happened.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from llmstep_lsp.adapters.generators.keys import is_private
from llmstep_lsp.adapters.generators.llmstep import LlmstepGenerator
from llmstep_lsp.domain.model import Candidate, Goal
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.ports import Question, Rejection
from tests.adapters.fake_model_server import FakeModelServer, Reply, say

GOAL = Goal(text="n : ℕ\n⊢ n = n", target="n = n")

Process = Callable[[dict[str, Any]], list[str]]


@contextmanager
def original(process: Process) -> Iterator[str]:
    """The URL of a server whose model and prompts are `process`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("Content-type", "application/json")
            self.end_headers()
            text = self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8")
            try:
                answer: Any = {"suggestions": process(json.loads(text))}
            except Exception as error:  # noqa: BLE001  # as it does
                answer = {"error": str(error)}
            self.wfile.write(json.dumps(answer).encode("utf-8"))

        def log_message(self, *_: object) -> None:
            """Not to the tests' output."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def candidates(
    url: str, prefix: str = "", count: int = 10, rejected: tuple[Rejection, ...] = ()
) -> list[Candidate]:
    generator = LlmstepGenerator(url)
    question = Question((GOAL,), prefix, "import A\n", count, rejected=rejected)
    try:
        return [candidate async for candidate in generator.candidates(question)]
    finally:
        await generator.aclose()


async def texts(url: str, prefix: str = "", count: int = 10) -> list[str]:
    return [candidate.text for candidate in await candidates(url, prefix, count)]


async def failure(url: str) -> str:
    with pytest.raises(GeneratorError) as caught:
        await candidates(url)
    return str(caught.value)


def decoder_only(*written: str) -> Process:
    """`server.py`, `server_vllm.py`, `server_llemma.py`: what the model wrote follows the prefix."""
    return lambda data: [data["prefix"] + text for text in written]


async def test_the_goal_the_prefix_and_the_context_are_sent() -> None:
    sent = []

    def process(data: dict[str, Any]) -> list[str]:
        sent.append(data)
        return ["rfl"]

    with original(process) as url:
        assert await candidates(url, "rf") == [Candidate("rfl", "llmstep", None)]
    assert sent == [{"tactic_state": "n : ℕ\n⊢ n = n", "prefix": "rf", "context": "import A\n"}]


async def test_steps_follow_the_prefix() -> None:
    with original(decoder_only("rfl", "h.symm", "(foo\n  bar)")) as url:
        assert await texts(url, "exact ") == ["exact rfl", "exact h.symm", "exact (foo\n  bar)"]


async def test_a_prefix_that_the_model_wrote_again() -> None:
    """`server_encdec.py`: the model reads the prefix and writes the whole step, and the prefix is put before it."""
    with original(decoder_only("exact rfl", "rfl")) as url:
        assert await texts(url, "exact ") == ["exact exact rfl", "exact rfl"]


async def test_a_server_that_leaves_the_prefix_out() -> None:
    with original(lambda _: ["rfl", "exact h"]) as url:
        assert await texts(url, "exact ") == ["exact rfl", "exact h"]


async def test_blanks_empty_steps_and_repetitions_go() -> None:
    with original(decoder_only(" rfl\n", "rfl", "", " ", "simp")) as url:
        assert await texts(url) == ["rfl", "simp"]


async def test_no_more_steps_than_wanted() -> None:
    with original(decoder_only("a", "b", "c")) as url:
        assert await texts(url, count=2) == ["a", "b"]


async def test_without_goals_or_after_rejections_nothing_is_asked() -> None:
    def process(data: dict[str, Any]) -> list[str]:
        raise AssertionError

    with original(process) as url:
        assert await candidates(url, rejected=(Rejection("rfl", "no"),)) == []
        generator = LlmstepGenerator(url)
        assert [candidate async for candidate in generator.candidates(Question((), "", "", 1))] == []
        await generator.aclose()


async def test_the_servers_own_error() -> None:
    def process(data: dict[str, Any]) -> list[str]:
        raise RuntimeError("CUDA out of memory")

    with original(process) as url:
        assert await failure(url) == (
            f"The llmstep server {url} failed (CUDA out of memory): look into its log, and ask again."
        )


async def test_nobody_listens() -> None:
    with original(decoder_only("rfl")) as url:
        pass
    assert await failure(url) == (
        f"No server answers at {url} (All connection attempts failed): "
        "start the model server, or correct the URL."
    )


@pytest.fixture
async def server() -> AsyncIterator[FakeModelServer]:
    async with FakeModelServer(lambda _: Reply(mute=True)) as server:
        yield server


@pytest.mark.parametrize(
    "answer", [{"suggestions": "rfl"}, {"suggestions": [1]}, {}, ["rfl"], b"", b"<html>ERR_NGROK_3200</html>"]
)
async def test_what_is_not_of_the_protocol(server: FakeModelServer, answer: Any) -> None:
    server.script = lambda _: say(answer)
    assert f"{server.url} answered what is not of its protocol" in await failure(server.url)


async def test_a_hanging_server(server: FakeModelServer) -> None:
    generator = LlmstepGenerator(server.url)
    question = Question((GOAL,), "", "", 1, seconds=0.3)
    with pytest.raises(GeneratorError, match=r"sent nothing within 0\.3 seconds: it hangs or is too slow"):
        await anext(generator.candidates(question))
    server.script = lambda _: say({"suggestions": ["rfl"]})
    assert (await anext(generator.candidates(question))).text == "rfl"
    await generator.aclose()


async def test_a_key_is_sent_for_a_server_of_ours(
    server: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMSTEP_API_KEY", "secret")
    server.script = lambda _: say({"suggestions": ["rfl"]})
    assert await texts(server.url) == ["rfl"]
    assert server.asked[0].headers["authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://a.example/x", True),
        ("http://localhost:6000", True),
        ("http://[::1]:6000", True),
        ("http://a.example", False),
        ("http://a b", False),
    ],
)
def test_a_key_is_sent_only_where_nobody_else_reads_it(url: str, *, private: bool) -> None:
    assert is_private(url) == private


async def test_cancelling_closes_the_request(server: FakeModelServer) -> None:
    asking = asyncio.create_task(candidates(server.url))
    async with asyncio.timeout(10):
        while not server.asked:  # noqa: ASYNC110  # the server tells nobody
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.left.wait()
