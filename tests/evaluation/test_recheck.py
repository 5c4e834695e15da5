"""Whole files, read by a new run of Lean: what is a proof there, and what is none."""

from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.errors import LeanGoneError
from llmstep_lsp.evaluation.recheck import refutation

FINE = """namespace N
axiom mine : 1 = 3

theorem fine (a b : Nat) (h : a < b) : a + 1 ≤ b := by
  omega

theorem broken : 1 = 2 := by
  rfl
end N
"""


@pytest.mark.lean
async def test_errors_elsewhere_do_not_matter(real_lean: Toolchain) -> None:
    assert await refutation(real_lean, FINE, 3, 60) is None


@pytest.mark.lean
@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("theorem a : 1 = 2 := by\n  rfl\n", 0, "Tactic `rfl` failed"),
        ("theorem a : 1 = 2 := by\n  sorry\n", 0, "it rests on `sorryAx`"),
        ("axiom mine : 1 = 3\nexample : 1 = 3 := by\n  exact mine\n", 1, "it rests on the axiom `mine`"),
        ("theorem a : 2 ^ 9 = 512 := by\n  native_decide\n", 0, "it rests on `Lean.ofReduceBool`"),
    ],
)
async def test_no_proof(real_lean: Toolchain, text: str, line: int, said: str) -> None:
    found = await refutation(real_lean, text, line, 60)
    assert found is not None
    assert found.startswith(said)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 134", "Lean ended with exit code 134 when it checked the proof."),
        ("exit 1", "Lean ended with exit code 1 when it checked the proof."),
        ("echo nonsense", "Lean's answer on the proof cannot be read: nonsense"),
        ("sleep 60", "Lean did not check the proof within 0.5 s"),
    ],
)
async def test_a_lean_that_fails_refutes_nothing(tmp_path: Path, script: str, said: str) -> None:
    lean = tmp_path / "lean"
    lean.write_text(f"#!/bin/sh\n{script}\n")
    lean.chmod(0o755)
    toolchain = Toolchain("path", (str(lean),), (str(lean),), tmp_path, "")
    with pytest.raises(LeanGoneError) as raised:
        await refutation(toolchain, FINE, 3, 0.5)
    assert str(raised.value).startswith(said)


async def test_an_answer_without_axioms_is_no_proof(tmp_path: Path) -> None:
    lean = tmp_path / "lean"
    lean.write_text("#!/bin/sh\nexit 0\n")
    lean.chmod(0o755)
    toolchain = Toolchain("path", (str(lean),), (str(lean),), tmp_path, "")
    assert await refutation(toolchain, FINE, 3, 5) == "the axioms that it rests on could not be read"
