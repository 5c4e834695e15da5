"""`lean` as a command: options, streams, exit codes, compilation."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean import wasm

from .conftest import Run

pytestmark = pytest.mark.lean


def test_installing_again_finds_it_whole(lean: Path) -> None:
    assert wasm.install(lambda _stage, _done: None) == wasm.Installation(lean, fresh=False)


def test_version(run: Run) -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("Lean (version 4.")
    assert run("-v").stdout == done.stdout  # which Lean says itself


def test_a_file_may_be_named_like_a_function_of_javascript(run: Run, project: Path) -> None:
    (project / "toString").write_text("#eval 2\n")
    assert run("toString").stdout == "2\n"


@pytest.mark.parametrize("kept", ["as it is", "damaged"])
def test_compiled_code_that_v8_refuses_is_done_without(lean: Path, tmp_path: Path, kept: str) -> None:
    installed, share = lean.parent.parent, tmp_path / "share/lean-wasm"
    share.mkdir(parents=True)
    for file in (installed / "share/lean-wasm").iterdir():
        # Scripts find what is beside them, which is not where a link is.
        (shutil.copy if file.suffix == ".cjs" else os.symlink)(file, share / file.name)
    (tmp_path / "lib").symlink_to(installed / "lib")
    copy = shutil.copytree(lean.parent, tmp_path / "bin") / lean.name
    code = share / "lean.wasm.code"
    content = code.read_bytes()
    if kept == "damaged":
        code.unlink()
        code.write_bytes(bytes(16) + content[16:])
    done = subprocess.run(
        [copy, "--stdin"],
        input="#eval 6 * 7\n",
        env={**os.environ, "LEAN_WASM_DEBUG": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "42\n"
    assert (f"{code} is refused\n" in done.stderr) is (kept == "damaged")


def test_threads_that_have_ended_are_used_again(run: Run) -> None:
    tasks = (
        "def go (n : Nat) : IO Nat := do\n"
        "  let mut done := 0\n"
        "  for _ in [0:n] do\n"
        "    let task ← IO.asTask (prio := .dedicated) (pure 1)\n"
        "    done := done + (← IO.ofExcept task.get)\n"
        "  return done\n"
        "#eval go 1000\n"  # each new one would take 40 MB
    )
    done = run("--stdin", stdin=tasks)
    assert (done.returncode, done.stdout) == (0, "1000\n")


def test_print_prefix(run: Run, lean: Path) -> None:
    assert run("--print-prefix").stdout.strip() == str(lean.parent.parent)


def test_file_without_errors_exits_0_quietly(run: Run, project: Path) -> None:
    (project / "Ok.lean").write_text("theorem two : 1 + 1 = 2 := rfl\n#print axioms two\n")
    done = run("Ok.lean")
    assert (done.returncode, done.stdout, done.stderr) == (0, "'two' does not depend on any axioms\n", "")


def test_file_with_errors_exits_1(run: Run, project: Path) -> None:
    (project / "Bad.lean").write_text("theorem wrong : 1 + 1 = 3 := rfl\n")
    done = run("Bad.lean")
    assert done.returncode == 1
    assert "Bad.lean:1:" in done.stdout


def test_json(run: Run, project: Path) -> None:
    (project / "Bad.lean").write_text("theorem wrong : 1 + 1 = 3 := rfl\n")
    done = run("--json", "Bad.lean")
    assert done.returncode == 1
    assert {json.loads(line)["fileName"] for line in done.stdout.splitlines()} == {"Bad.lean"}


def test_standard_input(run: Run) -> None:
    done = run("--stdin", stdin="#eval 6 * 7\n")
    assert (done.returncode, done.stdout) == (0, "42\n")


def test_missing_file_exits_1(run: Run) -> None:
    done = run("Missing.lean")
    assert done.returncode == 1
    assert "Missing.lean" in done.stderr


def test_unknown_option_exits_1(run: Run) -> None:
    assert run("--bogus").returncode == 1


def test_setting_an_option(run: Run) -> None:
    assert run("-Dpp.notation=false", "--stdin", stdin="#check 1 + 2\n").stdout == "HAdd.hAdd 1 2 : Nat\n"


def test_run_passes_arguments_input_and_exit_code(run: Run, project: Path) -> None:
    (project / "Main.lean").write_text(
        "def main (args : List String) : IO UInt32 := do\n"
        '  IO.print s!"{args} {← (← IO.getStdin).getLine}"\n  return 3\n'
    )
    done = run("--run", "Main.lean", "a", "b", stdin="line\n")
    assert (done.returncode, done.stdout) == (3, "[a, b] line\n")


def test_compiled_module_is_found_on_the_search_path(run: Run, project: Path) -> None:
    (project / "Two.lean").write_text("theorem two : 1 + 1 = 2 := rfl\n")
    assert run("Two.lean", "-o", "Two.olean").returncode == 0
    done = run("--stdin", stdin="import Two\n#check two\n")
    assert (done.returncode, done.stdout) == (0, "two : 1 + 1 = 2\n")


def test_features_elaborate_and_compile(run: Run) -> None:
    done = run("Features.lean")
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_stray_files(run: Run, project: Path) -> None:
    before = set(project.iterdir())
    run("--stdin", stdin="#eval 1\n")
    assert set(project.iterdir()) == before
    assert not list(project.glob("*.profraw"))
