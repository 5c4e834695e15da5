"""Owns a run of a file of Emacs's own tests, with all that these start on the PATH."""

import os
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.cache import cache_root
from tests.e2e.processes import await_no_process_with
from tests.editors.programs import missing, program

HERE = Path(__file__).parent
PACKAGE = HERE.parents[2] / "editors" / "emacs" / "llmstep-lsp.el"
DOCUMENTATION = HERE.parents[2] / "docs" / "editors" / "emacs.md"

# A line of Emacs's test runner; what stands before it belongs to that test.
_OUTCOME = re.compile(r"\s+(passed|FAILED|ABORTED|SKIPPED)\s+\d+/\d+\s+(\S+)")
_OLD = "import llmstep_lsp; llmstep_lsp.__version__ = '0.0.9'; from llmstep_lsp.__main__ import main; main()"


@pytest.fixture(scope="session")
def emacs() -> Path:
    """Emacs, which has both clients."""
    found = program("emacs")
    look = '(unless (and (locate-library "lsp-mode") (locate-library "eglot")) (kill-emacs 1))'
    if subprocess.run([found, "--batch", "-f", "package-initialize", "--eval", look], check=False).returncode:
        missing("lsp-mode or eglot")
    return found


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """A home without an init file, and the caches of this machine."""
    home = tmp_path_factory.mktemp("home")
    return {**os.environ, "HOME": str(home), "LLMSTEP_CACHE_DIR": str(cache_root())}


class Run:
    """The tests of one file, which Emacs runs one after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._outcomes: dict[str, tuple[str, str]] = {}

    def outcome(self, name: str) -> tuple[str, str]:
        """How the test `name` ended, once it has, and what was printed meanwhile."""
        printed = ""
        while name not in self._outcomes:
            assert self.process.stdout
            line = self.process.stdout.readline()
            assert line, f"Emacs ended before {name}:\n{printed}"
            printed += line
            if found := _OUTCOME.match(line):
                self._outcomes[found[2]] = (found[1], printed)
                printed = ""
        return self._outcomes[name]


@pytest.fixture(scope="module")
def run_of(
    emacs: Path,
    environment: Mapping[str, str],
    real_lean: Toolchain,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], Run]]:
    """The run of a file; one Emacs runs at a time."""
    runs: dict[str, Run] = {}
    with ExitStack() as stack:

        def start(file: str) -> Run:
            if file not in runs:
                stack.close()
                folder = tmp_path_factory.mktemp(file).resolve()
                runs[file] = stack.enter_context(_running(emacs, file, folder, environment, real_lean))
            return runs[file]

        yield start


@contextmanager
def _running(
    emacs: Path, file: str, folder: Path, environment: Mapping[str, str], lean: Toolchain
) -> Iterator[Run]:
    """Emacs, set up as our documentation says, that runs the tests of `file`."""
    for name, command in {
        "server/llmstep-lsp": [str(Path(sys.executable).with_name("llmstep-lsp"))],
        "bin/lean": lean.lean,
        "bin/old": [sys.executable, "-c", _OLD],
        "bin/broken": ["sh", "-c", "echo ImportError: no module named typer >&2; exit 1"],
        "lake/lake": ["false"],
    }.items():
        script = folder / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        script.chmod(0o755)
    init = folder / "init.el"
    init.write_text(re.findall(r"```elisp\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)[0])
    (folder / "answers").write_text("y\n" * 9)  # where a person answers a question
    mark = str(uuid.uuid4())
    path = os.pathsep.join([f"{folder}/server", f"{folder}/bin", os.environ["PATH"]])
    loads = [argument for each in ("common", init, file) for argument in ("-l", str(each))]
    with (
        (folder / "answers").open() as answers,
        subprocess.Popen(
            [
                emacs,
                "--batch",
                "-L",
                HERE,
                "-L",
                PACKAGE.parent,
                *loads,
                "-f",
                "ert-run-tests-batch-and-exit",
            ],
            cwd=folder,
            env={**environment, "PATH": path, "LLMSTEP_TEST": mark},
            stdin=answers,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            yield Run(process)
        finally:
            process.terminate()
    await_no_process_with(f"LLMSTEP_TEST={mark}")
