"""A generator of another package is used like ours: the example of the documentation, installed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "habits"
FILE = """theorem s (p q : Prop) (h : p ∧ q) : q ∧ p := by
  exact ⟨h.2, h.1⟩

theorem t (p q : Prop) (h : p ∧ q) : q ∧ p := by
  sorry
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(target),
        str(EXAMPLE),
    ]
    subprocess.run(command, check=True)
    return target


@pytest.fixture
def run(tmp_path: Path, installed: Path) -> Run:
    (tmp_path / "A.lean").write_text(FILE)

    def suggest(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "llmstep_lsp", "suggest", "A.lean:5", "--json", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": f"{installed}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
            check=False,
        )

    return suggest


def test_the_example_is_as_short_as_promised() -> None:
    assert len((EXAMPLE / "llmstep_habits.py").read_text().splitlines()) <= 30


@pytest.mark.lean
def test_it_proposes_and_lean_judges(run: Run, real_lean: Toolchain) -> None:
    done = run("--generator", "habits")
    assert (done.returncode, done.stderr) == (0, "")
    assert [(s["text"], s["verdict"], s["source"]) for s in json.loads(done.stdout)["suggestions"]] == [
        ("exact ⟨h.2, h.1⟩", "finishes", "habits")
    ]


@pytest.mark.lean
def test_its_options_reach_it(run: Run, real_lean: Toolchain) -> None:
    done = run("--generator", "habits,least=2")
    assert json.loads(done.stdout)["suggestions"] == []


def test_what_it_does_not_take_is_told(run: Run) -> None:
    done = run("--generator", "habits,least=many")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "llmstep-lsp: The generator habits of llmstep_habits:make cannot be made (ValueError: "
        "invalid literal for int() with base 10: 'many').\n"
    )
