"""`llmstep-lsp serve --engine vllm` with a real vLLM: what its own clients and those of others get."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from llmstep_lsp.adapters.generators.openai import OpenAICompleter
from llmstep_lsp.domain.completion import Completion, Part, Prompt
from tests.e2e.serving import Server, alive, descendants, serving

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.tiny_model import LESSONS

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1800)]

# The command `vllm` of the build for CPUs does not start, so the module does in its place.
VLLM = '#!/bin/sh\n[ "$1" = serve ] || exit 1\nshift\nexec "{python}" -m vllm.entrypoints.openai.api_server --model "$@"\n'
ARGUMENTS = (
    *("--dtype", "float32", "--enforce-eager", "--gpu-memory-utilization", "0.2"),
    *("--no-enable-chunked-prefill", "--max-model-len", "500"),
)


@pytest.fixture(scope="module")
def server(vllm_python: str, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("bin")
    (folder / "vllm").write_text(VLLM.format(python=vllm_python))
    (folder / "vllm").chmod(0o755)
    environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    arguments = ("--engine", "vllm", "--model", trained, "--", *ARGUMENTS)
    with serving(*arguments, environment=environment) as server:
        server.await_line(re.compile("is ready after"), seconds=600)
        yield server


def test_what_is_passed_on_reaches_vllm(server: Server) -> None:
    with server.client() as client:
        assert client.get("/v1/models").json()["data"][0]["max_model_len"] == 500


@pytest.mark.parametrize("goal", LESSONS)
def test_llmstep_gets_what_was_learned(server: Server, goal: str) -> None:
    with server.client() as client:
        answer = client.post("/", json={"tactic_state": goal, "prefix": "", "context": ""}).json()
    assert answer["suggestions"][0] == LESSONS[goal]


async def test_our_own_client_gets_it_with_its_score(server: Server) -> None:
    completer = OpenAICompleter(f"{server.url}/v1")
    goal, step = next(iter(LESSONS.items()))
    try:
        asked = Completion(Prompt((Part(f"[GOAL]{goal}[PROOFSTEP]"),)), count=4)
        found = [continuation async for continuation in completer.complete(asked)]
    finally:
        await completer.aclose()
    best = max(found, key=lambda one: one.score or -100)
    assert best.text == step
    assert best.score is not None
    assert -0.1 < best.score < 0


def test_vllm_ends_with_it(server: Server) -> None:
    started = descendants(server.process.pid)
    assert len(started) > 1
    server.process.terminate()
    assert server.process.wait(60) == 0
    assert alive(started) == set()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/health", trust_env=False)
