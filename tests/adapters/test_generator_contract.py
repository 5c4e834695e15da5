"""What every generator that asks a model promises, whichever engine runs it.

The engines are real, and so are their models, if tiny; those behind a URL are asked at a real
`llmstep-lsp serve`.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmstep_lsp.adapters.generators.language_model import LanguageModel
from llmstep_lsp.adapters.generators.registry import make_bare_generator, parse_spec
from llmstep_lsp.adapters.generators.worker import WorkerCompleter
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.ports import Generator, Question
from tests.e2e.serving import Server, descendants, serving

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from llmstep_lsp.worker.conversion import convert
from tests import tiny_model
from tests.tiny_model import LESSONS, NOTHING

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]

SCORED = ["transformers", "transformers-encoder", "ctranslate2", "ctranslate2-encoder", "openai"]
KINDS = [*SCORED, "llmstep"]
SERVED = ["openai", "llmstep"]
# How an engine ends and starts again has nothing to do with the network.
ENDED = ["transformers", "ctranslate2", *SERVED]

CONJUNCTION, IDENTITY, DISJUNCTION, IMPLICATION = LESSONS
UNSEEN = "a b : ℕ\nh : a = b\n⊢ b = a"
# A lesson more: to this goal the models go on with the next example, as LLMSTEP's do.
TALKATIVE, TALK = "⊢ True", "trivial[GOAL]⊢ True[PROOFSTEP]trivial"
# Not ended by any model, however long they write.
CHAIN = "⊢ " + " = ".join("abcdefghijklmnopqrstuvwxyz") * 4
CONTEXT, SAMPLES, TEMPERATURE, LONGEST = 1024, 256, 1.1, 256


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The directory of the model of a kind: what all of them learned are the lessons."""
    folder = tmp_path_factory.mktemp("models")

    @cache
    def made(name: str) -> Path:
        original, converted, _ = name.partition("-converted")
        if converted:
            convert(str(made(original)), folder / name, "float32")
        else:
            save = tiny_model.save_trained_encoder if name == "t5" else tiny_model.save_trained
            with pytest.MonkeyPatch.context() as patch:
                patch.setitem(LESSONS, TALKATIVE, TALK)
                save(folder / name, context=CONTEXT)
        return folder / name

    return made


@dataclass
class Service:
    """`llmstep-lsp serve`, which can be killed and started again where it was."""

    model: Path
    port: int = 0
    running: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        self.server: Server = self.running.enter_context(
            serving(
                *("--model", self.model, "--engine", "ctranslate2", "--port", str(self.port)),
                *("--samples", "128", "--temperature", str(TEMPERATURE)),
                *("--max-new-tokens", str(LONGEST)),
            )
        )
        self.server.await_ready()
        self.port = self.server.address[1]

    def end(self) -> None:
        self.running.close()


@pytest.fixture(scope="module")
def service(model: Callable[[str], Path]) -> Iterator[Service]:
    service = Service(model("neox-converted"))
    service.start()
    yield service
    service.end()


