"""The transformers generator with real, tiny models in its real worker."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmstep_lsp.adapters.generators.prompts import LLMSTEP
from llmstep_lsp.adapters.generators.transformers import TransformersGenerator
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.worker.protocol import Answer, Cancel, Failure, Ready, Request
from tests.asking import ROOT, Worker, ask, environment, worker

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import AutoModelForCausalLM

from llmstep_lsp.worker.sampling import fit, until_stop
from tests.tiny_model import LESSONS, save_headless, save_random, save_trained

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]

CONJUNCTION, IDENTITY, DISJUNCTION, IMPLICATION = LESSONS
UNSEEN = "a b : ℕ\nh : a = b\n⊢ b = a"
LONG = Request(1, "⊢ p", count=256, max_new_tokens=1024, temperature=0.7, seed=0)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("trained")
    save_trained(directory, context=512)
    return directory


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("untrained")
    save_random(directory, context=2048)
    return directory


@pytest.fixture(scope="module", autouse=True)
def _checkout() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def generator(trained: Path) -> AsyncIterator[TransformersGenerator]:
    """Temperature 2, so that samples differ even where the model is sure."""
    generator = TransformersGenerator(str(trained), samples=256, max_new_tokens=100, temperature=2)
    yield generator
    await generator.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def babbler(untrained: Path) -> AsyncIterator[TransformersGenerator]:
    """Takes seconds for a long answer: 256 steps of up to 400 tokens."""
    generator = TransformersGenerator(str(untrained), samples=256, max_new_tokens=400)
    yield generator
    await generator.aclose()


@pytest.fixture(scope="module")
def raw(trained: Path) -> Iterator[Worker]:
    """The worker itself, with the model that `generator` has."""
    with worker(trained) as other:
        assert isinstance(other.receive(), Ready)
        yield other


@pytest.fixture(scope="module")
def network(trained: Path) -> Any:
    network: Any = AutoModelForCausalLM.from_pretrained(trained)
    return network.eval()


def tokens(text: str) -> list[int]:
    """The tokens of `text`, without the tokenizer: the end token is 0, the bytes' stand-ins follow sorted."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return [(printable + others).index(byte) + 1 for byte in text.encode()]


def mean_log_probability(network: Any, prompt: Sequence[int], continuation: Sequence[int]) -> float:
    """By one plain forward pass over everything."""
    with torch.inference_mode():
        logits = network(torch.tensor([[*prompt, *continuation]])).logits[0]
    said = torch.log_softmax(logits, dim=-1)[len(prompt) - 1 : -1]
    return float(said[range(len(continuation)), continuation].mean())


def likeliest(network: Any, prompt: Sequence[int], most: int) -> list[int]:
    """The greedy continuation up to the end token, without a cache."""
    written: list[int] = []
    while len(written) < most and written[-1:] != [0]:
        with torch.inference_mode():
            written.append(int(network(torch.tensor([[*prompt, *written]])).logits[0, -1].argmax()))
    return written


@pytest.mark.parametrize("goal", LESSONS)
async def test_what_was_learned_comes_first(generator: TransformersGenerator, goal: str) -> None:
    best = (await ask(generator, goal))[0]
    assert best.text == LESSONS[goal]
    assert best.source == "transformers"
    assert best.score is not None
    assert -0.1 < best.score < 0


@pytest.mark.parametrize("goal", [CONJUNCTION, UNSEEN])
async def test_the_score_is_the_mean_untempered_log_probability(raw: Worker, network: Any, goal: str) -> None:
    prompt = LLMSTEP.prompt(goal, "")
    answer = raw.ask(Request(1, prompt, count=64, max_new_tokens=40, temperature=1.3, seed=1))
    readable = [continuation for continuation in answer.candidates if "\ufffd" not in continuation.text]
    assert len(readable) > 3
    for continuation in readable:
        written = tokens(continuation.text)
        ended = [0] if len(written) < 40 else []
        expected = mean_log_probability(network, tokens(prompt), written + ended)
        assert continuation.score == pytest.approx(expected, abs=1e-4)


