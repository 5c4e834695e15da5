"""Steps from a language model: how it is asked, and what is made of its answers."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

import pytest

from llmstep_lsp.adapters.generators.language_model import LanguageModel, Sampling
from llmstep_lsp.adapters.generators.prompts import PromptFormat, builtin_formats
from llmstep_lsp.domain.completion import Completion, Continuation, Model
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.ports import Question, Rejection

DEFAULT = Sampling()
QUESTION = Question((parse_goal("⊢ p"),), "", "", 64, seconds=5)


@dataclass
class ScriptedCompleter:
    """Continues everything by `texts`, with the scores -1, -2, …"""

    texts: tuple[str, ...] = ("rfl",)
    model: str = "m"
    asked: list[Completion] = field(default_factory=list)
    closed: int = 0

    async def ready(self) -> Model:
        return Model("scripted", self.model, "cpu", "float32", None, None)

    async def complete(self, completion: Completion) -> AsyncGenerator[Continuation, None]:
        self.asked.append(completion)
        for i, text in enumerate(self.texts, 1):
            yield Continuation(text, -float(i))

    async def aclose(self) -> None:
        self.closed += 1


def model(
    completer: ScriptedCompleter, name: str | None = "llmstep", sampling: Sampling = DEFAULT
) -> LanguageModel:
    prompt_format: PromptFormat | None = builtin_formats()[name] if name else None
    return LanguageModel("scripted", completer, prompt_format, sampling)


async def ask(generator: LanguageModel, question: Question = QUESTION) -> list[Candidate]:
    return [candidate async for candidate in generator.candidates(question)]


async def test_it_is_asked_as_its_format_and_the_sampling_say() -> None:
    completer = ScriptedCompleter()
    sampling = Sampling(samples=3, max_new_tokens=9, temperature=0.5, beams=True)
    assert await ask(model(completer, sampling=sampling)) == [Candidate("rfl", "scripted", -1.0)]
    (asked,) = completer.asked
    assert asked.prompt.text == "[GOAL]⊢ p[PROOFSTEP]"
    assert replace(asked, prompt=asked.prompt) == Completion(
        asked.prompt, 3, max_new_tokens=9, temperature=0.5, beams=True, stop=("[GOAL]",), seconds=5
    )


async def test_a_seed_makes_samples_repeatable() -> None:
    completer = ScriptedCompleter()
    await ask(model(completer, sampling=Sampling(seed=7)))
    await ask(model(completer, sampling=Sampling()))
    assert [(one.seed, one.repeatable) for one in completer.asked] == [(7, True), (0, False)]


async def test_no_more_steps_than_wanted() -> None:
    completer = ScriptedCompleter()
    await ask(model(completer), replace(QUESTION, count=2))
    assert completer.asked[0].count == 2


async def test_steps_are_distinct_and_not_empty() -> None:
    completer = ScriptedCompleter(("rfl", " rfl\n", "", "\n", "simp"))
    assert [step.text for step in await ask(model(completer))] == ["rfl", "simp"]


async def test_what_a_chat_answers_without_the_prefix_is_left_out() -> None:
    completer = ScriptedCompleter(("```lean\nrw [h]\n```", "simp", "I cannot."))
    steps = await ask(model(completer, "chat"), replace(QUESTION, prefix="rw "))
    assert [step.text for step in steps] == ["rw [h]"]


async def test_lean_is_asked_for_lemmas_only_for_a_format_that_names_them() -> None:
    asked = 0

    async def lemmas() -> tuple[str, ...]:
        nonlocal asked
        asked += 1
        return ("Nat.add_comm",)

    completer = ScriptedCompleter()
    await ask(model(completer), replace(QUESTION, lemmas=lemmas))
    assert asked == 0
    await ask(model(completer, "chat"), replace(QUESTION, lemmas=lemmas))
    assert (asked, "Nat.add_comm" in completer.asked[1].prompt.text) == (1, True)


@pytest.mark.parametrize(("name", "asked"), [("llmstep", 0), ("reprover", 0), ("chat", 1), ("few-shot", 1)])
async def test_only_a_format_that_shows_rejected_steps_is_asked_to_repair(name: str, asked: int) -> None:
    completer = ScriptedCompleter()
    await ask(model(completer, name), replace(QUESTION, rejected=(Rejection("simp", "no progress"),)))
    assert len(completer.asked) == asked


async def test_a_model_whose_name_is_known_later_is_asked_as_its_family() -> None:
    completer = ScriptedCompleter(model="Qwen2.5-7B-Instruct")
    await ask(model(completer, None))
    assert completer.asked[0].prompt.system is not None


async def test_the_context_that_matters_is_what_the_model_is_shown() -> None:
    question = replace(QUESTION, context="def p := 1\n\ndef q := 2\n\ntheorem t : p := by\n  ")
    assert model(ScriptedCompleter(), "llmstep").relevant(question) == ""
    assert "def p" in model(ScriptedCompleter(), "chat").relevant(question)
    assert "def q" not in model(ScriptedCompleter(), "chat").relevant(question)
    assert model(ScriptedCompleter(), None).relevant(question) == question.context


async def test_closing_ends_the_engine() -> None:
    completer = ScriptedCompleter()
    await model(completer).aclose()
    assert completer.closed == 1
