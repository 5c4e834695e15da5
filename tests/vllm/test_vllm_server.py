"""A real vLLM behind its OpenAI protocol, started as a person's editor would."""

import asyncio
import contextlib
import logging
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from llmstep_lsp.adapters.generators.openai import OpenAICompleter
from llmstep_lsp.adapters.generators.vllm import VllmCompleter
from llmstep_lsp.domain.completion import Completion, Continuation, Model, Part, Prompt
from llmstep_lsp.errors import GeneratorError

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.tiny_model import LESSONS
from tests.vllm.measuring import Network

pytestmark = [pytest.mark.vllm, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1800)]

ARGUMENTS = ("--dtype", "float32", "--enforce-eager", "--gpu-memory-utilization", "0.2")
CONJUNCTION, IDENTITY, DISJUNCTION, IMPLICATION = LESSONS
UNSEEN = "a b : ℕ\nh : a = b\n⊢ b = a"
NEW = 40
END = "<|endoftext|>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def vllm(vllm_python: str, trained: Path) -> AsyncIterator[VllmCompleter]:
    completer = VllmCompleter(str(trained), ARGUMENTS, python=vllm_python)
    yield completer
    await completer.aclose()


@pytest.fixture(scope="module")
def network(trained: Path) -> Network:
    return Network(trained)


def text(goal: str, prefix: str = "") -> str:
    return f"[GOAL]{goal}[PROOFSTEP]{prefix}"


def asking(goal: str, prefix: str = "", **options: Any) -> Completion:
    settings = {"count": 1, "max_new_tokens": NEW} | options
    return Completion(Prompt((Part(text(goal, prefix)),)), **settings)


# Takes vLLM some seconds.
LONG = asking(UNSEEN, count=256, max_new_tokens=256, temperature=2)


async def complete(completer: VllmCompleter | OpenAICompleter, completion: Completion) -> list[Continuation]:
    return [continuation async for continuation in completer.complete(completion)]


async def metric(vllm: VllmCompleter, name: str) -> float:
    """A number that vLLM tells of itself."""
    async with httpx.AsyncClient(trust_env=False) as client:
        page = (await client.get(str(vllm.url).removesuffix("/v1") + "/metrics")).text
    found = re.search(rf"^vllm:{name}{{[^}}]*}} (\S+)$", page, re.MULTILINE)
    assert found
    return float(found[1])