async def test_candidates_have_the_scores_of_the_worker(
    generator: TransformersGenerator, raw: Worker
) -> None:
    answer = raw.ask(Request(1, LLMSTEP.prompt(UNSEEN, ""), 8, 100, 2, 0, LLMSTEP.stop))
    candidates = await ask(generator, UNSEEN)
    assert [(c.text, c.score) for c in candidates] == [(c.text.strip(), c.score) for c in answer.candidates]


@pytest.mark.parametrize("goal", [*LESSONS, UNSEEN])
async def test_the_greedy_step_is_there(generator: TransformersGenerator, network: Any, goal: str) -> None:
    prompt = tokens(f"[GOAL]{goal}[PROOFSTEP]")
    written = likeliest(network, prompt, most=100)
    expected = mean_log_probability(network, prompt, written)
    scores = [candidate.score for candidate in await ask(generator, goal) if candidate.score is not None]
    assert min(abs(score - expected) for score in scores) < 1e-4


async def test_temperature_0_gives_the_greedy_step_alone(trained: Path) -> None:
    generator = TransformersGenerator(str(trained), samples=256, temperature=0)
    try:
        assert [candidate.text for candidate in await ask(generator, CONJUNCTION)] == [LESSONS[CONJUNCTION]]
    finally:
        await generator.aclose()


@pytest.mark.parametrize("prefix", ["exact ", "exact ⟨", "exact ⟨hp, hq⟩"])
async def test_every_step_starts_with_the_prefix(generator: TransformersGenerator, prefix: str) -> None:
    steps = [candidate.text for candidate in await ask(generator, CONJUNCTION, prefix)]
    assert steps[0] == "exact ⟨hp, hq⟩"
    assert len(steps) > 1
    assert all(step.startswith(prefix) for step in steps)


async def test_a_prefix_may_end_in_a_later_line(generator: TransformersGenerator) -> None:
    prefix = "cases h with\n  | inl hp =>"
    assert (await ask(generator, DISJUNCTION, prefix))[0].text == LESSONS[DISJUNCTION]


async def test_steps_are_distinct_and_the_best_is_first(generator: TransformersGenerator) -> None:
    candidates = await ask(generator, UNSEEN, count=20)
    assert 1 < len(candidates) <= 20
    assert len({candidate.text for candidate in candidates}) == len(candidates)
    scores = [candidate.score or 0 for candidate in candidates]
    assert scores == sorted(scores, reverse=True)


async def test_no_more_samples_than_a_person_waits_for(trained: Path) -> None:
    few = TransformersGenerator(str(trained), samples=2, temperature=1.5)
    try:
        assert len(await ask(few, UNSEEN, count=64)) <= 2
    finally:
        await few.aclose()


async def test_no_more_steps_than_wanted(generator: TransformersGenerator) -> None:
    assert len(await ask(generator, IDENTITY, count=1)) == 1
    assert len(await ask(generator, UNSEEN, count=3)) <= 3


async def test_steps_are_neither_empty_nor_end_in_blanks(generator: TransformersGenerator) -> None:
    steps = [candidate.text for candidate in await ask(generator, UNSEEN, count=64)]
    assert all(step and step == step.rstrip() for step in steps)


async def test_the_same_question_gets_the_same_steps(generator: TransformersGenerator) -> None:
    assert await ask(generator, UNSEEN) == await ask(generator, UNSEEN)


async def test_questions_at_the_same_time_are_all_answered(generator: TransformersGenerator) -> None:
    answers = await asyncio.gather(*(ask(generator, goal) for goal in LESSONS))
    assert [candidates[0].text for candidates in answers] == list(LESSONS.values())


async def test_a_goal_that_is_no_unicode_is_an_error_and_the_worker_goes_on(
    generator: TransformersGenerator,
) -> None:
    with pytest.raises(GeneratorError, match="could not answer"):
        await ask(generator, "⊢ \udc80")
    assert (await ask(generator, IDENTITY))[0].text == "rfl"


