"""What a person does and sees in the real Helix: steps are taken, and Lean accepts the file."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.e2e.processes import processes_with
from tests.editors.helix.conftest import Helix, Start

pytestmark = [pytest.mark.editor, pytest.mark.lean]

SWAP = "theorem swap (p q : Prop) (hp : p) (hq : q) : q ∧ p := by\n"
EVEN = """\
inductive Even : Nat → Prop where
  | zero : Even 0
  | step (n : Nat) : Even n → Even (n + 2)
theorem four : Even 4 := by
  skip
"""
STEP = "llmstep: 🎉 exact ⟨hq, hp⟩"


@pytest.fixture(scope="module")
def helix(start: Start, our_program: Path, leans_programs: Path) -> Iterator[Helix]:
    """Helix with two servers for one file: Lean's and ours."""
    with start("languages.toml", our_program, leans_programs) as helix:
        yield helix


def take_the_step(helix: Helix, lean: Toolchain) -> None:
    """Type half a tactic, choose the step that finishes the proof, and save."""
    helix.show(SWAP + "  \n")
    helix.append(2, "exact")
    helix.wait("● 1")  # what Lean's own server says
    assert helix.ask_until(STEP).count("llmstep:") == 1
    helix.keys("Enter")
    helix.wait("  exact ⟨hq, hp⟩")
    save(helix, SWAP + "  exact ⟨hq, hp⟩\n", lean)


def save(helix: Helix, text: str, lean: Toolchain) -> None:
    """Save the file, which must be `text`, and have Lean accept it."""
    helix.command("w", "written")
    assert helix.file.read_text() == text
    done = subprocess.run([*lean.lean, helix.file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_step_is_taken_beside_leans_own_server(helix: Helix, real_lean: Toolchain) -> None:
    take_the_step(helix, real_lean)


def test_a_step_is_offered_where_typing_ended(helix: Helix) -> None:
    helix.show(SWAP + "  \n\n")
    helix.append(2, "exact")
    helix.ask_until(STEP, seconds=20)
    helix.keys("Enter")
    helix.wait("  exact ⟨hq, hp⟩")


def test_a_whole_proof_is_searched_for(helix: Helix, real_lean: Toolchain) -> None:
    helix.show(EVEN)
    helix.keys("5", "G", "g", "l")
    helix.ask_until("llmstep: search for a whole proof")
    helix.keys("Up", "Enter")  # the last one
    helix.wait("A.lean [+]")
    save(helix, EVEN + "  constructor\n" * 3, real_lean)
    helix.command("lsp-workspace-command llmstep.showStatus", "llmstep-lsp 0.1.0")
    assert [error for error in helix.errors() if "llmstep" in error] == []


def test_commands_are_run_from_the_editor(helix: Helix, leans_programs: Path) -> None:
    line, starting = "lsp-workspace-command llmstep.showStatus", "is not supported for any language server"
    while starting in (screen := helix.command(line, "llmstep-lsp 0.1.0", starting)):
        pass
    assert f"Lean: {leans_programs}/lean" in screen


def test_a_server_that_crashed_is_restarted(helix: Helix) -> None:
    helix.show(SWAP + "  exact\n")
    helix.keys("2", "G", "g", "l")
    ours = [pid for pid, command in processes_with(helix.mark).items() if "llmstep_lsp" in command]
    os.kill(ours[0], signal.SIGKILL)
    helix.wait("Language server exited")
    helix.command("lsp-restart", "Language server exited")
    helix.ask_until(STEP)


def test_a_step_is_taken_through_the_proxy(
    start: Start, our_program: Path, leans_programs: Path, real_lean: Toolchain
) -> None:
    with start("languages-proxy.toml", our_program, leans_programs) as helix:
        take_the_step(helix, real_lean)
