"""`llmstep-lsp suggest` as its options, the environment and a project file configure it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain

FILE = "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := by\n  sorry\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a Lean file."""
    path = tmp_path / "project" / "sources"
    path.mkdir(parents=True)
    (path / "A.lean").write_text(FILE)
    return path


def suggest(folder: Path, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "llmstep_lsp", "suggest", "A.lean:2", "--json", *options],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.lean
def test_a_project_file_configures(folder: Path, real_lean: Toolchain) -> None:
    file = folder.parent / "llmstep.toml"
    file.write_text('count = 2\nlean = "/no/lean"\n')
    done = suggest(folder)
    assert done.stderr == (
        f"llmstep-lsp: setting `lean` from {file} is refused, because a project may not choose what runs, where "
        "your text goes or what is kept of it: set it in the editor or by LLMSTEP_LEAN. "
        "The default, none, is used.\n"
    )
    (found,) = (json.loads(line) for line in done.stdout.splitlines())
    assert [step["verdict"] for step in found["suggestions"]] == ["finishes", "finishes"]


def test_the_environment_configures_and_an_option_counts_more(folder: Path) -> None:
    variable = suggest(folder, LLMSTEP_LEAN="/no/variable")
    option = suggest(folder, "--lean", "/no/option", LLMSTEP_LEAN="/no/variable")
    assert (variable.returncode, option.returncode) == (1, 1)
    assert variable.stderr.startswith("llmstep-lsp: /no/variable was chosen as the Lean to use")
    assert option.stderr.startswith("llmstep-lsp: /no/option was chosen as the Lean to use")


@pytest.mark.parametrize(
    ("options", "environment", "code", "message"),
    [
        (
            ["--count", "0"],
            {},
            2,
            "setting `count` from the command line is wrong: it must be from 1 to 50, not 0.",
        ),
        (
            [],
            {"LLMSTEP_REPAIR": "maybe"},
            1,
            "llmstep-lsp: setting `repair` from the environment variable LLMSTEP_REPAIR is wrong: "
            "it must be true or false, not 'maybe'.\n",
        ),
    ],
)
def test_what_is_wrong_there_stops_it(
    folder: Path, options: list[str], environment: dict[str, str], code: int, message: str
) -> None:
    done = suggest(folder, *options, **environment)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
