"""What every engine does, with every kind of model, through a completer and its real worker."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmstep_lsp.adapters.generators.worker import Engine, WorkerCompleter
from llmstep_lsp.domain.completion import Completion, Continuation, Part, Prompt
from llmstep_lsp.errors import GeneratorError
from tests.asking import complete, completion

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from tests.tiny_model import LESSONS, NOTHING

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]

CONJUNCTION, IDENTITY, DISJUNCTION, IMPLICATION = LESSONS
UNSEEN = "a b : ℕ\nh : a = b\n⊢ b = a"


@dataclass(frozen=True)
class Case:
    """An engine, the kind of its model, and the network itself, run by transformers."""

    engine: str
    encoder: bool
    network: Any

    def tokens(self, text: str) -> list[int]:
        """Without the tokenizer.

        After an encoder, a byte's token is 3 above it; else the bytes' stand-ins follow sorted.
        """
        if self.encoder:
            return [byte + 3 for byte in text.encode()]
        printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
        others = [byte for byte in range(256) if byte not in printable]
        return [(printable + others).index(byte) + 1 for byte in text.encode()]

    @property
    def end(self) -> int:
        return 1 if self.encoder else 0

    def is_spelt(self, one: Continuation, most: int) -> bool:
        """Whether its tokens, fewer than `most`, are those of its text and the end."""
        return "\ufffd" not in one.text and len(self.tokens(one.text)) + 1 == len(one.tokens) < most

    def logits(self, prompt: str, written: Sequence[int]) -> Any:
        """What the network says at each place from the prompt's end on (places × vocabulary)."""
        read = self.tokens(prompt)
        with torch.inference_mode():
            if self.encoder:
                decoded = torch.tensor([[0, *written]])
                return self.network(
                    input_ids=torch.tensor([[*read, self.end]]), decoder_input_ids=decoded
                ).logits[0]
            return self.network(torch.tensor([[*read, *written]])).logits[0, len(read) - 1 :]

    def score(self, prompt: str, written: Sequence[int]) -> float:
        """The mean log-probability by one plain forward pass over everything."""
        said = torch.log_softmax(self.logits(prompt, written), dim=-1)
        return float(said[range(len(written)), list(written)].mean())

    def likeliest(self, prompt: str, most: int) -> list[int]:
        """The greedy continuation up to the end token, without a cache."""
        written: list[int] = []
        while len(written) < most and written[-1:] != [self.end]:
            written.append(int(self.logits(prompt, written)[-1].argmax()))
        return written


CASES = [
    pytest.param((engine, encoder), id=f"{engine}-{'encoder-decoder' if encoder else 'decoder'}")
    for engine in ("transformers", "ctranslate2")
    for encoder in (False, True)
]


def directory(model: Callable[[str], Path], name: str, engine: str, *, encoder: bool) -> str:
    kind = name + "-encoder" * encoder
    return str(model(kind + "-converted" * (engine == "ctranslate2")))


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, model: Callable[[str], Path]) -> Case:
    engine, encoder = request.param
    kind: Any = AutoModelForSeq2SeqLM if encoder else AutoModelForCausalLM
    name = "trained-encoder" if encoder else "trained"
    return Case(engine, encoder, kind.from_pretrained(model(name)).eval())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def completer(case: Case, model: Callable[[str], Path]) -> AsyncIterator[WorkerCompleter]:
    """It learned the lessons."""
    place = directory(model, "trained", case.engine, encoder=case.encoder)
    completer = WorkerCompleter(Engine(case.engine, place))
    yield completer
    await completer.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def babbler(case: Case, model: Callable[[str], Path]) -> AsyncIterator[WorkerCompleter]:
    """It takes many seconds for `LONG`."""
    place = directory(model, "random", case.engine, encoder=case.encoder)
    completer = WorkerCompleter(Engine(case.engine, place))
    await completer.ready()
    yield completer
    await completer.aclose()


LONG = completion("⊢ p", count=256, max_new_tokens=1000)
SHORT = completion("⊢ p", count=1, max_new_tokens=1)


def steps(goal: str, count: int = 8, **others: Any) -> Completion:
    return completion(f"[GOAL]{goal}[PROOFSTEP]", count, **others)


async def texts(completer: WorkerCompleter, asked: Completion) -> list[str]:
    return [continuation.text for continuation in await complete(completer, asked)]


async def test_the_model_is_told(
    completer: WorkerCompleter, case: Case, model: Callable[[str], Path]
) -> None:
    told = await completer.ready()
    assert (told.engine, told.context) == (case.engine, 512)
    assert told.model == directory(model, "trained", "transformers", encoder=case.encoder)
    assert told.parameters == sum(p.numel() for p in case.network.parameters())
    if told.device == "cpu":
        assert told.dtype == "float32"


