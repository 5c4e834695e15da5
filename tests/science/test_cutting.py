"""A file without a step and all behind it."""

import pytest

from llmstep_lsp.domain.model import Site
from llmstep_lsp.domain.text import Range
from llmstep_lsp.science.cutting import Cut, cut
from tests.marked import cursor_in

TOP = "theorem a : p := (by simp)\n\n"


@pytest.mark.parametrize(
    ("marked", "closers"),
    [
        (TOP + "theorem b : p := by\n  intro x\n  ‸simp\n  rfl\n\ntheorem c : q := by rfl\n", ""),
        (TOP + "theorem b : p :=\n  f (g [h, by ‸simp] x) y\n", "])"),
        (TOP + "theorem b : p :=\n  ⟨k (by rfl), by -- (\n    ‸simp⟩\n", "⟩"),
        ("mutual\ntheorem b : p := by\n  ‸simp\ntheorem c : q := (by rfl)\nend\n", "\nend"),
    ],
)
def test_what_is_open_is_closed_behind_the_step(marked: str, closers: str) -> None:
    text, place = cursor_in(marked)
    above = marked.partition("‸")[0]
    expected = Cut(above + closers, above, Site(Range(place, place), "", place.column))
    assert cut(text, place) == expected