async def test_cancelling_frees_the_worker(babbler: TransformersGenerator) -> None:
    started = time.monotonic()
    await ask(babbler, "⊢ p", count=1)  # loads the model too
    await ask(babbler, "⊢ p", count=LONG.count)
    uncancelled = time.monotonic() - started
    first = process(babbler)

    started = time.monotonic()
    for _ in range(5):
        asking = asyncio.create_task(ask(babbler, "⊢ p", count=LONG.count))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    await ask(babbler, "⊢ p", count=1)
    assert time.monotonic() - started < uncancelled
    assert process(babbler) is first


async def test_a_cancelled_generation_stops_at_once(untrained: Path) -> None:
    with worker(untrained) as other:
        assert isinstance(other.receive(), Ready)
        other.send(LONG)
        await asyncio.sleep(0.3)
        started = time.monotonic()
        other.send(Cancel(LONG.id))
        assert other.receive() == Failure(LONG.id, "cancelled")
        assert time.monotonic() - started < 0.5
        other.send(Cancel(LONG.id))
        other.send(Request(2, "⊢ p", count=1, max_new_tokens=1, temperature=0, seed=0))
        assert isinstance(other.receive(), Answer)


async def test_a_waiting_request_is_cancelled_before_it_begins(untrained: Path) -> None:
    with worker(untrained) as other:
        other.send(LONG)
        other.send(Request(2, "⊢ p", count=64, max_new_tokens=1024, temperature=0.7, seed=0))
        other.send(Cancel(2))
        other.send(Cancel(1))
        assert isinstance(other.receive(), Ready)
        assert other.receive() == Failure(1, "cancelled")
        assert other.receive() == Failure(2, "cancelled")


async def test_a_killed_worker_is_an_error_and_then_replaced(babbler: TransformersGenerator) -> None:
    await ask(babbler, "⊢ p", count=1)
    killed = process(babbler)
    asking = asyncio.create_task(ask(babbler, "⊢ p", count=LONG.count))
    await asyncio.sleep(0.1)
    os.kill(killed.pid, signal.SIGKILL)
    with pytest.raises(GeneratorError, match=r"ended \(killed; perhaps the memory ran out\)"):
        await asking
    assert await ask(babbler, "⊢ p", count=1)
    assert process(babbler).pid != killed.pid


async def test_closing_ends_the_worker_until_the_next_question(babbler: TransformersGenerator) -> None:
    await ask(babbler, "⊢ p", count=1)
    closed = process(babbler)
    asking = asyncio.create_task(ask(babbler, "⊢ p", count=LONG.count))
    await asyncio.sleep(0.1)
    await babbler.aclose()
    assert closed.returncode == 0
    with pytest.raises(GeneratorError, match="was stopped"):
        await asking
    assert await ask(babbler, "⊢ p", count=1)


@pytest.mark.parametrize("busy", [False, True], ids=["loading", "generating"])
async def test_the_end_of_its_input_ends_the_worker(untrained: Path, *, busy: bool) -> None:
    with worker(untrained) as other:
        if busy:
            assert isinstance(other.receive(), Ready)
            other.send(LONG)
        await asyncio.sleep(0.3)
        other.stdin.close()
        assert other.process.wait(timeout=2) == 0


async def test_what_is_no_order_ends_the_worker(untrained: Path) -> None:
    with worker(untrained) as other:
        other.stdin.write(b"hello\n")
        other.stdin.flush()
        assert other.process.wait(timeout=2) == 1


async def test_the_worker_ends_with_a_killed_language_server(untrained: Path) -> None:
    code = (
        "import asyncio, os, signal, sys\n"
        "from llmstep_lsp.adapters.generators.transformers import TransformersGenerator\n"
        "from tests.asking import ask\n"
        "async def main():\n"
        "    generator = TransformersGenerator(sys.argv[1], max_new_tokens=1024)\n"
        "    await ask(generator, 'x', count=1)\n"
        "    asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGKILL)\n"
        "    await ask(generator, 'x', count=64)\n"
        "asyncio.run(main())\n"
    )
    # The worker shares the standard error of its parent, which ends only with both of them.
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(untrained)), env=environment(), stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        await parent.communicate()
    assert parent.returncode == -signal.SIGKILL


