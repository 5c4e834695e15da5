import pytest

from llmstep_lsp.domain.commands import Command, command_at
from tests.marked import cursor_in

FILE = """import Lean

/-- theorem in a comment
theorem not_this : 1 = 1 -/
@[simp]
theorem Foo.bar.{u} (α : Type u) : 1 = 1 := by
  open Nat in
  rfl

/-- doc -/
private noncomputable def baz : Nat := 3
open Nat in
set_option maxRecDepth 100 in
example (n : Nat) : n = n := by
  rfl
termination_by n
section
"""


def line_of(text: str) -> int:
    return FILE[: FILE.index(text)].count("\n")


@pytest.mark.parametrize(
    ("at", "first", "last", "name"),
    [
        ("  rfl\n\n", "@[simp]", "\n/-- doc", "Foo.bar"),
        ("private", "private", "private", "baz"),
        ("termination_by", "open Nat in\nset", "termination_by", ""),
    ],
)
def test_command_at(at: str, first: str, last: str, name: str) -> None:
    found = command_at(FILE, line_of(at))
    assert (found.first, found.last, found.name) == (line_of(first), line_of(last), name)


def test_a_mutual_block_is_one_command() -> None:
    text, cursor = cursor_in("mutual\ntheorem a : 1 = 1 := rfl\ntheorem b : 2 = 2 := by\n  ‸\nend\nend Foo\n")
    assert command_at(text, cursor.line) == Command(0, 4, "b", text.index(" : 2"))


def test_declaration_and_name_end_where_a_copy_with_another_name_begins() -> None:
    text = "private example (n : Nat) : n = n := by\n  rfl"
    found = command_at(text, 1)
    assert text[found.end :] == "(n : Nat) : n = n := by\n  rfl"
