from hypothesis import given
from hypothesis import strategies as st

from llmstep_lsp.domain.text import Edit, Position, Range, apply, line_end, lines, offset, position, to_lf
from llmstep_lsp.domain.units import Encoding, from_units, to_units


def test_lines_end_only_where_lean_and_lsp_say() -> None:
    assert lines("a\r\nb\u2028c\x0cd\n") == ["a", "b\u2028c\x0cd", ""]


def test_line_ends() -> None:
    assert (line_end("a\r\nb"), line_end("a\nb"), to_lf("a\r\nb")) == ("\r\n", "\n", "a\nb")


def test_a_position_past_the_end_is_drawn_in() -> None:
    assert offset("ab\nc", Position(0, 9)) == 2
    assert offset("ab\nc", Position(9, 0)) == 4


def test_apply_replaces_what_stands_in_the_range() -> None:
    edit = Edit(Range(Position(1, 0), Position(1, 3)), "𝔽")
    assert apply("one\ntwo\nthree", edit) == "one\n𝔽\nthree"


@given(st.text(alphabet="ab𝔽\n"), st.data())
def test_position_and_offset_are_inverse(text: str, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(text)))
    assert offset(text, position(text, index)) == index


@given(st.text(), st.sampled_from(["utf-8", "utf-16", "utf-32"]), st.data())
def test_units_and_columns_are_inverse(line: str, encoding: Encoding, data: st.DataObject) -> None:
    column = data.draw(st.integers(0, len(line)))
    assert from_units(line, to_units(line, column, encoding), encoding) == column


def test_astral_characters_take_two_units_in_utf_16() -> None:
    assert [to_units("𝔽𝒫x", 2, encoding) for encoding in ("utf-8", "utf-16", "utf-32")] == [8, 4, 2]


def test_a_column_within_a_character_is_drawn_back() -> None:
    assert from_units("a𝔽b", 2, "utf-16") == 1
