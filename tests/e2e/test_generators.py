"""Several generators at once, and what becomes of the others when one fails: with real Lean."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.cache import cache_root
from tests.adapters.fake_model_server import Asked, FakeModelServer, Reply, choice, models, refuse, say

FILE = """theorem s (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  sorry

theorem t (p q : Prop) (h : p ∧ q) : q ∧ p := by
  sorry
"""
NOWHERE = "openai,url=http://127.0.0.1:9/v1,model=m"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "A.lean").write_text(FILE)
    return tmp_path / "A.lean"


async def suggest(file: Path, *arguments: str, **environment: str) -> tuple[list[dict[str, Any]], str, int]:
    """What `llmstep-lsp suggest` prints as JSON, what it says besides, and its exit code."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "llmstep_lsp", "suggest", str(file), "--all", "--json", *arguments),
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return [json.loads(line) for line in output.splitlines()], errors.decode(), process.returncode


def steps(answer: dict[str, Any], source: str) -> list[str]:
    return [s["text"] for s in answer["suggestions"] if s["source"] == source]


@pytest.mark.lean
async def test_a_generator_that_fails_costs_only_its_own_steps_and_one_line(
    file: Path, real_lean: Toolchain
) -> None:
    # Without a prefix there would be enough before it fails.
    both = ("--generator", "symbolic", "--generator", NOWHERE)
    answers, errors, code = await suggest(file, *both, "--prefix", "constructor")
    assert [steps(answer, "symbolic") for answer in answers] == [["constructor"], ["constructor"]]
    assert code == 1
    assert errors.count("\n") == 1
    assert errors.startswith("llmstep-lsp: openai: ")
    assert "http://127.0.0.1:9/v1" in errors


@pytest.mark.lean
async def test_steps_of_a_model_server_are_judged_like_all_others(file: Path, real_lean: Toolchain) -> None:
    def script(asked: Asked) -> Reply:
        if asked.method == "GET":
            return models("m")
        return say(
            {
                "choices": [
                    {
                        "index": i,
                        "text": text,
                        "finish_reason": "stop",
                        "logprobs": {"tokens": [text], "token_logprobs": [-1.0]},
                    }
                    for i, text in enumerate(["exact ⟨hp, hq⟩", "exact ⟨hq, hp⟩", "sorry"])
                ]
            }
        )

    async with FakeModelServer(script) as server:
        answers, errors, code = await suggest(file, "--generator", f"openai,url={server.url}")
    assert (errors, code) == ("Lean accepted none of the steps that were tried (3).\n", 0)
    assert [(s["text"], s["verdict"], s["score"]) for s in answers[0]["suggestions"]] == [
        ("exact ⟨hp, hq⟩", "finishes", -1.0)
    ]
    assert answers[1]["suggestions"] == []


@pytest.mark.lean
async def test_repair_shows_the_model_what_lean_said(file: Path, real_lean: Toolchain) -> None:
    def script(asked: Asked) -> Reply:
        if asked.method == "GET":
            return models("some-instruct")
        said = asked.body["messages"][-1]["content"]
        text = "exact ⟨h.2, h.1⟩" if "Lean does not accept it" in said and "h : p ∧ q" in said else "exact h"
        answer = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return say({"choices": [answer]})

    async with FakeModelServer(script) as server:
        spec = f"openai,url={server.url},samples=1"
        plain, *_ = await suggest(file, "--generator", spec)
        repaired, errors, _ = await suggest(file, "--generator", spec, "--repair")
    assert [answer["suggestions"] for answer in plain] == [[], []]
    assert [steps(answer, "openai") for answer in repaired] == [[], ["exact ⟨h.2, h.1⟩"]], errors
    last = server.asked[-1].body["messages"][-1]["content"]
    assert "```lean\nexact h\n```\nLean says: " in last


@pytest.mark.lean
async def test_what_models_propose_is_kept_on_disk_and_forgotten_on_demand(
    file: Path, tmp_path: Path, real_lean: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMSTEP_LEAN", real_lean.lean[0])
    environment = {"LLMSTEP_CACHE_DIR": str(tmp_path / "cache"), "LLMSTEP_CACHE_MEGABYTES": "1"}
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/hook").symlink_to(cache_root() / "hook")  # to compile it takes long

    def script(asked: Asked) -> Reply:
        return models("m") if asked.method == "GET" else say(choice("exact ⟨hp, hq⟩"))

    async with FakeModelServer(script) as server:
        spec = f"openai,url={server.url},model=m,samples=1"
        first, *_ = await suggest(file, "--generator", spec, **environment)
        asked = len(server.asked)
        second, *_ = await suggest(file, "--generator", spec, **environment)
        assert (asked, len(server.asked)) == (2, 2)
    assert steps(first[0], "openai") == steps(second[0], "openai") == ["exact ⟨hp, hq⟩"]
    assert (await cache("stats", **environment)).startswith("2 answers, 0.0 MB, in ")
    assert await cache("clear", **environment) == f"{tmp_path / 'cache' / 'candidates.sqlite'} is empty.\n"
    assert (await cache("stats", **environment)).startswith("0 answers, 0.0 MB, in ")


async def cache(command: str, **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "llmstep_lsp", "cache", command),
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def test_a_generator_that_does_not_exist_is_told(file: Path) -> None:
    answers, errors, code = await suggest(file, "--generator", "gpt5")
    assert (answers, code) == ([], 1)
    assert errors.startswith("llmstep-lsp: There is no generator gpt5: choose box, ctranslate2,")


@pytest.mark.lean
async def test_a_server_of_another_model_is_told_and_the_next_question_may_succeed(
    file: Path, real_lean: Toolchain
) -> None:
    def script(asked: Asked) -> Reply:
        if asked.method == "GET":
            return models("other")
        if len(server.asked) == 1:
            return refuse(404, "The model `m` does not exist.")
        return say(choice("exact ⟨h.2, h.1⟩"))

    async with FakeModelServer(script) as server:
        answers, errors, code = await suggest(
            file, "--generator", f"openai,url={server.url},model=m,samples=1"
        )
    assert len(answers) == 2, errors
    assert "other" in errors
    assert (steps(answers[1], "openai"), code) == (["exact ⟨h.2, h.1⟩"], 1)
