"""How a model is asked for a step, and how its answer is read."""

import pytest

from llmstep_lsp.adapters.generators.prompts import FORMATS, LLMSTEP, REPROVER, prompt_format, step

GOAL = "p q : Prop\nhp : p\nhq : q\n⊢ {x | p} = ∅"


def test_the_llmstep_prompt() -> None:
    assert LLMSTEP.prompt(GOAL, "exact ") == f"[GOAL]{GOAL}[PROOFSTEP]exact "


def test_the_reprover_prompt() -> None:
    assert REPROVER.prompt(GOAL, "exact ") == f"{GOAL}exact "


def test_braces_in_goal_and_prefix_stay() -> None:
    assert LLMSTEP.prompt("⊢ {state}", "{prefix}") == "[GOAL]⊢ {state}[PROOFSTEP]{prefix}"


def test_formats_have_names_of_their_own() -> None:
    assert len({known.name for known in FORMATS}) == len(FORMATS)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("wellecks/llmstep-mathlib4-pythia2.8b", LLMSTEP),
        ("kaiyuy/leandojo-lean4-tacgen", REPROVER),
        ("/models/My-ReProver-Small", REPROVER),
        ("/models/My-ReProver-Small/", REPROVER),
        ("/home/reprover/models/mine", LLMSTEP),
        ("mine", LLMSTEP),
    ],
)
def test_a_model_is_asked_in_the_format_of_its_family(model: str, expected: object) -> None:
    assert prompt_format(model) is expected


@pytest.mark.parametrize(
    ("prefix", "continuation", "expected"),
    [
        ("", "rfl", "rfl"),
        ("", "\n  rfl \n", "rfl"),
        ("exact ", "⟨hp, hq⟩\n", "exact ⟨hp, hq⟩"),
        ("exact", " hp", "exact hp"),
        ("  exact ", "hp", "  exact hp"),
        ("simp", "", "simp"),
        (
            "",
            "cases h with\n  | inl h => simp\n    | inr h => rfl",
            "cases h with\n  | inl h => simp\n    | inr h => rfl",
        ),
        ("", " \n", ""),
    ],
)
def test_a_step_is_the_prefix_and_what_the_model_wrote(prefix: str, continuation: str, expected: str) -> None:
    assert step(prefix, continuation) == expected
