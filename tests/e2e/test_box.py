"""The model in the box proposes steps that Lean accepts, about definitions that are nowhere but in the file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# A goal of which it is sure: what it draws depends a little on the processor.
TEXT = """def twin : Nat → Nat
  | 0 => 0
  | n + 1 => twin n + 1 + 1

theorem twin_zero : twin 0 = 0 := by
  rfl

theorem twin_eq (n : Nat) : twin n = n + n := by
  sorry
"""


@pytest.mark.lean
def test_an_induction_that_unfolds_the_files_definitions(tmp_path: Path) -> None:
    (tmp_path / "Twin.lean").write_text(TEXT)
    done = subprocess.run(
        [sys.executable, "-m", "llmstep_lsp", "suggest", "Twin.lean", "--all", "--json"],
        cwd=tmp_path,
        env={**os.environ, "LLMSTEP_GENERATORS": "box,seed=0"},
        capture_output=True,
        text=True,
        check=True,
    )
    (answer,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["source"] for one in answer["suggestions"]} == {"box"}
    assert "finishes" in {one["verdict"] for one in answer["suggestions"]}
    assert done.stderr == ""
