"""The model in the box proposes steps that Lean accepts, about definitions that are nowhere but in the file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = """inductive Row where
  | done : Row
  | more : Nat → Row → Row

def glue : Row → Row → Row
  | .done, r => r
  | .more n l, r => .more n (glue l r)

theorem glue_done (l : Row) : glue l .done = l := by
  sorry
"""


@pytest.mark.lean
def test_an_induction_that_unfolds_the_files_definitions(tmp_path: Path) -> None:
    (tmp_path / "Row.lean").write_text(TEXT)
    done = subprocess.run(
        [sys.executable, "-m", "llmstep_lsp", "suggest", "Row.lean", "--all", "--json"],
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
