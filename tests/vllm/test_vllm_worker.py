"""vLLM in a worker of ours, which answers many questions at a time: for the evaluation of a model."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmstep_lsp.domain.completion import Completion, Continuation, Model, Part, Prompt
from llmstep_lsp.worker.protocol import (
    Cancel,
    Done,
    Failed,
    Fatal,
    Found,
    Order,
    Ready,
    Reply,
    Request,
    line,
    read_reply,
)

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.tiny_model import LESSONS
from tests.vllm.measuring import Network

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1800)]

CONJUNCTION, IDENTITY, DISJUNCTION, IMPLICATION = LESSONS
UNSEEN = "a b : ℕ\nh : a = b\n⊢ b = a"


class Worker:
    """A worker that was just started; to be used by one test after the other."""

    def __init__(self, python: str, model: Path, *options: str) -> None:
        command = (
            python,
            "-P",
            "-m",
            "llmstep_lsp.worker",
            "--engine",
            "vllm",
            "--model",
            str(model),
            *options,
        )
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, *orders: Order) -> None:
        assert self.process.stdin
        self.process.stdin.write(b"".join(map(line, orders)))
        self.process.stdin.flush()

    def receive(self) -> Reply:
        assert self.process.stdout
        return read_reply(self.process.stdout.readline())

    def ask(self, *completions: Completion) -> list[list[Continuation]]:
        """The continuations for each, asked for together."""
        self.send(*(Request(i, completion) for i, completion in enumerate(completions)))
        found: list[list[Continuation]] = [[] for _ in completions]
        waiting = set(range(len(completions)))
        while waiting:
            match self.receive():
                case Found(i, continuation):
                    found[i].append(continuation)
                case Done(i):
                    waiting.remove(i)
                case reply:
                    pytest.fail(str(reply))
        return found

    def end(self) -> int:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(30)


@pytest.fixture(scope="module")
def worker(vllm_python: str, trained: Path) -> Iterator[Worker]:
    worker = Worker(vllm_python, trained, "--dtype", "float32")
    assert worker.receive() == Ready(Model("vllm", str(trained), "cpu", "float32", None, 512))
    yield worker
    assert worker.end() == 0


@pytest.fixture(scope="module")
def network(trained: Path) -> Network:
    return Network(trained)


def text(goal: str) -> str:
    return f"[GOAL]{goal}[PROOFSTEP]"


def asking(goal: str, count: int = 1, new: int = 100, temperature: float = 0.7, **more: object) -> Completion:
    return Completion(Prompt((Part(text(goal)),)), count, new, temperature, **more)  # type: ignore[arg-type]


def test_many_questions_are_answered_together(worker: Worker) -> None:
    answers = worker.ask(*(asking(goal, temperature=0) for goal in LESSONS for _ in range(8)))
    assert [[one.text for one in answer] for answer in answers] == [
        [step] for step in LESSONS.values() for _ in range(8)
    ]


@pytest.mark.parametrize("goal", [CONJUNCTION, UNSEEN])
def test_samples_have_the_score_of_a_plain_pass(worker: Worker, network: Network, goal: str) -> None:
    [found] = worker.ask(asking(goal, 32, 40, 1.3))
    assert len({one.text for one in found}) == len(found) > 3
    readable = [one for one in found if "\ufffd" not in one.text]
    assert len(readable) > 3
    for one in readable:
        assert one.score == pytest.approx(network.mean(text(goal), one.text, 40), abs=1e-3)


def test_beams_count_the_token_that_ends_them(worker: Worker, network: Network) -> None:
    [found] = worker.ask(asking(IMPLICATION, 4, 40, beams=True))
    assert found[0].text == LESSONS[IMPLICATION]
    assert len(found) == 4
    for one in found:
        if "\ufffd" not in one.text:
            assert one.score == pytest.approx(network.mean(text(IMPLICATION), one.text, 40), abs=1e-3)


@pytest.mark.parametrize("beams", [False, True])
def test_stop_strings_and_tokens(worker: Worker, network: Network, beams: bool) -> None:  # noqa: FBT001  # a case
    [found] = worker.ask(asking(CONJUNCTION, stop=("hq", "⟩"), tokens=True, beams=beams))
    assert found[0].text == "exact ⟨hp, "
    said = network.log_probabilities(text(CONJUNCTION), "exact ⟨hp, hq", ended=False)
    assert [token.log_probability for token in found[0].tokens] == pytest.approx(said, abs=1e-3)
    assert "".join(token.text for token in found[0].tokens) == "exact ⟨hp, hq"


def test_a_long_prompt_is_cut(worker: Worker) -> None:
    prompt = Prompt((Part("x" * 1000, 0), Part(text(IDENTITY))))
    assert [[one.text for one in found] for found in worker.ask(Completion(prompt, 1, 40))] == [["rfl"]]


def test_many_long_prompts(worker: Worker) -> None:
    """Together longer than what vLLM reads at a time."""
    prompts = [Prompt((Part(f"{i} " * 100 + text(IDENTITY)),)) for i in range(40)]
    answers = worker.ask(*(Completion(prompt, 4, 20, 1.0) for prompt in prompts))
    assert all(answers)


def test_a_cancelled_question_ends_and_the_other_does_not(worker: Worker) -> None:
    worker.send(
        Request(1, asking(UNSEEN, 64, 256, 2.0)),
        Request(2, asking(IDENTITY)),
    )
    worker.send(Cancel(1))
    replies: list[Reply] = []
    while len(ended := [reply for reply in replies if isinstance(reply, Done | Failed)]) < 2:
        replies.append(worker.receive())
    assert Failed(1, "cancelled") in ended
    assert [reply.continuation.text for reply in replies if isinstance(reply, Found) and reply.id == 2] == [
        "rfl"
    ]
    assert len([reply for reply in replies if isinstance(reply, Found) and reply.id == 1]) < 64


def test_a_question_that_fails_and_the_next(worker: Worker) -> None:
    chat = Completion(Prompt((Part("⊢ p"),), "You prove."), 1)
    worker.send(Request(1, chat))
    reason = "this model was not made for chats: choose a prompt format without `system`"
    assert worker.receive() == Failed(1, reason)
    assert [one.text for one in worker.ask(asking(IDENTITY))[0]] == ["rfl"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--device", "tpu"), "This vLLM runs models on the device cpu, not on tpu"),
        (("--dtype", "float3"), "cannot be loaded by vLLM"),
    ],
)
def test_what_cannot_be_loaded(vllm_python: str, trained: Path, option: tuple[str, str], said: str) -> None:
    worker = Worker(vllm_python, trained, *option)
    reply = worker.receive()
    assert isinstance(reply, Fatal)
    assert said in reply.message
    assert worker.process.wait(30) == 1
    worker.end()