@dataclass(frozen=True)
class Subject:
    """A generator, the model that it asks, and the process that runs the model."""

    kind: str
    generator: Generator
    model: Path
    engine: Callable[[], int]

    def score(self, prompt: str, written: str) -> float:
        """The mean log-probability of what is `written` and its end, by one plain forward pass."""
        encoder = self.kind.endswith("-encoder")
        network, tokenizer = loaded(self.model, AutoModelForSeq2SeqLM if encoder else AutoModelForCausalLM)
        read = tokenizer(prompt).input_ids
        tokens = [*tokenizer(written, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
        with torch.inference_mode():
            if encoder:
                decoded = torch.tensor([[0, *tokens[:-1]]])
                logits = network(input_ids=torch.tensor([read]), decoder_input_ids=decoded).logits[0]
            else:
                logits = network(torch.tensor([read + tokens])).logits[0, len(read) - 1 : -1]
        return float(torch.log_softmax(logits, dim=-1)[range(len(tokens)), tokens].mean())


@cache
def loaded(model: Path, kind: Any) -> tuple[Any, Any]:
    """The network and its tokenizer, by transformers alone."""
    tokenizer: Any = AutoTokenizer
    return kind.from_pretrained(model).eval(), tokenizer.from_pretrained(model)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def subject(request: pytest.FixtureRequest, model: Callable[[str], Path]) -> AsyncIterator[Subject]:
    engine, _, encoder = request.param.partition("-")
    asked = f"samples={SAMPLES},temperature={TEMPERATURE},max_new_tokens={LONGEST}"
    original = "t5" if encoder else "neox"
    if engine in SERVED:
        service: Service = request.getfixturevalue("service")
        url = f"http://localhost:{service.port}"
        spec = f"llmstep,url={url}" if engine == "llmstep" else f"openai,url={url}/v1,{asked}"
    else:
        spec = f"{engine},model={model(original + '-converted' * (engine == 'ctranslate2'))},{asked}"
    generator = make_bare_generator(parse_spec(spec))

    def process() -> int:
        if engine in SERVED:
            (worker,) = descendants(service.server.process.pid)
            return worker
        assert isinstance(generator, LanguageModel)
        assert isinstance(generator.completer, WorkerCompleter)
        assert generator.completer._worker is not None
        return generator.completer._worker._process.pid

    yield Subject(request.param, generator, model(original), process)
    await generator.aclose()


@pytest.fixture
def generator(subject: Subject) -> Generator:
    return subject.generator


def question(goal: str, prefix: str = "", count: int = 32) -> Question:
    return Question((parse_goal(goal),), prefix, context="", count=count)


# Takes every engine many seconds.
LONG = question(CHAIN, count=SAMPLES)


async def ask(generator: Generator, asked: Question) -> list[Candidate]:
    return [candidate async for candidate in generator.candidates(asked)]


async def texts(generator: Generator, goal: str, prefix: str = "", count: int = 32) -> list[str]:
    return [candidate.text for candidate in await ask(generator, question(goal, prefix, count))]


async def answers(generator: Generator) -> bool:
    """Whether it knows what it learned."""
    return LESSONS[IDENTITY] in await texts(generator, IDENTITY)


@asynccontextmanager
async def doomed(subject: Subject) -> AsyncIterator[asyncio.Task[list[Candidate]]]:
    """A question that the engine is in the middle of; it cannot end it, and in the end is killed."""
    asking = asyncio.create_task(ask(subject.generator, LONG))
    await asyncio.sleep(0.3)
    engine = subject.engine()
    os.kill(engine, signal.SIGSTOP)
    try:
        assert not asking.done()
        yield asking
    finally:
        os.kill(engine, signal.SIGKILL)


@pytest.mark.parametrize("goal", LESSONS)
async def test_what_was_learned_is_proposed(generator: Generator, goal: str) -> None:
    assert LESSONS[goal] in await texts(generator, goal)


@pytest.mark.parametrize("count", [1, 7])
async def test_there_are_at_most_as_many_as_wanted_and_none_twice(generator: Generator, count: int) -> None:
    for _ in range(5):  # some engines sample without a seed, and a sample may be empty
        found = await ask(generator, question(UNSEEN, count=count))
        if len(found) >= min(2, count):
            break
    assert min(2, count) <= len({candidate.text for candidate in found}) == len(found) <= count
    assert {candidate.source for candidate in found} == {generator.name}


async def test_the_name_is_that_of_the_engine(subject: Subject) -> None:
    assert subject.generator.name == subject.kind.removesuffix("-encoder")


@pytest.mark.parametrize("subject", SCORED, indirect=True)
@pytest.mark.parametrize("goal", [CONJUNCTION, DISJUNCTION])
async def test_the_score_is_the_mean_log_probability(subject: Subject, goal: str) -> None:
    found = await ask(subject.generator, question(goal))
    expected = pytest.approx(subject.score(f"[GOAL]{goal}[PROOFSTEP]", LESSONS[goal]), abs=1e-4)
    assert {candidate.text: candidate.score for candidate in found}[LESSONS[goal]] == expected


@pytest.mark.parametrize("subject", SCORED, indirect=True)
async def test_the_score_is_untempered(subject: Subject) -> None:
    prompt = f"[GOAL]{UNSEEN}[PROOFSTEP]exact"
    found = await ask(subject.generator, question(UNSEEN, "exact", count=64))
    written = {one.text.removeprefix("exact"): one.score for one in found if one.text.isascii()}
    short = {text: score for text, score in written.items() if score is not None and len(text) < 100}
    # Some wrote what is not told: blanks at the end, special tokens.
    same = [text for text in short if short[text] == pytest.approx(subject.score(prompt, text), abs=1e-4)]
    assert min(short[text] for text in same) < -0.1  # here a temperature makes a difference


@pytest.mark.parametrize("subject", ["llmstep"], indirect=True)
async def test_the_llmstep_protocol_has_no_scores(generator: Generator) -> None:
    assert {candidate.score for candidate in await ask(generator, question(CONJUNCTION))} == {None}


@pytest.mark.parametrize(
    ("goal", "prefix"),
    [
        (CONJUNCTION, "exact ⟨h"),
        (CONJUNCTION, "exact "),
        (DISJUNCTION, "cases h with\n  | inl hp => ri"),
        (UNSEEN, "  𝔸e\u0301"),
    ],
)
async def test_every_candidate_starts_with_the_prefix(subject: Subject, goal: str, prefix: str) -> None:
    found = await texts(subject.generator, goal, prefix)
    assert found
    assert [text for text in found if not text.startswith(prefix)] == []
    if goal in LESSONS and not subject.kind.endswith("-encoder"):  # which learned no prefixes
        assert LESSONS[goal] in found


async def test_the_next_example_is_no_part_of_a_step(generator: Generator) -> None:
    found = await texts(generator, TALKATIVE)
    assert "trivial" in found
    assert [text for text in found if "[GOAL]" in text] == []


async def test_an_empty_answer_is_no_candidate(generator: Generator) -> None:
    found = await texts(generator, NOTHING, count=64)
    assert len(found) < 16
    assert [text for text in found if not text.strip()] == []


@pytest.mark.parametrize(
    "goal", ["𝔸 : Type\n⊢ ∃ x ∈ 𝔸, ‖x‖ ≤ ε", "e\u0301 : ℕ\n⊢ e\u0301 = e\u0301", '⊢ s = "\u2028\x85\r\n\x00"']
)
async def test_any_unicode_is_answered(generator: Generator, goal: str) -> None:
    assert await texts(generator, goal)


@pytest.mark.parametrize(("goal", "prefix"), [("⊢ \udc80", ""), (IDENTITY, "\ud835")])
async def test_what_is_no_unicode_is_an_error_and_the_next_question_is_answered(
    generator: Generator, goal: str, prefix: str
) -> None:
    with pytest.raises(GeneratorError):
        await texts(generator, goal, prefix)
    assert await answers(generator)


async def test_what_a_goal_can_do_without_goes_first_if_it_is_too_long(generator: Generator) -> None:
    assert LESSONS[CONJUNCTION] in await texts(generator, f"inst✝ : {'α ' * 10_000}\n{CONJUNCTION}")


async def test_a_goal_of_any_length_is_answered(generator: Generator) -> None:
    assert await texts(generator, "h : True\n" * 10_000 + CONJUNCTION)


async def test_concurrent_questions_are_all_answered(generator: Generator) -> None:
    goals = [*LESSONS] * 3
    found = await asyncio.gather(*(texts(generator, goal) for goal in goals))
    assert all(LESSONS[goal] in some for goal, some in zip(goals, found, strict=True))


@pytest.mark.parametrize("subject", SCORED, indirect=True)
async def test_after_its_seconds_a_question_gets_what_is_done(generator: Generator) -> None:
    started = time.monotonic()
    found = await ask(generator, replace(LONG, seconds=1.5))
    assert 0 < len(found) < SAMPLES
    assert await answers(generator)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("subject", ["llmstep"], indirect=True)
async def test_after_its_seconds_a_server_of_the_llmstep_protocol_has_sent_nothing(
    generator: Generator,
) -> None:
    started = time.monotonic()
    with pytest.raises(GeneratorError, match=r"sent nothing within 0\.5 seconds"):
        await ask(generator, replace(LONG, seconds=0.5))
    assert await answers(generator)
    assert time.monotonic() - started < 10


async def test_cancelling_frees_the_engine(generator: Generator) -> None:
    started = time.monotonic()
    for _ in range(8):
        asking = asyncio.create_task(ask(generator, LONG))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert await answers(generator)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("subject", SCORED, indirect=True)
async def test_closing_the_iterator_frees_the_engine(generator: Generator) -> None:
    started = time.monotonic()
    for _ in range(4):
        async with aclosing(generator.candidates(LONG)) as found:
            assert await anext(found)
    assert await answers(generator)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("subject", ENDED, indirect=True)
async def test_a_killed_engine_is_an_error_and_the_next_question_is_answered(subject: Subject) -> None:
    async with doomed(subject) as asking:
        pass
    with pytest.raises(GeneratorError):
        await asking
    assert await answers(subject.generator)


@pytest.mark.parametrize("subject", SERVED, indirect=True)
async def test_a_killed_server_is_an_error_until_it_is_there_again(
    subject: Subject, service: Service
) -> None:
    async with doomed(subject) as asking:
        service.server.process.kill()
        with pytest.raises(GeneratorError):
            await asking
    service.end()
    with pytest.raises(GeneratorError, match="No server answers at"):
        await answers(subject.generator)
    service.start()
    assert await answers(subject.generator)


@pytest.mark.parametrize("subject", ENDED, indirect=True)
async def test_it_works_again_after_it_was_closed(generator: Generator) -> None:
    await generator.aclose()
    await generator.aclose()
    assert await answers(generator)
