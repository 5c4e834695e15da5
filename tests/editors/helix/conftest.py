"""Owns the real Helix in a terminal, which a test types into and reads."""

import os
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.e2e.processes import processes_with
from tests.editors.programs import FOLDER, program

OURS = Path(__file__).parents[3] / "editors/helix"
HELIX = FOLDER / "helix/hx"


class Helix:
    """Helix with one file open, in a terminal of 100 columns.

    It is given `environment`, in which a folder of its own is `XDG_CONFIG_HOME`.
    """

    def __init__(self, file: Path, environment: dict[str, str]) -> None:
        self.file = file
        self._log = file.with_name("helix.log")
        mark = str(uuid.uuid4())
        self.mark = f"LLMSTEP_TEST={mark}"
        self._socket = str(file.with_name("tmux"))
        self._tmux(
            *("-u", "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "-c", str(file.parent)),
            shlex.join(map(str, [HELIX, "--log", self._log, file])),
            environment={**os.environ, **environment, "LLMSTEP_TEST": mark},
        )
        self.wait(file.name)

    def _tmux(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        command = ["tmux", "-S", self._socket, *arguments]
        return subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=20
        ).stdout

    def keys(self, *keys: str) -> None:
        """Press `keys`: characters, or names as tmux has them, such as `Escape`."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def wait(self, *texts: str, seconds: float = 100) -> str:
        """The screen, once one of `texts` is on it."""
        deadline = time.monotonic() + seconds
        while not any(text in (screen := self._tmux("capture-pane", "-p")) for text in texts):
            assert time.monotonic() < deadline, f"none of {texts} on the screen:\n{screen}"
            time.sleep(0.1)
        return screen

    def command(self, line: str, *answers: str) -> str:
        """Run the typed command `line`; the screen, once one of `answers` is on it."""
        self.type(f":{line}")
        self.wait(f":{line}")
        self.keys("Enter")
        return self.wait(*answers)

    def show(self, text: str) -> None:
        """Have `text` as the file and in the editor."""
        self.file.write_text(text)
        self.command("reload", text.splitlines()[0])

    def append(self, line: int, text: str) -> None:
        """Type `text` at the end of `line`, counted from 1; the cursor is left on the line break."""
        self.keys(str(line), "G", "A")
        self.wait(" INS ")
        self.type(text)
        self.keys("Escape")
        self.wait(" NOR ")

    def ask(self) -> str:
        """The screen, once code actions have been asked for and are answered, if only by a message."""
        self.keys("Space")
        self.wait("Space")
        self.keys("a")
        return self.wait("llmstep: ", "No code actions", "No configured language server", "error")

    def ask_until(self, answer: str, seconds: float = 150) -> str:
        """The screen, once `answer` is given to one who asks again while Lean starts."""
        deadline = time.monotonic() + seconds
        while answer not in (screen := self.ask()):
            assert time.monotonic() < deadline, f"{answer} was not offered:\n{screen}"
        return screen

    def errors(self) -> list[str]:
        """What Helix has logged as errors until now, and does not show."""
        return [line for line in self._log.read_text().splitlines() if "[ERROR]" in line]

    def leave(self) -> None:
        """Leave Helix, with which its servers must end."""
        self.keys(":q!", "Enter")
        deadline = time.monotonic() + 60
        while left := processes_with(self.mark):
            assert time.monotonic() < deadline, f"left: {left}"
            time.sleep(0.1)

    def end(self) -> None:
        """End it, if it has not been left."""
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], check=False, capture_output=True)


Start = Callable[..., AbstractContextManager[Helix]]


def _script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


@pytest.fixture(scope="package")
def our_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the PATH of a person who has installed llmstep-lsp only."""
    folder = tmp_path_factory.mktemp("ours")
    _script(folder / "llmstep-lsp", f'exec {sys.executable} -m llmstep_lsp "$@"')
    return folder


@pytest.fixture(scope="package")
def leans_programs(tmp_path_factory: pytest.TempPathFactory, real_lean: Toolchain) -> Path:
    """A folder for the PATH with `lean` and `lake`."""
    folder = tmp_path_factory.mktemp("lean")
    lean = shlex.join(real_lean.lean)
    _script(folder / "lean", f'exec {lean} "$@"')
    # The WebAssembly Lean has no Lake, whose `lake serve -- OPTIONS` ends in this.
    _script(folder / "lake", f'shift 2\nexec {lean} --server "$@"')
    return folder


@pytest.fixture(scope="package")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Opens Helix with one of our files as its `languages.toml` and with folders on its PATH."""
    program(HELIX)
    program("tmux")

    @contextmanager
    def start(languages: str, *path: Path, **environment: str) -> Iterator[Helix]:
        folder = tmp_path_factory.mktemp("helix")
        (folder / "helix").mkdir()
        shutil.copy(OURS / languages, folder / "helix/languages.toml")
        environment |= {
            "XDG_CONFIG_HOME": str(folder),
            "PATH": ":".join(map(str, (*path, "/usr/bin", "/bin"))),
            "LLMSTEP_BUDGET_SECONDS": "15",  # Helix waits for 20
        }
        helix = Helix(folder / "A.lean", environment)
        try:
            yield helix
            helix.leave()
        finally:
            helix.end()

    return start
