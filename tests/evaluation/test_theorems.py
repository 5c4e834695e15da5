"""What is read from Lean files and from JSON: each theorem alone in its text."""

import json
from pathlib import Path

import pytest

from llmstep_lsp.domain.text import Position
from llmstep_lsp.errors import InputError
from llmstep_lsp.evaluation.theorems import read_theorems

LEAN = """theorem one : 1 = 1 := by
  sorry

theorem proved : 2 = 2 := rfl

-- not this sorry
example : 3 = 3 := sorry

theorem two (p : Prop) (h : p ∨ p) : p := by
  cases h
  · sorry
  · sorry
"""
SOURCE = """namespace N

theorem first (a b : Nat) (h : a = b := by assumption) : b = a :=
  h.symm

/-- Another := one. -/
theorem second (n : Nat) :
    n + 0 = n := by -- := here
  rfl

theorem cases : Nat → True
  | 0 => trivial
  | _ => trivial

end N
"""


def test_each_declaration_with_a_sorry_is_alone(tmp_path: Path) -> None:
    (tmp_path / "A.lean").write_text(LEAN)
    one, example, two = read_theorems([tmp_path / "A.lean"], tmp_path)
    assert [(t.name, t.line, t.place) for t in (one, example, two)] == [
        ("one", 2, Position(1, 2)),
        ("", 7, Position(6, 19)),
        ("two", 11, None),  # it has two
    ]
    assert {t.file for t in (one, example, two)} == {str(tmp_path / "A.lean")}
    assert one.snapshot.text == (
        "theorem one : 1 = 1 := by\n  sorry\n\ntheorem proved : 2 = 2 := rfl\n\n-- not this sorry\n"
        + "\n" * 6
    )
    assert example.snapshot.text.strip("\n").startswith("theorem proved")
    assert one.snapshot.uri == example.snapshot.uri == (tmp_path / "A.lean").as_uri()


def test_of_a_mutual_block_nothing_is_taken_out(tmp_path: Path) -> None:
    text = "mutual\ntheorem a : 1 = 1 := by\n  sorry\ntheorem b : 1 = 1 := rfl\nend\n"
    (tmp_path / "A.lean").write_text(text)
    (a,) = read_theorems([tmp_path], tmp_path)
    assert (a.snapshot.text, a.place) == (text, Position(2, 2))


@pytest.mark.parametrize(
    ("mathlib", "header"),
    [
        (False, ""),
        (True, "import Mathlib\n\nopen BigOperators Real Nat Topology Rat\n"),
    ],
)
def test_statements(tmp_path: Path, header: str, *, mathlib: bool) -> None:
    lines = [
        {"full_name": "mathd_1", "statement": "theorem mathd_1 (n : ℕ)\n    : n = n", "split": "valid"},
        {"full_name": "mathd_2", "statement": "theorem mathd_2 : 1 + 1 = 2", "url": "https://…"},
    ]
    (tmp_path / "mini.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if mathlib:
        (tmp_path / ".lake/packages/mathlib").mkdir(parents=True)
    one, two = read_theorems([tmp_path / "mini.jsonl"], tmp_path)
    start = f"{header}set_option autoImplicit false\n\n"
    assert one.snapshot.text == f"{start}theorem mathd_1 (n : ℕ)\n    : n = n := by\n  sorry\n"
    assert two.snapshot.text == f"{start}theorem mathd_2 : 1 + 1 = 2 := by\n  sorry\n"
    assert (one.name, one.line, two.line) == ("mathd_1", 1, 2)
    assert one.place == Position(start.count("\n") + 2, 2)
    assert one.snapshot.uri == two.snapshot.uri == (tmp_path / "mini.lean").as_uri()


def test_traced_theorems_keep_what_is_above_them(tmp_path: Path) -> None:
    (tmp_path / "repo/Src").mkdir(parents=True)
    (tmp_path / "repo/Src/A.lean").write_text(SOURCE)
    places = {"N.first": ([3, 1], [4, 9]), "N.second": ([7, 1], [9, 6]), "N.cases": ([11, 1], [13, 17])}
    listed = [
        {"url": "u", "file_path": "Src/A.lean", "full_name": name, "start": start, "end": end}
        for name, (start, end) in places.items()
    ]
    (tmp_path / "dojo.json").write_text(json.dumps(listed))
    first, second, cases = read_theorems([tmp_path / "dojo.json"], tmp_path / "repo")
    head = "theorem first (a b : Nat) (h : a = b := by assumption) : b = a"
    assert first.snapshot.text == f"namespace N\n\n{head} := by\n  sorry\n"
    assert second.snapshot.text.endswith("theorem second (n : Nat) :\n    n + 0 = n := by\n  sorry\n")
    assert second.snapshot.text.startswith(f"namespace N\n\n{head} :=\n  h.symm\n")
    assert cases.snapshot.text.endswith("  | _ => trivial := by\n  sorry\n")  # Lean will not read it
    assert [(t.name, t.file, t.line) for t in (first, second)] == [
        ("N.first", "Src/A.lean", 3),
        ("N.second", "Src/A.lean", 7),
    ]
    assert first.snapshot.uri == (tmp_path / "repo/Src/A.lean").as_uri()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "A.lean",
            "theorem a : 1 = 1 := rfl\n",
            "There is no `sorry` in {file}, so there is nothing to prove.",
        ),
        ("a.jsonl", "{}\n", "Line 1 of {file} is no theorem: an object with `full_name` and `statement` is."),
        (
            "a.json",
            "[{}]",
            "{file} is no list of theorems as LeanDojo's, with `file_path`, `full_name`, `start` and `end`.",
        ),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as raised:
        read_theorems([tmp_path / name], tmp_path)
    assert str(raised.value) == said.format(file=tmp_path / name)


def test_a_repository_that_is_not_there_is_said(tmp_path: Path) -> None:
    listed = [{"file_path": "A.lean", "full_name": "a", "start": [1, 1], "end": [1, 9]}]
    (tmp_path / "dojo.json").write_text(json.dumps(listed))
    with pytest.raises(InputError, match="If it belongs to a repository, name that by --root"):
        read_theorems([tmp_path / "dojo.json"], tmp_path)
