"""`llmstep-lsp eval` as a command, with real Lean and a real, tiny model."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain

THEOREMS = """theorem both (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  sorry

theorem swap (p q : Prop) (h : p ∨ q) : q ∨ p := by
  sorry

theorem nothing : Nope 1 = 2 := by
  sorry
"""
SAMPLED = "temperature=1.3,max_new_tokens=40"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    full = [sys.executable, "-m", "llmstep_lsp", "eval", *arguments]
    return subprocess.run(full, cwd=folder, capture_output=True, text=True, check=False)


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


def untimed(folder: Path) -> list[dict[str, Any]]:
    return [{**one, "seconds": 0} for one in records(folder)]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


def untimed_table(folder: Path) -> list[list[str]]:
    """The table of the sets without its last two columns, seconds."""
    lines = (folder / "report.md").read_text().splitlines()
    rows = [cells(line) for line in lines if line.startswith("| ") and "---" not in line]
    return [row[:-2] for row in rows if len(row) == len(rows[0])]


@pytest.mark.lean
@pytest.mark.model
def test_the_same_seed_gives_the_same_table(tmp_path: Path, real_lean: Toolchain, converted: Path) -> None:
    (tmp_path / "T.lean").write_text(THEOREMS)
    sets = [f"ctranslate2,model={converted},{SAMPLED}", "symbolic"]
    sampled = ["T.lean", "--nodes", "2", "--expansion", "12", "--set", sets[0]]
    command = [*sampled, "--set", sets[1]]
    first = run(tmp_path, *command, "--seed", "5", "--out", "first")
    assert (first.returncode, first.stderr) == (0, "")
    found = records(tmp_path / "first")
    assert [one["outcome"] for one in found] == ["solved", "unsolved", "not stated"] * 2
    assert found[0]["proof"] == "exact ⟨hp, hq⟩"
    assert found[1]["candidates"] > 6  # samples differ
    assert "Nope" in found[2]["reason"]

    second = run(tmp_path, *sampled, "--seed", "5", "--out", "second")
    assert second.returncode == 0
    assert untimed(tmp_path / "second") == untimed(tmp_path / "first")[:3]
    assert untimed_table(tmp_path / "second") == untimed_table(tmp_path / "first")[:2]
    headings, *rows = untimed_table(tmp_path / "first")
    assert headings == [
        *("set", "solved", "rate", "95 %", "by one step", "states", "candidates", "tried in all"),
        *("refuted", "not stated", "failed"),
    ]
    assert [row[:3] for row in rows] == [[sets[0], "1/2", "50.0 %"], [sets[1], "1/2", "50.0 %"]]

    report = json.loads((tmp_path / "first/report.json").read_text())
    assert [one["solved"]["count"] for one in report["sets"]] == [1, 1]
    (pair,) = report["pairs"]
    assert (pair["both"], pair["only_a"], pair["only_b"], pair["p"]) == (1, 0, 0, 1.0)
    assert (tmp_path / "first/solved.png").read_bytes().startswith(b"\x89PNG")

    # What is done is not done again, and what is of another evaluation is not mixed with it.
    before = (tmp_path / "first/records.jsonl").read_text()
    again = run(tmp_path, *command, "--seed", "5", "--out", "first")
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert (tmp_path / "first/records.jsonl").read_text() == before
    other = run(tmp_path, *command, "--seed", "6", "--out", "first")
    assert (other.returncode, other.stderr) == (
        1,
        "llmstep-lsp: first is of another evaluation (seed was 5 and is 6): choose another --out, or remove it.\n",
    )


@pytest.mark.lean
def test_first_steps(tmp_path: Path, real_lean: Toolchain) -> None:
    lines = [
        {"full_name": "a", "statement": "theorem a : 1 + 1 = 2"},
        {"full_name": "b", "statement": "theorem b (n : ℕ) : n = n"},
    ]
    (tmp_path / "mini.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = run(tmp_path, "mini.jsonl", "--single", "--k", "2", "--out", "out")
    assert (done.returncode, done.stderr) == (0, "")
    a, b = records(tmp_path / "out")
    assert (a["outcome"], a["steps"], a["verdicts"]) == (
        "judged",
        ["rfl", "assumption"],
        ["finishes", "rejected"],
    )
    assert (b["outcome"], b["reason"][:22]) == ("not stated", "Unknown identifier `ℕ`")
    (row,) = json.loads((tmp_path / "out/report.json").read_text())["sets"]
    assert (row["at_1"]["count"], row["at_k"]["count"], row["closes"]["of"], row["not_stated"]) == (
        1,
        1,
        1,
        1,
    )
    assert not (tmp_path / "out/solved.png").exists()


def test_a_set_that_cannot_be_made_is_told_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "T.lean").write_text(THEOREMS)
    done = run(tmp_path, "T.lean", "--set", "symbolic", "--set", "nobody", "--out", "out")
    assert done.returncode == 1
    assert done.stderr.startswith("llmstep-lsp: There is no generator nobody: choose ")
    assert not (tmp_path / "out").exists()


@pytest.mark.lean
@pytest.mark.model
def test_a_model_that_cannot_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "T.lean").write_text(THEOREMS)
    done = run(tmp_path, "T.lean", "--set", "ctranslate2,model=/nowhere", "--out", "out")
    assert (done.returncode, records(tmp_path / "out")) == (1, [])
    assert "There is no directory /nowhere" in done.stderr
