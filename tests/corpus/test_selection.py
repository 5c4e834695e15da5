"""What is learned from, and what is kept for tests: whatever it is called."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from llmstep_lsp.adapters.pairs import read_pairs
from llmstep_lsp.adapters.pairs.json_lines import write_line
from llmstep_lsp.corpus.selection import instructive, pair_statement, shapes_kept_out
from llmstep_lsp.corpus.split import part, shape
from llmstep_lsp.domain.pairs import Pair
from llmstep_lsp.edge.cli import app
from llmstep_lsp.errors import InputError

PAIR = Pair(
    "n : Nat\n⊢ dbl n = n + n",
    "induction n <;> simp_all [dbl]",
    "",
    "Sheet1.dbl_eq",
    context="def dbl : Nat → Nat\n  | 0 => 0\n\ntheorem dbl_eq (n : Nat) : dbl n = n + n := by\n  ",
)
OTHER = replace(PAIR, context="theorem dbl_zero : dbl 0 = 0 := by\n  ", tactic="rfl")


def test_texts_that_differ_in_names_alone_have_the_same_shape() -> None:
    assert shape("(n : Nat) : double n = n + n") == shape("(k : Nat) : twice k = k + k")
    assert shape("(n : Nat) : double n = n + n") != shape("(n m : Nat) : double n = n + m")
    assert shape("Tree.leaf = t") == "#0 #1 = #2"


def test_a_goal_belongs_to_the_part_of_its_definitions_whatever_it_says() -> None:
    about = "def f : Nat → Nat\n  | 0 => 0\n  | n + 1 => f n\n"
    renamed = "def g' : Nat → Nat\n  | 0 => 0\n  | m + 1 => g' m\n"
    assert part(about, " : f 0 = 0") == part(about, " (n : Nat) : f n = 0") == part(renamed, "")


def test_a_fifth_of_all_shapes_is_not_learned_from() -> None:
    found = [part("", " ".join("∧" * number)) for number in range(1, 401)]
    assert (found.count("test"), found.count("validation"), found.count("train")) == (65, 18, 317)


def test_the_statement_of_a_pair_is_that_above_its_goal() -> None:
    assert pair_statement(PAIR) == "(n : Nat) : dbl n = n + n"
    assert pair_statement(replace(PAIR, context="")) == ""


def test_of_a_theorem_that_is_proved_at_once_one_pair_is_learned() -> None:
    lemma = "theorem zero : dbl 0 = 0 := rfl\n\n"
    hard = [
        replace(PAIR, context=lemma + PAIR.context, tactic=tactic)
        for tactic in ("cases n <;> grind [dbl]", "simp [dbl, zero]")
    ]
    in_two = [
        replace(PAIR, declaration="two", tactic="induction n", state_after="⊢ dbl 0 = 0"),
        replace(PAIR, declaration="two", tactic="rfl", state_before="⊢ dbl 0 = 0"),
    ]
    at_once = [replace(OTHER, declaration="zero", tactic=tactic) for tactic in ("rfl", "simp [dbl]")]
    assert instructive([*hard, *in_two, *at_once]) == [*hard, *in_two, at_once[0]]


def test_statements_are_read_from_lean_and_from_json_lines(tmp_path: Path) -> None:
    lean, lines = tmp_path / "a.lean", tmp_path / "a.jsonl"
    lean.write_text("theorem a (x : Nat) : x = x := by\n  sorry\n\ndef f := 1\n")
    lines.write_text(json.dumps({"statement": "theorem b (p : Prop) : p → p :="}) + "\n")
    assert shapes_kept_out([lean, lines]) == {"( #0 : Nat ) : #0 = #0", "( #0 : Prop ) : #0 → #0"}


def test_a_file_that_states_nothing_readable_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("[]\n")
    with pytest.raises(InputError, match="name Lean files, or JSON lines with the field statement"):
        shapes_kept_out([tmp_path / "a.jsonl"])


def test_theorems_of_tests_are_left_out_and_pairs_are_taken_once(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("".join(write_line(one) + "\n" for one in (PAIR, OTHER, OTHER)))
    suite = tmp_path / "Suite.lean"
    suite.write_text("theorem twice_eq (k : Nat) : twice k = k + k := by\n  sorry\n")
    arguments = [
        "corpus",
        "select",
        str(tmp_path),
        "--out",
        str(tmp_path / "out.jsonl"),
        "--keep-out",
        str(suite),
    ]
    found = CliRunner().invoke(app, arguments)
    assert found.stdout == (
        f"1 pairs are in {tmp_path}/out.jsonl; 1 are left out, whose theorems are among 1 kept for tests, "
        "1 that are there twice, and 0 more ways to prove what is proved at once.\n"
    )
    assert list(read_pairs(tmp_path / "out.jsonl")) == [OTHER]