@pytest.mark.parametrize("goal", LESSONS)
async def test_what_was_learned_comes_first(completer: WorkerCompleter, goal: str) -> None:
    best = max(await complete(completer, steps(goal)), key=lambda one: one.score or 0)
    assert best.text == LESSONS[goal]
    assert best.score is not None
    assert -0.1 < best.score < 0


async def test_there_are_as_many_as_wanted_and_none_twice(completer: WorkerCompleter) -> None:
    found = await texts(completer, steps(UNSEEN, count=6, temperature=100))  # nearly any letters
    assert len(found) == len(set(found)) == 6
    sure = await texts(completer, steps(IDENTITY, count=12, temperature=0.01))
    assert sure == ["rfl"]
    assert len(await texts(completer, steps(IDENTITY, count=1))) == 1


@pytest.mark.parametrize(
    "prompt", [f"[GOAL]{CONJUNCTION}[PROOFSTEP]", f"[GOAL]{DISJUNCTION}[PROOFSTEP]cases "]
)
async def test_the_score_is_the_mean_untempered_log_probability(
    completer: WorkerCompleter, case: Case, prompt: str
) -> None:
    heat = 2 if case.encoder else 1.4  # so that there are several, and readable ones
    asked = completion(prompt, count=64, max_new_tokens=100, temperature=heat, seed=1, tokens=True)
    readable = [one for one in await complete(completer, asked) if case.is_spelt(one, most=100)]
    expected = {}
    for continuation in readable:
        written = [*case.tokens(continuation.text), case.end]
        expected[continuation.text] = pytest.approx(case.score(prompt, written), abs=1e-4)
    assert len(expected) > 2
    assert {one.text: one.score for one in readable} == expected


@pytest.mark.parametrize("goal", [*LESSONS, UNSEEN])
async def test_temperature_0_gives_the_greedy_continuation(
    completer: WorkerCompleter, case: Case, goal: str
) -> None:
    prompt = f"[GOAL]{goal}[PROOFSTEP]"
    (found,) = await complete(completer, steps(goal, max_new_tokens=100, temperature=0))
    assert found.score == pytest.approx(case.score(prompt, case.likeliest(prompt, most=100)), abs=1e-4)


async def test_temperature_0_gives_the_greedy_continuation_alone(completer: WorkerCompleter) -> None:
    assert await texts(completer, steps(CONJUNCTION, temperature=0)) == [LESSONS[CONJUNCTION]]


@pytest.mark.parametrize("beams", [False, True])
async def test_a_stop_string_ends_the_text_and_counts_in_the_score(
    completer: WorkerCompleter, case: Case, *, beams: bool
) -> None:
    asked = steps(CONJUNCTION, count=2, temperature=0, beams=beams, stop=("nowhere", "⟨hp, h"))
    best = (await complete(completer, asked))[0]
    assert best.text == "exact "
    prompt = asked.prompt.text
    assert best.score == pytest.approx(case.score(prompt, case.tokens("exact ⟨hp, h")), abs=1e-4)


async def test_nothing_may_be_the_answer(completer: WorkerCompleter) -> None:
    assert await texts(completer, steps(IDENTITY, temperature=0, stop=("r",))) == [""]


async def test_a_model_may_end_at_once(completer: WorkerCompleter) -> None:
    assert await texts(completer, steps(NOTHING, temperature=0)) == [""]


async def test_beams_are_distinct_and_the_best_is_the_likeliest(
    completer: WorkerCompleter, case: Case
) -> None:
    asked = steps(CONJUNCTION, count=5, beams=True, max_new_tokens=60, tokens=True)
    found = await complete(completer, asked)
    assert found[0].text == LESSONS[CONJUNCTION]
    assert 1 < len({one.text for one in found}) == len(found) <= 5
    for one in found:
        if not case.is_spelt(one, most=60):
            continue
        written = case.tokens(one.text)
        ended = [case.end] if len(written) < 60 else []
        assert one.score == pytest.approx(case.score(asked.prompt.text, written + ended), abs=1e-4)


@pytest.mark.parametrize("beams", [False, True])
async def test_tokens_say_the_text_and_make_the_score(
    completer: WorkerCompleter, case: Case, *, beams: bool
) -> None:
    found = await complete(completer, steps(CONJUNCTION, count=3, beams=beams, tokens=True))
    best = found[0]
    assert [token.text for token in best.tokens][:9] == ["e", "x", "a", "c", "t", " ", "", "", "⟨"]
    assert len(best.tokens) == len(case.tokens(best.text)) + 1  # the end
    for one in found:
        assert "".join(token.text for token in one.tokens) == one.text
        mean = sum(token.log_probability for token in one.tokens) / len(one.tokens)
        assert one.score == pytest.approx(mean)


async def test_the_same_completion_gets_the_same_answer(completer: WorkerCompleter, case: Case) -> None:
    asked = steps(UNSEEN, temperature=2)
    if case.engine == "ctranslate2":  # draws on from request to request
        asked = replace(asked, beams=True)
    assert await complete(completer, asked) == await complete(completer, asked)


