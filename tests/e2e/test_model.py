"""A real language model proposes, real Lean judges: what a person sees of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain

pytestmark = [pytest.mark.lean, pytest.mark.model]

FILE = """theorem t (p q : Prop) (h : p ∨ q) : q ∨ p := by
  sorry

theorem u (p q : Prop) : p → q → p := by
  sorry
"""
CASES = "cases h with\n  | inl hp => right; exact hp\n  | inr hq => left; exact hq"


def test_what_the_model_knows_is_suggested_with_its_score(
    tmp_path: Path, trained: Path, real_lean: Toolchain
) -> None:
    (tmp_path / "A.lean").write_text(FILE)
    done = subprocess.run(
        [sys.executable, "-m", "llmstep_lsp", "suggest", "A.lean", "--all", "--json", "--model", trained],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    learned = [
        [
            (s["text"], s["verdict"], s["score"] > -0.2)
            for s in answer["suggestions"]
            if s["source"] == "transformers"
        ]
        for answer in answers
    ]
    assert (CASES, "finishes", True) in learned[0]
    assert ("intro hp _", "advances", True) in learned[1]
    assert done.stderr == ""
