"""`llmstep-lsp prove` as a person and as a program uses it, with real Lean."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.bench.prove import Attempt, read_goals
from llmstep_lsp.domain.commands import command_at
from llmstep_lsp.domain.insertion import indented
from llmstep_lsp.domain.sites import sorries
from llmstep_lsp.edge import bench_commands
from llmstep_lsp.edge.cli import app
from llmstep_lsp.errors import InputError
from tests.e2e.conftest import Confirmer

EVEN = """inductive Even : Nat → Prop where
  | zero : Even 0
  | step (n : Nat) : Even n → Even (n + 2)

"""
BOTH = "theorem both : Even 4 ∧ Even 2 :=\n  sorry\n"
THREE = "\ntheorem even_three : Even 3 := by sorry\n"
FUNCTIONS = """
theorem functions (f g : Bool → Nat) (t : f true = g true) (e : f false = g false) : 1 = 2 ∨ f = g := by
  right
  sorry
"""
BRANCHES = """
theorem branches (p : Prop) (h : p) : Even 2 ∧ Even 5 := by
  constructor
  · sorry
  · sorry
"""
"""A goal whose branch can be proved, and one that cannot."""


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "llmstep_lsp", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.lean
def test_every_sorry_is_searched_for_by_itself(
    tmp_path: Path, real_lean: Toolchain, confirmer: Confirmer
) -> None:
    (tmp_path / "A.lean").write_text(EVEN + BOTH + FUNCTIONS + BRANCHES + THREE)
    limits = ("--nodes", "8", "--depth", "7", "--expansion", "64", "--seconds", "600")
    done = run(tmp_path, "prove", "A.lean", "--all", "--json", *limits)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    keys = {"file", "line", "column", "goals", "proof", "status", "nodes", "seconds", "notes"}
    assert all(set(one) == keys for one in found)
    assert [(one["file"], one["line"], one["column"], one["status"]) for one in found] == [
        ("A.lean", 6, 3, "finishes"),
        ("A.lean", 10, 3, "finishes"),
        ("A.lean", 14, 5, "closes"),
        ("A.lean", 15, 5, "unknown"),
        ("A.lean", 17, 35, "unknown"),
    ]
    both, functions, branch, _, three = found
    assert both["proof"] == (
        "constructor\n· constructor\n  constructor\n  constructor\n· constructor\n  constructor"
    )
    proved = BOTH.replace("sorry", f"by\n    {indented(both['proof'], 4)}")
    proved += FUNCTIONS.replace("sorry", indented(functions["proof"], 2))
    proved += BRANCHES.replace("sorry", indented(branch["proof"], 4), 1)
    assert confirmer.errors(EVEN + proved) == []
    assert branch["notes"] == ["The goal is closed; the declaration is not finished."]
    assert (three["goals"], three["proof"]) == (["⊢ Even 3"], None)
    assert re.fullmatch(r"(Stopped|No state is left).*: \d expanded, \d+ open\.", three["notes"][0])
    assert three["nodes"] <= 8


@pytest.mark.lean
def test_a_person_sees_progress_goal_proof_and_summary(tmp_path: Path, real_lean: Toolchain) -> None:
    (tmp_path / "A.lean").write_text(EVEN + "example : Even 4 := by sorry\n" + THREE)
    limits = ("--nodes", "3", "--seconds", "600")
    controller, terminal = pty.openpty()
    with (
        (tmp_path / "printed").open("w") as printed,
        subprocess.Popen(
            [sys.executable, "-m", "llmstep_lsp", "prove", "A.lean", "--all", *limits],
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "200", "TERM": "xterm"},
            stdout=printed,
            stderr=terminal,
        ) as process,
    ):
        os.close(terminal)
        said = b""
        with contextlib.suppress(OSError):  # a terminal that nobody writes to any more
            while chunk := os.read(controller, 4096):
                said += chunk
    os.close(controller)
    assert process.returncode == 0, said
    assert re.search(r"\d states?, 1 open; best: ⊢ Even \d after constructor", said.decode())
    lines = (tmp_path / "printed").read_text().splitlines()
    steps = ["constructor"] * 3
    assert lines[:6] == ["A.lean:5:24", "⊢ Even 4", "🎉", *steps]
    assert re.fullmatch(r"3 states, \d+\.\d s", lines[6])
    assert lines[8:10] == ["A.lean:7:35", "⊢ Even 3"]
    assert re.fullmatch(r"proved 1 of 2; \d states, \d+\.\d s", lines[-1])


@pytest.mark.lean
def test_the_benchmark_counts_what_one_step_proves_and_what_search_proves(
    tmp_path: Path, real_lean: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "A.lean").write_text(
        EVEN + "theorem zero : Even 0 := by sorry\n\ntheorem four : Even 4 := by sorry\n" + THREE
    )
    limits = ("--nodes", "3", "--seconds", "600")
    arguments = ["bench", "prove", "--set", "symbolic", "--goals", str(tmp_path / "A.lean"), *limits]
    done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["generators"], one["goal"], one["steps"]) for one in found] == [
        ("symbolic", "zero", ["constructor"]),
        ("symbolic", "four", ["constructor"] * 3),
        ("symbolic", "even_three", []),
    ]

    async def measured(*_how: object) -> AsyncIterator[Attempt]:
        for one in found:
            yield Attempt(**one)

    monkeypatch.setattr(bench_commands, "measure_prove", measured)
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.stdout.splitlines()[1].split()[:4] == ["symbolic", "3", "1", "2"]


def test_our_suite_has_goals_enough_each_with_one_sorry_and_a_name_of_its_own() -> None:
    text = read_goals(None, Path()).text
    names = [command_at(text, position.line).name for position in sorries(text)]
    assert len(names) >= 40
    assert len(set(names)) == len(names)
    assert len(names) == len(re.findall(r"^theorem ", text, re.MULTILINE))


def test_a_file_without_goals_is_told(tmp_path: Path) -> None:
    (tmp_path / "A.lean").write_text("theorem t : True := trivial\n")
    with pytest.raises(InputError, match="nothing to prove"):
        read_goals(tmp_path / "A.lean", tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_goals(tmp_path / "B.lean", tmp_path)
