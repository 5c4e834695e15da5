"""`llmstep-lsp lean …` with Leans that are shell scripts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from llmstep_lsp.adapters.lean import wasm
from llmstep_lsp.adapters.lean.wasm_workshop import Progress
from llmstep_lsp.edge.lean_commands import lean_app
from llmstep_lsp.errors import LeanGoneError, LeanNotFoundError

SAY = '#!/bin/sh\nfor a in "$@"; do echo "<$a>"; done; cat; echo trouble >&2; exit 7\n'


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LLMSTEP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ELAN_HOME", raising=False)
    monkeypatch.delenv("LLMSTEP_LEAN", raising=False)
    monkeypatch.chdir(tmp_path)


def script(file: Path, text: str) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return str(file)


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`lean run` in a process of its own, since Lean takes its place."""
    code = "from llmstep_lsp.edge.lean_commands import lean_app; lean_app()"
    root = str(Path(wasm.__file__).parents[3])
    return subprocess.run(
        [sys.executable, "-c", code, "run", *arguments],
        env={**os.environ, "PYTHONPATH": root, **environment},
        input="input\n",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["-h"],
        [],
        ["--", "x"],
        ["-Dpp.all=true", "--json", "A b.lean"],
        ["--run", "Main.lean", "--lean", "x", "--", "--force"],
        ["--stdin", "--lean=x", "-"],
    ],
)
def test_run_passes_everything_through(tmp_path: Path, arguments: list[str]) -> None:
    lean = script(tmp_path / "lean4", SAY)
    done = run("--lean", lean, *arguments)
    said = "".join(f"<{argument}>\n" for argument in arguments)
    assert (done.returncode, done.stdout, done.stderr) == (7, f"{said}input\n", "trouble\n")


def test_lean_to_run_is_given_by_option_or_environment(tmp_path: Path) -> None:
    one, other = (
        script(tmp_path / "one", "#!/bin/sh\necho one"),
        script(tmp_path / "other", "#!/bin/sh\necho other"),
    )
    assert run(f"--lean={one}", "x").stdout == "one\n"
    assert run("x", LLMSTEP_LEAN=other).stdout == "other\n"
    assert run("--lean", one, "x", LLMSTEP_LEAN=other).stdout == "one\n"


def test_run_without_lean() -> None:
    result = CliRunner().invoke(lean_app, ["run", "--version"])
    assert isinstance(result.exception, LeanNotFoundError)


def test_run_of_a_file_that_is_no_program(tmp_path: Path) -> None:
    lean = script(tmp_path / "lean4", "\x7fnot a program")
    result = CliRunner().invoke(lean_app, ["run", "--lean", lean, "x"])
    assert isinstance(result.exception, LeanGoneError)
    assert str(result.exception).startswith(f"{lean} cannot be run: ")


def test_status(tmp_path: Path) -> None:
    lean = script(tmp_path / "lean4", "#!/bin/sh\necho Lean version 4")
    result = CliRunner().invoke(lean_app, ["status", "--lean", lean])
    assert result.stdout.splitlines() == [
        "WebAssembly Lean: not installed",
        f"Lean used here:   {lean}",
        f"Why:              {lean} was chosen explicitly.",
        "Version:          Lean version 4",
        "Judged by:        Lean's diagnostics. Lean version 4/bin/lean cannot be run: No such file or directory.",
    ]


def test_status_of_a_file_in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = script(tmp_path / "bin/lake", '#!/bin/sh\necho "$@"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    project = tmp_path / "project"
    script(project / "A/B.lean", "")
    (project / "lakefile.toml").touch()
    result = CliRunner().invoke(lean_app, ["status", str(project / "A/B.lean")])
    assert result.stdout.splitlines()[1] == f"Lean used here:   {lake} --dir={project} env lean"
    assert result.stdout.splitlines()[3] == f"Version:          --dir={project} env lean --version"


def test_status_of_a_lean_that_fails(tmp_path: Path) -> None:
    lean = script(tmp_path / "lean4", "#!/bin/sh\nexit 3")
    result = CliRunner().invoke(lean_app, ["status", "--lean", lean])
    assert str(result.exception) == (
        f"{lean} --version cannot be run: it ended with exit code 3."
        " Repair it, or choose another one by --lean."
    )


@pytest.mark.parametrize("fresh", [True, False])
def test_install_tells_each_stage_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fresh: bool) -> None:  # noqa: FBT001
    lean = script(tmp_path / "lean", "#!/bin/sh\nexit 3")

    def install(progress: Progress, *, force: bool) -> wasm.Installation:
        assert force is fresh
        for done in (0.0, 0.5, 1.0):
            progress("Fetching", done)
        progress("Unpacking", None)
        return wasm.Installation(Path(lean), fresh)

    monkeypatch.setattr(wasm, "install", install)
    result = CliRunner().invoke(lean_app, ["install", *(["--force"] if fresh else [])])
    assert result.stderr == (
        "Fetching\nUnpacking\nCompiling LLMStep, our Lean package\n"
        "Candidates will be judged one by one, which is slower: "
        f"`{lean} --print-prefix` ended with exit code 3.\n"
    )
    assert result.stdout == f"{lean} is {'installed' if fresh else 'up to date'}.\n"


def test_install_shows_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def install(progress: Progress, *, force: bool) -> wasm.Installation:
        progress("Fetching", 0.5)
        progress("Unpacking", None)
        return wasm.Installation(Path(script(tmp_path / "lean", "#!/bin/sh\nexit 3")), fresh=not force)

    monkeypatch.setattr(wasm, "install", install)
    monkeypatch.setenv("FORCE_COLOR", "1")  # makes rich take the stream for a terminal
    result = CliRunner().invoke(lean_app, ["install"])
    assert result.exit_code == 0
    assert "━" in result.stderr
    assert "Unpacking" in result.stderr


def test_uninstall(tmp_path: Path) -> None:
    assert CliRunner().invoke(lean_app, ["uninstall"]).stdout == "The WebAssembly Lean is not installed.\n"
    (tmp_path / "cache/lean-wasm").mkdir()
    result = CliRunner().invoke(lean_app, ["uninstall"])
    assert result.stdout == f"{tmp_path / 'cache/lean-wasm'} was removed.\n"