async def eventually(holds: Callable[[], Any], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110  # vLLM tells nobody
            await asyncio.sleep(0.02)


async def test_it_starts_and_tells_its_stages(
    vllm: VllmCompleter, trained: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert await vllm.ready() == Model("vllm", str(trained), str(vllm.url), "unknown", None, 512)
    assert f"vLLM: Starting to load model {trained}..." in caplog.messages


@pytest.mark.parametrize("goal", LESSONS)
async def test_what_was_learned_is_the_greedy_continuation(vllm: VllmCompleter, goal: str) -> None:
    [continuation] = await complete(vllm, asking(goal, max_new_tokens=100, temperature=0))
    assert continuation.text == LESSONS[goal]
    assert continuation.score is not None
    assert -0.1 < continuation.score < 0


@pytest.mark.parametrize("goal", [CONJUNCTION, UNSEEN])
async def test_samples_are_distinct(vllm: VllmCompleter, goal: str) -> None:
    found = [one.text for one in await complete(vllm, asking(goal, count=16, temperature=2))]
    assert 4 < len(found) <= 16
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("goal", [CONJUNCTION, UNSEEN])
async def test_scores_are_means_of_untempered_log_probabilities(
    vllm: VllmCompleter, network: Network, goal: str
) -> None:
    found = await complete(vllm, asking(goal, count=32, temperature=1.3, tokens=True))
    compared = 0
    for one in found:
        ended = one.tokens[-1].text == END
        whole = "\ufffd" not in one.text and len(one.text.encode()) == len(one.tokens) - ended
        if whole:  # it has no halves of characters, which are not told
            said = network.log_probabilities(text(goal), one.text, ended=ended)
            assert [token.log_probability for token in one.tokens] == pytest.approx(said, abs=1e-3)
            assert one.score == pytest.approx(sum(said) / len(said), abs=1e-3)
            compared += 1
    assert compared > 3


async def test_tokens_and_their_log_probabilities(vllm: VllmCompleter, network: Network) -> None:
    [continuation] = await complete(vllm, asking(IDENTITY, tokens=True))
    assert [token.text for token in continuation.tokens] == ["r", "f", "l", END]
    expected = network.log_probabilities(text(IDENTITY), "rfl", ended=True)
    assert [token.log_probability for token in continuation.tokens] == pytest.approx(expected, abs=1e-3)


async def test_a_stop_string_ends_a_continuation_and_counts(vllm: VllmCompleter, network: Network) -> None:
    [continuation] = await complete(vllm, asking(CONJUNCTION, stop=("hq", "⟩")))
    assert continuation.text == "exact ⟨hp, "
    said = network.log_probabilities(text(CONJUNCTION), "exact ⟨hp, hq", ended=False)
    assert continuation.score == pytest.approx(sum(said) / len(said), abs=1e-3)


@pytest.mark.parametrize("prefix", ["exact ", "exact ⟨", "exact ⟨hp, hq⟩"])
async def test_a_prefix_is_continued(vllm: VllmCompleter, prefix: str) -> None:
    [continuation] = await complete(vllm, asking(CONJUNCTION, prefix))
    assert prefix + continuation.text == "exact ⟨hp, hq⟩"


async def test_beams(vllm: VllmCompleter, network: Network) -> None:
    found = await complete(vllm, asking(IMPLICATION, count=4, beams=True))
    assert found[0].text == LESSONS[IMPLICATION]
    assert len({one.text for one in found}) == len(found) == 4
    said = network.log_probabilities(text(IMPLICATION), found[0].text, ended=False)
    assert found[0].score == pytest.approx(sum(said) / len(said), abs=1e-3)


async def test_lower_parts_of_a_long_prompt_go(vllm: VllmCompleter) -> None:
    parts = (Part("∀" * 100, 0), Part(text(IDENTITY)), Part("⟨" * 50, 1))
    [continuation] = await complete(vllm, Completion(Prompt(parts[:2]), 1, NEW))
    assert continuation.text != "rfl"  # they matter if they fit
    shorter = await complete(vllm, Completion(Prompt((Part("∀" * 200, 0), *parts[1:2])), 1, NEW))
    assert [one.text for one in shorter] == ["rfl"]


async def test_the_beginning_of_a_long_prompt_goes(vllm: VllmCompleter) -> None:
    """Of 512 tokens, 40 are for the continuation and two for the server; a token is a byte."""
    long = "x = y\n" * 200
    [expected] = await complete(vllm, Completion(Prompt((Part(long[-(512 - NEW - 2) :]),)), 1, NEW))
    [found] = await complete(vllm, Completion(Prompt((Part(long),)), 1, NEW))
    assert found.text == expected.text
    assert found.score == pytest.approx(expected.score, abs=1e-5)


@pytest.mark.parametrize("goal", ["𝔸 : Type\n⊢ ∃ x ∈ 𝔸, ‖x‖ ≤ ε", 's : String\n⊢ s = "\u2028\x85\r\n"'])
async def test_unicode(vllm: VllmCompleter, network: Network, goal: str) -> None:
    [continuation] = await complete(vllm, asking(goal, temperature=0))
    assert continuation.text == network.likeliest(text(goal), NEW)


async def test_the_same_question_gets_the_same_answer(vllm: VllmCompleter) -> None:
    question = asking(UNSEEN, count=8, temperature=1.5)
    first = {one.text for one in await complete(vllm, question)}
    assert {one.text for one in await complete(vllm, question)} == first


async def test_questions_at_the_same_time(vllm: VllmCompleter) -> None:
    answers = await asyncio.gather(*(complete(vllm, asking(goal, max_new_tokens=100)) for goal in LESSONS))
    assert [answer[0].text for answer in answers] == list(LESSONS.values())


async def test_many_long_questions_at_the_same_time(vllm: VllmCompleter) -> None:
    """Together longer than what vLLM reads at a time."""
    questions = [Completion(Prompt((Part(f"{i} " * 100 + text(IDENTITY)),)), 4, 20, 1.0) for i in range(40)]
    assert all(await asyncio.gather(*(complete(vllm, question) for question in questions)))


async def test_a_cancelled_question_stops_vllm(vllm: VllmCompleter) -> None:
    async def written() -> float:
        return await metric(vllm, "generation_tokens_total")

    async def rests() -> bool:
        return await metric(vllm, "num_requests_running") == 0

    start = await written()
    await complete(vllm, LONG)
    whole = await written()
    asked = asyncio.create_task(complete(vllm, LONG))
    await asyncio.sleep(0.3)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await eventually(rests)
    assert await written() - whole < (whole - start) / 2
    assert (await complete(vllm, asking(IDENTITY)))[0].text == "rfl"


async def test_a_prompt_that_is_no_unicode_is_turned_down_and_vllm_goes_on(vllm: VllmCompleter) -> None:
    with pytest.raises(GeneratorError, match="turned the question down"):
        await complete(vllm, asking("⊢ \udc80"))
    assert (await complete(vllm, asking(IDENTITY)))[0].text == "rfl"


async def test_a_chat_with_a_model_that_was_not_made_for_it(vllm: VllmCompleter) -> None:
    with pytest.raises(GeneratorError, match="chat template"):
        await complete(vllm, Completion(Prompt((Part("⊢ p"),), "You prove."), 1))


async def test_a_wrong_model(vllm: VllmCompleter, trained: Path) -> None:
    await vllm.ready()
    other = OpenAICompleter(str(vllm.url), "other")
    with pytest.raises(
        GeneratorError, match=rf"has no model other .*: choose one of {re.escape(str(trained))}\."
    ):
        await complete(other, asking(IDENTITY))
    await other.aclose()


async def test_a_killed_vllm_is_an_error_and_starts_again(vllm: VllmCompleter) -> None:
    await vllm.ready()
    asked = asyncio.create_task(complete(vllm, LONG))
    await asyncio.sleep(0.3)
    os.kill(server_process(vllm), signal.SIGKILL)
    with pytest.raises(GeneratorError, match=r"closed the connection in the middle|failed|ended \(status"):
        await asked
    assert (await complete(vllm, asking(IDENTITY)))[0].text == "rfl"


async def test_it_leaves_nothing_behind(vllm: VllmCompleter) -> None:
    await vllm.ready()
    session = server_process(vllm)
    assert len(of_session(session)) > 1
    await vllm.aclose()

    async def gone() -> bool:
        return not of_session(session)

    await eventually(gone)


async def test_a_model_that_vllm_cannot_load(vllm_python: str, tmp_path: Path) -> None:
    completer = VllmCompleter(str(tmp_path), ARGUMENTS, python=vllm_python)
    with pytest.raises(
        GeneratorError,
        match=rf"The vLLM of {tmp_path} ended .*it wrote: .*Invalid repository ID or local directory",
    ):
        await completer.ready()
    await completer.aclose()


def server_process(vllm: VllmCompleter) -> int:
    """The process of vLLM's server, which leads a session: what is supervised."""
    assert vllm._server is not None
    pid = vllm._server._process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def of_session(session: int) -> list[int]:
    """The processes of a session; what is dead and not yet reaped is none."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, leader = stat.read_text().rpartition(")")[2].split()[:4]
            if state != "Z" and int(leader) == session:
                found.append(int(stat.parent.name))
    return found
