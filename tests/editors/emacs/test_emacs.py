"""The package in a real Emacs, on real Lean files, by lsp-mode and by eglot.

The tests themselves are Emacs's own, in the files *-tests.el; each is reported here.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.editors.emacs.conftest import HERE, PACKAGE, Run

pytestmark = pytest.mark.editor

TESTS = [
    (file.stem, name)
    for file in sorted(HERE.glob("*-tests.el"))
    for name in sorted(re.findall(r"^\(ert-deftest (\S+)", file.read_text(), re.MULTILINE))
]


@pytest.mark.lean
@pytest.mark.parametrize(("file", "name"), TESTS)
def test_in_emacs(run_of: Callable[[str], Run], file: str, name: str) -> None:
    outcome, printed = run_of(file).outcome(name)
    assert outcome == "passed", printed


def batch(emacs: Path, environment: Mapping[str, str], *arguments: str) -> str:
    """What Emacs prints."""
    done = subprocess.run(
        [emacs, "--batch", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return re.sub(r"^Loading .*\n", "", done.stdout, flags=re.MULTILINE)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy, beside which Emacs may write."""
    return Path(shutil.copy(PACKAGE, tmp_path))


@pytest.mark.parametrize("with_clients", [False, True])
def test_it_is_compiled_without_a_warning(
    emacs: Path, environment: Mapping[str, str], package: Path, *, with_clients: bool
) -> None:
    """lsp-mode and eglot need not be there; where they are, what is used of them is."""
    clients = ["-f", "package-initialize", "-l", "lsp-mode", "-l", "eglot"] if with_clients else ["-Q"]
    assert batch(emacs, environment, *clients, "-f", "batch-byte-compile", str(package)) == ""
    assert package.with_suffix(".elc").exists()


def test_checkdoc_finds_nothing(emacs: Path, environment: Mapping[str, str], package: Path) -> None:
    assert batch(emacs, environment, "-Q", "--eval", f'(checkdoc-file "{package}")') == ""


def test_it_is_installed_by_emacs(emacs: Path, environment: Mapping[str, str], tmp_path: Path) -> None:
    """Its commands are there then, before it is loaded, also without lsp-mode and eglot."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    elsewhere = {**environment, "HOME": str(tmp_path), "PATH": path}
    install = f'(progn (package-initialize) (package-install-file "{PACKAGE}"))'
    batch(emacs, elsewhere, "-Q", "--eval", install)
    ask = (
        "(progn (package-initialize) (condition-case said (call-interactively 'llmstep-lsp-suggest)"
        " (user-error (princ (cadr said)))))"
    )
    assert batch(emacs, elsewhere, "-Q", "--eval", ask).splitlines()[-1] == (
        "llmstep-lsp does not run for this buffer: M-x lsp or M-x eglot starts it"
    )