async def test_a_stop_string_ends_the_text_and_counts_in_the_score(raw: Worker, network: Any) -> None:
    prompt = LLMSTEP.prompt(CONJUNCTION, "")
    (continuation,) = raw.ask(Request(1, prompt, 1, 100, 0, 0, stop=("nowhere", ", h"))).candidates
    assert continuation.text == "exact ⟨hp"
    expected = mean_log_probability(network, tokens(prompt), tokens("exact ⟨hp, h"))
    assert continuation.score == pytest.approx(expected, abs=1e-4)


async def test_an_overlong_prompt_keeps_its_end(raw: Worker) -> None:
    prompt = "h : True\n" * 100 + LLMSTEP.prompt(CONJUNCTION, "")
    end = prompt.encode()[-(512 - 32) :].decode()
    assert raw.ask(Request(1, prompt, 8, 32, 0.7, 0)) == raw.ask(Request(1, end, 8, 32, 0.7, 0))


async def test_the_worker_says_what_it_loaded(trained: Path, network: Any) -> None:
    with worker(trained) as other:
        ready = other.receive()
    assert isinstance(ready, Ready)
    assert ready.ready.model == str(trained)
    assert ready.ready.parameters == sum(p.numel() for p in network.parameters())
    assert ready.ready.context == 512
    if ready.ready.device == "cpu":
        assert ready.ready.dtype == "float32"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"config.json": json.dumps({"model_type": "t5", "is_encoder_decoder": True})},
            r"is an encoder-decoder model \(t5\), which is not supported: choose a decoder-only one",
        ),
        (
            {"config.json": json.dumps({"model_type": "mystery", "auto_map": {"AutoConfig": "code.Config"}})},
            "brings program code of its own, which llmstep-lsp never runs: choose a model",
        ),
        ({"config.json": "{"}, r"cannot be loaded \(.*not a valid JSON file.*\): choose another one"),
        (
            {"config.json": json.dumps({"model_type": "gpt_neox"})},
            r"cannot be loaded \(.*\): choose another one",
        ),
    ],
    ids=["encoder-decoder", "own-code", "broken-config", "no-tokenizer"],
)
async def test_what_is_not_a_usable_model(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    generator = TransformersGenerator(str(tmp_path))
    try:
        with pytest.raises(GeneratorError, match=expected):
            await ask(generator, "⊢ p")
    finally:
        await generator.aclose()


async def test_a_model_without_its_head_is_refused(tmp_path: Path) -> None:
    save_headless(tmp_path, context=64)
    generator = TransformersGenerator(str(tmp_path))
    try:
        with pytest.raises(GeneratorError, match=r"lacks weights .*head"):
            await ask(generator, "⊢ p")
    finally:
        await generator.aclose()


async def test_a_model_that_cannot_be_had_from_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    generator = TransformersGenerator("nobody/nothing")
    try:
        with pytest.raises(GeneratorError, match="nobody/nothing is no directory here, and cannot be loaded"):
            await ask(generator, "⊢ p")
    finally:
        await generator.aclose()


@pytest.mark.parametrize(
    ("length", "context", "new", "expected"),
    [
        (10, None, 5, (list(range(10)), 5)),
        (10, 15, 5, (list(range(10)), 5)),
        (10, 14, 5, (list(range(1, 10)), 5)),
        (10, 8, 5, ([6, 7, 8, 9], 4)),
    ],
)
async def test_a_prompt_is_cut_from_the_left(
    length: int, context: int | None, new: int, expected: tuple[list[int], int]
) -> None:
    assert fit(list(range(length)), None, context, new) == expected


async def test_a_cut_prompt_keeps_its_start_token() -> None:
    assert fit([7, 1, 2, 3, 4], 7, 6, 2) == ([7, 2, 3, 4], 2)
    assert fit([1, 2, 3, 4, 7], 7, 6, 2) == ([2, 3, 4, 7], 2)


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [("a--b;c", (";", "--"), "a"), ("abc", ("d",), "abc"), ("abc", (), "abc"), ("abc", ("a",), "")],
)
async def test_a_text_ends_at_the_first_stop_string(text: str, stop: tuple[str, ...], expected: str) -> None:
    assert until_stop(text, stop) == expected


def process(generator: TransformersGenerator) -> asyncio.subprocess.Process:
    assert generator._worker is not None
    return generator._worker._process
