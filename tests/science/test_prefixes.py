"""The tokens of a step."""

import pytest

from llmstep_lsp.science.prefixes import plain, prefixes, same


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("rfl", ("", "rfl")),
        ("simp? [Nat.succ_le]", ("", "simp?", "simp? [", "simp? [Nat.succ_le", "simp? [Nat.succ_le]")),
        ("intro x y", ("", "intro", "intro x", "intro x y")),
        ("rw [← h.1, foo']", ("", "rw", "rw [", "rw [←", "rw [← h.1")),
        ("refine ⟨?_, ?h⟩", ("", "refine", "refine ⟨", "refine ⟨?_", "refine ⟨?_,")),
        ("a <;> b", ("", "a", "a <;>", "a <;> b")),
        ("x := 0x1F", ("", "x", "x :=", "x := 0x1F")),
        ('exact f "a b" 1.5', ("", "exact", "exact f", 'exact f "a b"', 'exact f "a b" 1.5')),
        ("cases h with\n| inl h => exact h", ("", "cases", "cases h", "cases h with", "cases h with\n|")),
        ("exact «a b».c .inl", ("", "exact", "exact «a b».c", "exact «a b».c .", "exact «a b».c .inl")),
    ],
)
def test_prefixes_end_behind_tokens(step: str, expected: tuple[str, ...]) -> None:
    assert prefixes(step, 4) == expected


def test_prefixes_are_as_long_as_is_asked() -> None:
    assert prefixes("rw [h]", 0) == ("",)
    assert prefixes("rw [h]", 2) == ("", "rw", "rw [")


def test_comments_are_no_part_of_a_step() -> None:
    assert plain("constructor -- both") == "constructor"
    assert plain("simp [ /- this -/ h]\n") == "simp [   h]"
    assert plain("cases h with\n-- first\n| inl h => skip\n\n| inr h => skip") == (
        "cases h with\n| inl h => skip\n| inr h => skip"
    )
    assert plain('exact f "--"') == 'exact f "--"'


def test_white_space_tells_no_steps_apart() -> None:
    assert same("rw [h,\n  g]", "rw  [h, g] ")
    assert not same("rw [h]", "rw [ h ]")
