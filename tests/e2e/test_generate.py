"""`llmstep-lsp generate`, as the Lean tactic `llmstep` runs it: one JSON object in, one out."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REQUEST = {
    "version": 1,
    "goals": ["n : Nat\nih : n + 0 = n\n⊢ n + 0 = n"],
    "prefix": "",
    "context": "theorem t (n : Nat) : n + 0 = n := by\n  ",
    "count": 32,
    "seconds": 20,
    "model": None,
}


def generate(request: bytes) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "llmstep_lsp", "generate"]
    return subprocess.run(command, input=request, capture_output=True, check=False)


def answer(**changes: Any) -> Any:
    done = generate(json.dumps({**REQUEST, **changes}).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


def test_candidates_come_once_each_and_at_most_so_many() -> None:
    found = answer(count=5)
    assert (found["version"], found["failures"]) == (1, [])
    texts = [candidate["text"] for candidate in found["candidates"]]
    assert len(set(texts)) == len(texts) == 5
    assert found["candidates"][0] == {"text": texts[0], "source": "symbolic", "score": None}


def test_candidates_begin_with_the_prefix_and_use_the_goal() -> None:
    texts = [candidate["text"] for candidate in answer(prefix="exact ")["candidates"]]
    assert "exact ih" in texts
    assert all(text.startswith("exact ") for text in texts)


@pytest.mark.model
def test_a_model_is_asked_too(converted: Path) -> None:
    found = answer(goals=["p q : Prop\n⊢ p → q → p"], model=str(converted), count=8)
    scores = {c["text"]: c["score"] for c in found["candidates"] if c["source"] == "ctranslate2"}
    assert scores["intro hp _"] > -0.2


def test_a_generator_that_fails_is_named() -> None:
    found = answer(model="/nowhere")
    assert [failure.split(":")[0] for failure in found["failures"]] == ["transformers"]
    assert found["candidates"] != []


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (b"", "Expecting value"),
        (b"\xff", "can't decode byte 0xff"),
        (b"[]", "not a GenerateRequest: []"),
        (json.dumps({**REQUEST, "version": 2}).encode(), "version 2 of the protocol; this is 1"),
        (json.dumps({**REQUEST, "goals": 3}).encode(), "not a GenerateRequest: "),
    ],
)
def test_a_request_that_cannot_be_read(request_: bytes, reason: str) -> None:
    done = generate(request_)
    assert (done.returncode, done.stdout) == (1, b"")
    said = done.stderr.decode()
    assert said.startswith("llmstep-lsp: The request on standard input cannot be read: ")
    assert reason in said
    assert "use an LLMStep and an llmstep-lsp of the same version" in said
