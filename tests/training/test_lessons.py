"""Examples as tokens: what counts in the loss, what is cut, in which order they come."""

import random

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from llmstep_lsp.domain.completion import Part, Prompt
from llmstep_lsp.domain.recipe import Example, NewModel
from llmstep_lsp.training.lessons import IGNORED, Bucketed, Collator, Lesson, lessons
from llmstep_lsp.training.new_model import learn_tokenizer
from llmstep_lsp.training.schedule import Schedule
from llmstep_lsp.worker.transformers_model import encode

pytestmark = pytest.mark.model

MARKERS = ("[GOAL]", "[PROOFSTEP]")


def example(state: str, answer: str, *ranked: Part) -> Example:
    return Example(Prompt((Part("[GOAL]"), *ranked, Part(state), Part("[PROOFSTEP]"))), answer, "")


EXAMPLES = [example("⊢ p ∧ q", "exact ⟨hp, hq⟩"), example("n : ℕ\n⊢ n = n", "rfl")]
TOKENIZER = learn_tokenizer(NewModel("gpt-neox", vocabulary=270), 512, MARKERS, EXAMPLES)
END = TOKENIZER.eos_token_id


def tokens(text: str) -> list[int]:
    found: list[int] = TOKENIZER(text)["input_ids"]
    return found


def made(one: Example, length: int = 512, *, apart: bool = False) -> Lesson:
    (lesson,) = lessons([one], TOKENIZER, lambda prompt: encode(TOKENIZER, prompt), length, apart=apart)
    return lesson


def test_a_new_tokenizer_keeps_texts_and_has_markers_as_tokens() -> None:
    text = "[GOAL]n✝ : ℕ\n  ⊢ 12 + n = n[PROOFSTEP]exact ⟨hp, hq⟩\n  · rfl"
    assert TOKENIZER.decode(tokens(text), skip_special_tokens=True) == text
    assert [len(tokens(marker)) for marker in (*MARKERS, "<|endoftext|>")] == [1, 1, 1]
    assert (TOKENIZER.eos_token, TOKENIZER.pad_token, len(TOKENIZER)) == (
        "<|endoftext|>",
        "<|endoftext|>",
        270,
    )


def test_the_prompt_and_the_answer_are_read_as_where_the_model_is_asked() -> None:
    assert made(EXAMPLES[1]) == Lesson(tokens("[GOAL]n : ℕ\n⊢ n = n[PROOFSTEP]"), [*tokens("rfl"), END])


def test_the_loss_counts_the_answer_and_its_end_alone() -> None:
    batch = Collator(0, apart=False)([Lesson([5, 6, 7], [8, 9]), Lesson([5], [6])])
    assert {name: rows.tolist() for name, rows in batch.items()} == {
        "input_ids": [[5, 6, 7, 8, 9], [5, 6, 0, 0, 0]],
        "attention_mask": [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]],
        "labels": [[IGNORED, IGNORED, IGNORED, 8, 9], [IGNORED, 6, IGNORED, IGNORED, IGNORED]],
    }


def test_an_encoder_reads_the_prompt_and_the_decoder_learns_the_answer() -> None:
    batch = Collator(0, apart=True)([Lesson([5, 6, 7], [8, 9]), Lesson([5], [6])])
    assert {name: rows.tolist() for name, rows in batch.items()} == {
        "input_ids": [[5, 6, 7], [5, 0, 0]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
        "labels": [[8, 9], [6, IGNORED]],
    }


def test_a_prompt_that_is_too_long_loses_what_may_go_and_then_its_beginning() -> None:
    extra = Part("inst : Ring α " * 30 + "\n", 1)
    assert made(example("⊢ p", "rfl", extra), 128) == made(example("⊢ p", "rfl"), 128)
    long = made(example("⊢ " + "p ∧ " * 300, "rfl"), 128)
    assert len(long.prompt) == 64  # as many are kept for the answer, as where the model is asked
    assert long.prompt[-1] == tokens("[PROOFSTEP]")[0]
    assert long.answer == [*tokens("rfl"), END]


def test_an_answer_that_is_too_long_loses_its_end() -> None:
    lesson = made(example("⊢ p", "simp [h] " * 100), 64)
    assert lesson.answer == tokens("simp [h] " * 100)[:32]
    apart = made(example("⊢ p", "simp [h] " * 100), 64, apart=True)
    assert apart.answer == tokens("simp [h] " * 100)[:64]


def test_batches_are_of_nearly_one_size_and_another_order_each_epoch() -> None:
    sizes = random.Random(0).choices(range(10, 500), k=1003)  # noqa: S311  # no secret
    bucketed = Bucketed(sizes, 8, seed=0)
    first = list(bucketed)
    assert sorted(first) == list(range(1003))
    batches = [[sizes[i] for i in first[start : start + 8]] for start in range(0, 1003, 8)]
    padding = sum(max(batch) * len(batch) - sum(batch) for batch in batches) / sum(sizes)
    assert padding < 0.05  # without buckets it is more than a half
    assert sum(max(batch) for batch in batches[:20]) / 20 > 150  # short ones do not come first
    bucketed.set_epoch(1)
    assert list(bucketed) != first
    bucketed.set_epoch(0)
    assert list(bucketed) == first
    assert list(Bucketed(sizes, 8, seed=1)) != first


def test_the_learning_rate_rises_and_falls_by_steps_or_by_time() -> None:
    schedule = Schedule(warmup=0.1, seconds=None)
    schedule.steps = 100
    assert [round(schedule(step), 3) for step in (0, 5, 10, 55, 100)] == [0.1, 0.5, 1.0, 0.5, 0.0]
    timed = Schedule(warmup=0.1, seconds=60.0)
    timed.steps = 1000
    timed.used = 33.0
    assert round(timed(10), 3) == 0.5
    timed.used = 61.0
    assert timed(20) == 0.0
