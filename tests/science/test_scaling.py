"""`llmstep-lsp science scaling`, with two real, tiny models and real Lean."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.asking import environment
from tests.training.running import write_pairs

SIZE = "hidden=16,layers=1,heads=2,vocabulary=320"
MODELS = [f"gpt-neox,{SIZE}", f"t5,{SIZE}"]
NAMES = ["gpt-neox-hidden16-layers1-heads2-vocabulary320", "t5-hidden16-layers1-heads2-vocabulary320"]
STEPS = [(f"n : Nat\n⊢ n = {i}", f"simp [h{i}]") for i in range(40)]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    full = [sys.executable, "-m", "llmstep_lsp", "science", "scaling", *arguments]
    return subprocess.run(full, cwd=folder, capture_output=True, text=True, check=False, env=environment())


@pytest.mark.lean
@pytest.mark.model
def test_models_are_trained_once_and_compared(tmp_path: Path, real_lean: Toolchain) -> None:
    write_pairs(tmp_path / "pairs.jsonl", STEPS)
    (tmp_path / "T.lean").write_text("theorem t : 1 = 1 := by\n  sorry\n")
    new = [argument for model in MODELS for argument in ("--new", model)]
    command = ["pairs.jsonl", "--theorems", "T.lean", "--out", "out", "--max-minutes", "0.01", *new]
    done = run(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    report = json.loads((out / "report.json").read_text())
    assert report["settings"]["prompt"] == "names"
    rows = report["figures"]
    assert [row["model"]["model"] for row in rows] == MODELS
    assert [row["model"]["name"] for row in rows] == [row["accepted"]["set"] for row in rows] == NAMES
    assert [row["model"]["architecture"] for row in rows] == ["gpt-neox", "t5"]
    for row in rows:
        assert row["model"]["parameters"] > 320 * 16
        assert row["model"]["steps"] > 0
        assert row["model"]["loss"] > 0
        assert row["perplexity"] > 1
        assert row["model"]["milliseconds"] > 0
        assert row["accepted"]["at_k"]["of"] == 1
    assert (out / "scaling.png").read_bytes().startswith(b"\x89PNG")
    assert len((out / "report.md").read_text().split("\n| ")) == 5  # headings, rule, two models

    # What is done is not done again.
    records = [out / "records.jsonl", out / "eval/records.jsonl"]
    before = [file.read_text() for file in records]
    trained = (out / "models" / NAMES[0] / "model/model.safetensors").stat().st_mtime_ns
    again = run(tmp_path, *command)
    assert (again.returncode, again.stderr) == (0, "")
    assert [file.read_text() for file in records] == before
    assert (out / "models" / NAMES[0] / "model/model.safetensors").stat().st_mtime_ns == trained
    assert json.loads((out / "report.json").read_text()) == report


def test_a_model_that_cannot_be_made_is_told_before_anything_is_done(tmp_path: Path) -> None:
    done = run(tmp_path, "pairs.jsonl", "--theorems", "T.lean", "--out", "out", "--new", "gru")
    assert (done.returncode, done.stderr) == (
        1,
        "llmstep-lsp: There is no architecture gru: choose gpt-neox, llama, t5.\n",
    )
    assert not (tmp_path / "out").exists()