async def test_many_at_a_time_get_the_answers_they_get_alone(completer: WorkerCompleter, case: Case) -> None:
    temperature = 0 if case.engine == "ctranslate2" else 1.5
    many = [steps(goal, count=3, temperature=temperature) for goal in [*LESSONS, UNSEEN]]
    many += [steps(DISJUNCTION, count=3, beams=True), steps(IDENTITY, temperature=0, stop=("l",))]
    together = await asyncio.gather(*(complete(completer, one) for one in many))
    for asked, found in zip(many, together, strict=True):
        alone = await complete(completer, asked)
        assert [one.text for one in found] == [one.text for one in alone]
        assert [one.score for one in found] == pytest.approx([one.score for one in alone], abs=1e-4)


async def test_repeatable_samples_are_the_same_again(completer: WorkerCompleter) -> None:
    asked = steps(UNSEEN, temperature=3, seed=1, repeatable=True)
    others = [steps(UNSEEN, temperature=3, seed=seed, repeatable=True) for seed in (2, 1)]
    alone = await complete(completer, asked)
    other, again = await asyncio.gather(*(complete(completer, one) for one in others))
    assert [one.text for one in again] == [one.text for one in alone]
    assert [one.text for one in other] != [one.text for one in alone]


async def test_different_seeds_get_different_samples(completer: WorkerCompleter) -> None:
    one, other = steps(UNSEEN, temperature=3, seed=1), steps(UNSEEN, temperature=3, seed=2)
    assert await texts(completer, one) != await texts(completer, other)


@pytest.mark.parametrize("room", [32, 1000])
async def test_of_an_overlong_prompt_ranked_parts_go_first(
    completer: WorkerCompleter, case: Case, room: int
) -> None:
    goal = Part(f"[GOAL]{CONJUNCTION}[PROOFSTEP]")
    prompt = Prompt((Part("-- α\n" * 20, 1), Part("-- β\n" * 90, 0), goal))
    size = 512 if case.encoder else 512 - min(room, 256)
    left = Prompt((prompt.parts[0], goal))
    assert len(left.text.encode()) < size < len(prompt.text.encode())
    asked = Completion(prompt, count=2, max_new_tokens=room, temperature=0)
    assert await complete(completer, asked) == await complete(completer, replace(asked, prompt=left))


async def test_what_is_still_too_long_is_cut_from_the_left(completer: WorkerCompleter, case: Case) -> None:
    text = "h : True\n" * 100 + f"[GOAL]{CONJUNCTION}[PROOFSTEP]"
    size = 511 if case.encoder else 512 - 32  # an encoder reads an end token, too
    end = text.encode()[-size:].decode()
    asked = completion(text, count=2, max_new_tokens=32, temperature=0)
    assert await complete(completer, asked) == await complete(
        completer, replace(asked, prompt=Prompt((Part(end),)))
    )


async def test_a_chat_with_a_model_that_is_not_made_for_it_is_an_error(completer: WorkerCompleter) -> None:
    asked = completion("⊢ p")
    with pytest.raises(GeneratorError, match="choose a prompt format without `system`"):
        await complete(completer, replace(asked, prompt=replace(asked.prompt, system="You prove.")))


async def test_what_is_no_unicode_is_an_error_and_the_worker_goes_on(completer: WorkerCompleter) -> None:
    with pytest.raises(GeneratorError, match="could not answer"):
        await complete(completer, completion("⊢ \udc80"))
    assert (await texts(completer, steps(IDENTITY)))[0] == "rfl"


@pytest.mark.parametrize("beams", [False, True])
async def test_after_its_seconds_a_completion_gets_what_is_done(
    babbler: WorkerCompleter, *, beams: bool
) -> None:
    started = time.monotonic()
    count = 16 if beams else 256
    found = await complete(babbler, replace(LONG, count=count, seconds=0.5, beams=beams, temperature=2))
    assert len(found) < count
    await complete(babbler, replace(SHORT, count=2, temperature=2))
    assert time.monotonic() - started < 60


async def test_cancelling_frees_the_worker(babbler: WorkerCompleter) -> None:
    first = process(babbler)
    started = time.monotonic()
    for _ in range(5):
        asking = asyncio.create_task(complete(babbler, LONG))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert await complete(babbler, SHORT)
    assert time.monotonic() - started < 5
    assert process(babbler) is first


async def test_a_killed_worker_is_an_error_and_then_replaced(babbler: WorkerCompleter) -> None:
    killed = process(babbler)
    asking = asyncio.create_task(complete(babbler, LONG))
    await asyncio.sleep(0.1)
    os.kill(killed.pid, signal.SIGKILL)
    with pytest.raises(GeneratorError, match=r"ended \(killed; perhaps the memory ran out\)"):
        await asking
    assert await complete(babbler, SHORT)
    assert process(babbler).pid != killed.pid


def process(completer: WorkerCompleter) -> asyncio.subprocess.Process:
    assert completer._worker is not None
    return completer._worker._process
