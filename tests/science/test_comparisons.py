"""`llmstep-lsp science prefix` and `human`, with real Lean and the steps that need no model."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.asking import environment

PROOFS = """theorem by_hand (p q : Prop) (hp : p) : p ∨ q := by
  left -- by hand
  · exact hp
"""
COMMAND = ("A.lean", "--generator", "symbolic", "--steps", "2", "--seed", "3")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    full = [sys.executable, "-m", "llmstep_lsp", "science", *arguments]
    return subprocess.run(full, cwd=folder, capture_output=True, text=True, check=False, env=environment())


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]


def figures(out: Path) -> Any:
    return json.loads((out / "report.json").read_text())["figures"]


def counts(rows: list[dict[str, Any]], what: str) -> list[tuple[int, int]]:
    return [(row[what]["count"], row[what]["of"]) for row in rows]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, real_lean: Toolchain) -> Path:
    """A folder with a file of proofs, and what `prefix` has made of it in `prefix`."""
    folder = tmp_path_factory.mktemp("proofs")
    (folder / "A.lean").write_text(PROOFS)
    done = run(folder, "prefix", *COMMAND, "--k", "3", "--out", "prefix")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("2 steps drawn: 2 compared, 0 not stated, 0 failed.\n")
    return folder


@pytest.mark.lean
def test_prefixes(folder: Path) -> None:
    out = folder / "prefix"
    first, second = records(out)
    assert (first["line"], first["column"], first["human"]["text"]) == (2, 3, "left")
    assert (second["line"], second["column"], second["human"]["text"]) == (3, 5, "exact hp")
    assert [asked["prefix"] for asked in first["asked"]] == ["", "left"]
    assert [asked["prefix"] for asked in second["asked"]] == ["", "exact", "exact hp"]
    assert [one["text"] for one in first["asked"][1]["candidates"]] == ["left"]
    assert first["human"]["status"] == "advances"
    assert second["human"]["status"] == "finishes"
    rows = figures(out)["all"]
    assert counts(rows, "human") == [(1, 2), (2, 2), (1, 1), (0, 0), (0, 0)]
    assert counts(rows, "closes") == [(1, 2), (1, 2), (1, 1), (0, 0), (0, 0)]
    assert (out / "prefix.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "report.md").read_text().startswith("# Prefixes: ")


@pytest.mark.lean
def test_people_beside_a_generator(folder: Path) -> None:
    shutil.copytree(folder / "prefix/pairs.jsonl.parts", folder / "human/pairs.jsonl.parts")
    command = ("human", *COMMAND, "--k", "8", "--out", "human")
    done = run(folder, *command)
    assert (done.returncode, done.stderr) == (0, "")
    out = folder / "human"
    found = figures(out)
    assert found["ranks"] == [6, 1]
    assert [(one[0], one[1]["of"]) for one in found["recall"]] == [(1, 2), (8, 2)]
    assert (found["accepted"]["count"], found["both"]["count"]) == (2, 2)
    assert [one["what"] for one in found["medians"]] == ["characters", "milliseconds", "goals left"]
    assert found["equal"]["of"] == 2
    assert (out / "ranks.png").read_bytes().startswith(b"\x89PNG")

    # What is done is not done again, and what is of another draw is not mixed with it.
    before = (out / "records.jsonl").read_text()
    again = run(folder, *command)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert (out / "records.jsonl").read_text() == before
    other = run(folder, *command, "--seed", "4")
    assert (other.returncode, other.stderr) == (
        1,
        "llmstep-lsp: human is of another evaluation (seed was 3 and is 4): choose another --out, or remove it.\n",
    )


def test_a_generator_that_cannot_be_made_is_told_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "A.lean").write_text(PROOFS)
    done = run(tmp_path, "human", "A.lean", "--generator", "nobody", "--out", "out")
    assert done.returncode == 1
    assert done.stderr.startswith("llmstep-lsp: There is no generator nobody: choose ")
    assert not (tmp_path / "out").exists()
