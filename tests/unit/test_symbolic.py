"""What the portfolio proposes for a goal."""

import pytest

from llmstep_lsp.adapters.generators.symbolic import SymbolicGenerator, quick, thorough
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.ports import Question

FILE = """
def double : Nat → Nat
  | 0 => 0
  | n + 1 => double n + 2

def unused (n : Nat) := n

theorem double_zero : double 0 = 0 := rfl
theorem other (a b : Prop) : a ∨ b := sorry

theorem goal (n : Nat) : double n = 2 * n := by
"""


def portfolio(goal: str, context: str, *library: str) -> list[str]:
    return [*quick(parse_goal(goal), context), *thorough(parse_goal(goal), context, library)]


PROPOSED = [
    ("h : p\n⊢ p", ["exact h"]),
    ("hp : a = b\n⊢ b = a", ["exact hp.symm", "rw [hp]", "rw [← hp]"]),
    ("hp : 1 = 1\nhn : ¬1 = 1\n⊢ p", ["exact absurd hp hn"]),
    ("⊢ ∀ (x y : Nat), x < y → ¬y < x", ["intro x y h", "intro x"]),
    ("x : Nat\n⊢ ∀ (x : Nat), x = x", ["intro x1"]),
    ("hp : a = 1\nhq : b = 2\n⊢ a = 1 ∧ b = 2", ["exact ⟨hp, hq⟩", "constructor"]),
    ("⊢ a = 1 ∨ b = 1", ["left", "right"]),
    ("h : a = 1 ∧ b = 2\n⊢ b = 2", ["obtain ⟨h1, h2⟩ := h"]),
    ("h : ∃ m, n = m\n⊢ True", ["trivial", "obtain ⟨m, h⟩ := h"]),
    ("xs : List Nat\n⊢ xs = xs", ["induction xs with\n| nil => simp\n| cons x xs ih => simp_all"]),
    ("n : Nat\n⊢ double n = 2 * n", ["simp [double]", "induction n <;> simp_all [double] <;> omega", "unfold double"]),
    ("n : Nat\n⊢ double n = 2 * n", ["exact double_zero", "rw [double_zero]"]),
]  # fmt: skip


@pytest.mark.parametrize(("goal", "expected"), PROPOSED)
def test_what_an_expert_tries_is_proposed(goal: str, expected: list[str]) -> None:
    assert set(expected) <= set(portfolio(goal, FILE))


def test_cheap_steps_come_first_and_searches_last() -> None:
    proposed = portfolio("h : p\nn : Nat\n⊢ p", "")
    assert (proposed[0], proposed[-1]) == ("exact h", "exact?")


def test_nothing_is_taken_from_what_does_not_bear_on_the_goal() -> None:
    proposed = " ".join(portfolio("n : Nat\n⊢ double n = 2 * n", FILE))
    assert ("unused" in proposed, "goal" in proposed, "✝" in proposed) == (False, False, False)


def test_what_stands_above_an_example_is_offered_too() -> None:
    above = "theorem helper (p q : Prop) : p ∨ q := sorry\nexample (p q : Prop) : p ∨ q := by\n"
    assert "exact helper" in set(portfolio("p q : Prop\n⊢ p ∨ q", above))


def test_inaccessible_names_are_not_used() -> None:
    assert "✝" not in " ".join(portfolio("a✝ : p ∧ q\nx✝ : Nat\n⊢ ∀ (y✝ : Nat), p", ""))


async def test_every_candidate_starts_with_the_prefix_and_comes_once() -> None:
    question = Question((parse_goal("h : a = b\n⊢ a = b"),), "rw", "", 3)
    found = [candidate async for candidate in SymbolicGenerator().candidates(question)]
    assert found == [Candidate("rw [h]", "symbolic"), Candidate("rw [← h]", "symbolic")]


def test_lemmas_of_the_library_are_tried_before_the_searches() -> None:
    proposed = portfolio("a b : Nat\n⊢ a + b = b + a", "", "Nat.add_comm")
    places = [proposed.index(step) for step in ("exact Nat.add_comm ..", "rw [Nat.add_comm]", "exact?")]
    assert places == sorted(places)


async def test_quick_steps_come_before_the_library_is_asked() -> None:
    async def never() -> tuple[str, ...]:
        raise AssertionError

    question = Question((parse_goal("⊢ 1 = 1"),), "", "", 64, lemmas=never)
    proposed = SymbolicGenerator().candidates(question)
    assert [(await anext(proposed)).text for _ in range(3)] == ["rfl", "assumption", "simp"]
    with pytest.raises(AssertionError):
        [_ async for _ in proposed]


async def test_the_library_is_asked_for_the_rest() -> None:
    async def library() -> tuple[str, ...]:
        return ("Nat.add_comm",)

    question = Question((parse_goal("a b : Nat\n⊢ a + b = b + a"),), "exact Nat", "", 3, lemmas=library)
    found = [candidate.text async for candidate in SymbolicGenerator().candidates(question)]
    assert found == ["exact Nat.add_comm .."]


async def test_no_goal_no_candidate() -> None:
    assert [c async for c in SymbolicGenerator().candidates(Question((), "", "", 3))] == []
