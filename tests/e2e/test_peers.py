"""Clients of other projects, replayed to `llmstep-lsp serve` byte for byte.

The requests were recorded from the projects' own code, which is not needed here: LLMSTEP's
`python/suggest.py` with requests 2.34, and curl 7.88 called as `LeanCopilot/Models/External.lean`
calls it, with what Lean 4.28-pre prints for its `GeneratorRequest`.
"""

import base64
import json
import math
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmstep_lsp.adapters.generators.openai import OpenAICompleter
from llmstep_lsp.domain.completion import Completion, Part, Prompt
from tests.e2e.serving import Server, serving

pytestmark = pytest.mark.model

CONJUNCTION = "p q : Prop\nhp : p\nhq : q\n⊢ p ∧ q"
STEP = "exact ⟨hp, hq⟩"
TOKEN = "0123456789abcdef"  # noqa: S105

LLMSTEP_BODY = (
    rb'{"tactic_state": "p q : Prop\nhp : p\nhq : q\n\u22a2 p \u2227 q", "prefix": "exact", '
    rb'"context": "import Mathlib\n"}'
)
LEANCOPILOT_BODY = (
    r'{"prefix": "", "name": "converted", "input": "p q : Prop\nhp : p\nhq : q\n⊢ p ∧ q"}'.encode()
)


def llmstep_request(host: str, authorization: str = "", body: bytes = LLMSTEP_BODY) -> bytes:
    """What `requests.post(host, json=…)` of suggest.py sends."""
    head = (
        f"POST / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: python-requests/2.34.2\r\n"
        "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n"
        f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n{authorization}\r\n"
    )
    return head.encode() + body


def leancopilot_request(host: str, authorization: str = "") -> bytes:
    """What curl sends for `ExternalGenerator.generate`."""
    head = (
        f"POST /generate HTTP/1.1\r\nHost: {host}\r\n{authorization}User-Agent: curl/7.88.1\r\n"
        "accept: application/json\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(LEANCOPILOT_BODY)}\r\n\r\n"
    )
    return head.encode() + LEANCOPILOT_BODY


@pytest.fixture(scope="module")
def server(converted: Path) -> Iterator[Server]:
    with serving("--model", converted, "--engine", "ctranslate2") as server:
        server.await_ready()
        yield server


@pytest.fixture(scope="module")
def guarded(converted: Path) -> Iterator[Server]:
    """A server that needs the token."""
    environment = {"LLMSTEP_SERVE_TOKEN": TOKEN}
    with serving("--model", converted, "--engine", "ctranslate2", environment=environment) as server:
        server.await_ready()
        yield server


def test_llmstep(server: Server) -> None:
    head, body = server.raw(llmstep_request(f"localhost:{server.address[1]}"))
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-type: application/json" in head.lower()
    suggestions = json.loads(body)["suggestions"]
    assert suggestions[0] == STEP
    assert all(suggestion.startswith("exact") for suggestion in suggestions)
    assert len(set(suggestions)) == len(suggestions)


def test_llmstep_hears_of_errors_as_from_its_own_server(server: Server) -> None:
    head, body = server.raw(llmstep_request("localhost", body=b'{"tactic_state": "", "context": ""}'))
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(body) == {"error": "`prefix` must be a string."}


def test_leancopilot(server: Server) -> None:
    head, body = server.raw(leancopilot_request(f"localhost:{server.address[1]}"))
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    outputs = json.loads(body)["outputs"]
    assert outputs[0]["output"] == STEP
    assert outputs[0]["score"] > math.exp(-0.1)
    scores = [output["score"] for output in outputs]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    # Lean's `FromJson` takes these keys and no null.
    assert {tuple(output) for output in outputs} == {("output", "score")}


@pytest.mark.parametrize("request_of", [llmstep_request, leancopilot_request])
def test_their_clients_send_the_token_of_a_url(guarded: Server, request_of: type) -> None:
    """Both turn `http://user:TOKEN@host` into this header."""
    secret = base64.b64encode(f"user:{TOKEN}".encode()).decode()
    with_token = guarded.raw(request_of("tunnel.example", f"Authorization: Basic {secret}\r\n"))
    without = guarded.raw(request_of("localhost"))
    assert with_token[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert STEP in with_token[1].decode()
    assert without[0].startswith(b"HTTP/1.1 401 Unauthorized\r\n")


async def test_our_own_client(guarded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """`llmstep-lsp --model URL` asks for as much as the server gives, and for no more."""
    monkeypatch.setenv("LLMSTEP_API_KEY", TOKEN)
    completer = OpenAICompleter(f"{guarded.url}/v1")
    prompt = Prompt((Part(f"[GOAL]{CONJUNCTION}[PROOFSTEP]"),))
    completion = Completion(prompt, count=64, temperature=1.0, max_new_tokens=40, stop=("[GOAL]",))
    try:
        model = await completer.ready()
        found = [continuation async for continuation in completer.complete(completion)]
    finally:
        await completer.aclose()
    assert (model.model, model.context) == ("converted", 512)
    assert STEP in [continuation.text for continuation in found]
    assert len(found) > 1
    with guarded.client(TOKEN) as client:
        counted = client.get("/metrics").text
    assert 'llmstep_requests_total{endpoint="completions",status="200"} 1.0\n' in counted


async def test_our_own_client_gets_beams(server: Server) -> None:
    completer = OpenAICompleter(f"{server.url}/v1")
    prompt = Prompt((Part(f"[GOAL]{CONJUNCTION}[PROOFSTEP]"),))
    try:
        asked = Completion(prompt, count=4, max_new_tokens=40, beams=True)
        found = [continuation async for continuation in completer.complete(asked)]
    finally:
        await completer.aclose()
    assert found[0].text == STEP
    assert len({continuation.text for continuation in found}) == 4


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_itself(guarded: Server) -> None:
    url = f"http://user:{TOKEN}@localhost:{guarded.address[1]}/generate"
    headers = ["-H", "accept: application/json", "-H", "Content-Type: application/json"]
    done = subprocess.run(
        ["curl", "-X", "POST", url, *headers, "-d", LEANCOPILOT_BODY], capture_output=True, check=True
    )
    assert json.loads(done.stdout)["outputs"][0]["output"] == STEP
