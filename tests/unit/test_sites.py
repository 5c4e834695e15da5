"""The readings of a cursor, as (what is replaced, what a candidate `X` makes of the text)."""

import pytest

from llmstep_lsp.domain.insertion import insertion
from llmstep_lsp.domain.sites import sites_at, sorries
from llmstep_lsp.domain.text import Position, apply
from tests.marked import cursor_in

CASES = {
    "empty line": ("t := by\n  a\n  ‸\n", ["t := by\n  a\n  X\n"]),
    "empty line, no indentation yet": ("t := by\n  a\n‸", ["t := by\n  a\n  X"]),
    "first line of a block": ("t := by\n‸\n", ["t := by\n  X\n"]),
    "empty line below a bullet": (
        "t := by\n  · a\n    ‸",
        ["t := by\n  · a\n    X", "t := by\n  · a\n  X"],
    ),
    "empty line below a bullet, outside": (
        "t := by\n  · a\n  ‸",
        ["t := by\n  · a\n  X", "t := by\n  · a\n    X"],
    ),
    "tabs are replaced": ("t := by\n\t‸", ["t := by\n  X"]),
    "after `by`": ("t := by‸\n", ["t := by\n  X\n", "t := by X\n"]),
    "after `by` and space": ("t := by  ‸\n", ["t := by\n  X\n", "t := by X\n"]),
    "after `by` above a block": ("t := by‸\n    a\n", ["t := by\n    X\n    a\n", "t := by\n  X\n    a\n", "t := by X\n    a\n"]),
    "after `by` above `sorry`": ("t := by‸\n  sorry\n", ["t := by\n  X\n"]),
    "after `by` above `sorry` that is not in its block": ("t := by‸\nsorry\n", ["t := by\n  X\nsorry\n", "t := by X\nsorry\n"]),
    "after `=>`": ("t := by\n  cases h with\n  | a =>‸", ["t := by\n  cases h with\n  | a =>\n    X", "t := by\n  cases h with\n  | a => X"]),
    "below alternatives": ("t := by\n  cases h with\n  | a => b\n  | c => d\n  ‸", ["t := by\n  cases h with\n  | a => b\n  | c => d\n  X"]),
    "below an alternative's block": (
        "t := by\n  cases h with\n  | a =>\n    b\n  ‸",
        ["t := by\n  cases h with\n  | a =>\n    b\n  X", "t := by\n  cases h with\n  | a =>\n    b\n    X"],
    ),
    "bare bullet": ("t := by\n  ·‸", ["t := by\n  · X"]),
    "bullet and space": ("t := by\n  · ‸", ["t := by\n  · X"]),
    "one-line `by` in brackets": ("t := ⟨by ‸, q⟩", ["t := ⟨by X, q⟩"]),
    "before a tactic": ("t := by\n  ‸a\n", ["t := by\n  X\n  a\n"]),
    "on a tactic": ("t := by\n  ab‸c\n", ["t := by\n  abc\n  X\n", "t := by\n  X\n"]),
    "behind a blank": ("t := by\n  a ‸ \n", ["t := by\n  a\n  X\n", "t := by\n  X \n"]),
    "between blank and comment": ("t := by\n  a ‸ -- b\n", ["t := by\n  a  -- b\n  X\n", "t := by\n  X -- b\n"]),
    "after a tactic in a bullet": (
        "t := by\n  b\n  · a‸\n",
        ["t := by\n  b\n  · a\n    X\n", "t := by\n  b\n  · a\n  X\n", "t := by\n  b\n  · X\n"],
    ),
    "after a one-line `by`": ("t := by a‸\n", ["t := by a; X\n", "t := by X\n"]),
    "after a one-line `by` in brackets": ("t := (by a‸)\n", ["t := (by a; X)\n", "t := (by X)\n"]),
    "after `;`": ("t := by\n  a; ‸\n", ["t := by\n  a; X\n"]),
    "comment": ("t := by\n  a\n  -- b‸\n", ["t := by\n  a\n  -- b\n  X\n"]),
    "tactic `sorry`": ("t := by\n  so‸rry\n", ["t := by\n  X\n", "t := by\n  by X\n", "t := by\n  (by X)\n"]),
    "behind `sorry`": ("t := sorry  ‸", ["t := X  ", "t := by X  ", "t := (by X)  "]),
    "`llmstep`": ('t := by\n  llmstep "a\\"b"‸', ["t := by\n  X"]),
    "`sorry` in a comment is no `sorry`": ("t := by\n  a -- sor‸ry", ["t := by\n  a -- sorry\n  X", "t := by\n  X -- sorry"]),
    "not in a tactic block": ("def x := 1‸", []),
    "`sorry` as an argument": ("t := f sorry‸ x", ["t := f X x", "t := f by X x", "t := f (by X) x"]),
    "after `decreasing_by`": ("decreasing_by‸\n", ["decreasing_by\n  X\n", "decreasing_by X\n"]),
    "below `decreasing_by`": ("decreasing_by\n‸", ["decreasing_by\n  X"]),
    "inside the brackets of a tactic": ("t := by\n  rw [a‸]\n", ["t := by\n  rw [a]\n  X\n", "t := by\n  X\n"]),
    "a word that ends in `by`": ("def x := nearby‸", []),
}  # fmt: skip


@pytest.mark.parametrize(("marked", "expected"), CASES.values(), ids=CASES)
def test_readings(marked: str, expected: list[str]) -> None:
    text, cursor = cursor_in(marked)
    assert [apply(text, insertion(site, "X")) for site in sites_at(text, cursor)] == expected


@pytest.mark.parametrize(
    ("marked", "prefixes"),
    [
        ('t := by\n  llmstep "a\\"b"‸', ['a"b']),
        ("t := by\n  llmstep‸", [""]),
        ("t := by\n  simp [fo‸o]\n", ["", "simp [fo"]),
        ("t := by\n  refine ⟨by exa‸, q⟩\n", ["", "exa", "refine ⟨by exa"]),
    ],
)
def test_prefixes(marked: str, prefixes: list[str]) -> None:
    assert [site.prefix for site in sites_at(*cursor_in(marked))] == prefixes


def test_later_lines_are_indented_to_the_sites_column() -> None:
    text, cursor = cursor_in("t := by\n  b\n  · ‸")
    (site,) = sites_at(text, cursor)
    assert (
        apply(text, insertion(site, "cases h with\n| a => x"))
        == "t := by\n  b\n  · cases h with\n    | a => x"
    )


def test_a_position_outside_of_the_text_has_no_reading() -> None:
    assert sites_at("t := by\n  ", Position(7, 0)) == []
    assert sites_at("t := by\n  ", Position(1, 9)) == []


def test_sorries() -> None:
    text = 'sorry -- sorry\n"sorry" x.sorry sorryAx\n  · sorry'
    assert sorries(text) == [Position(0, 0), Position(2, 4)]
