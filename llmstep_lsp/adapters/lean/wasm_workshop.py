"""Owns how the parts of an installation are made: commands run and archives unpacked, with progress."""

import os
import shutil
import subprocess
import tarfile
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from llmstep_lsp.errors import LeanInstallError

Progress = Callable[[str, float | None], None]
"""Told a stage in words, and how much of it is done (0 to 1) if that is known."""

_POLL_SECONDS = 0.1
_SHOWN_FIRST, _SHOWN_LAST, _SHOWN_COLUMNS = 6, 8, 200  # npm says why first, pip last


@dataclass(frozen=True)
class Growth:
    """How far a command is can be seen from the bytes under `folder`: `total` when it is done."""

    folder: Path
    total: int


@dataclass(frozen=True)
class Workshop:
    """A folder to work in, somebody to tell about progress, and the descriptor of the lock.

    Commands inherit the lock: should we be killed, the next installation waits until they
    have ended before it removes what they write into.
    """

    folder: Path
    progress: Progress
    lock: int

    def run(
        self, stage: str, command: Sequence[str | Path], *, advice: str, growth: Growth | None = None
    ) -> str:
        """Run a command in the folder and return what it printed on standard output.

        Raises:
            LeanInstallError: it failed; the message ends with its last lines and `advice`.
        """
        self.progress(stage, 0.0 if growth else None)
        environment = {**os.environ, "TMPDIR": str(self.folder)}
        with (
            tempfile.TemporaryFile("w+", dir=self.folder) as output,
            tempfile.TemporaryFile("w+", dir=self.folder) as errors,
        ):
            with subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                pass_fds=[self.lock],
            ) as process:
                try:
                    while not _ended(process):
                        if growth:
                            self.progress(stage, min(_bytes_under(growth.folder) / growth.total, 1.0))
                except BaseException:
                    process.kill()
                    raise
            output.seek(0)
            errors.seek(0)
            printed = output.read()
            if process.returncode != 0:
                raise failure(stage, printed + errors.read(), advice)
            return printed

    def unpack(
        self, stage: str, archive: Path, destination: Path, wanted: Callable[[str], bool] = lambda _: True
    ) -> None:
        """Unpack the `wanted` regular files of a gzipped tar archive whose checksum is known."""
        size = archive.stat().st_size
        with archive.open("rb") as stream, tarfile.open(fileobj=stream, mode="r:gz") as tar:
            for member in tar:
                self.progress(stage, stream.tell() / size)
                source = tar.extractfile(member) if member.isfile() and wanted(member.name) else None
                if source:
                    file = destination / member.name
                    file.parent.mkdir(parents=True, exist_ok=True)
                    with source, file.open("wb") as sink:
                        shutil.copyfileobj(source, sink)


def failure(stage: str, output: str, advice: str) -> LeanInstallError:
    """The error of a stage that failed: what, the ends of its output, what to do next."""
    lines = [line[:_SHOWN_COLUMNS] for line in output.splitlines() if line.strip()]
    if len(lines) > _SHOWN_FIRST + _SHOWN_LAST:
        lines = [*lines[:_SHOWN_FIRST], "…", *lines[-_SHOWN_LAST:]]
    shown = textwrap.indent("\n".join(lines) or "(no output)", "  ")
    return LeanInstallError(
        f"The WebAssembly Lean was not installed; this step failed: {stage}.\n{shown}\n{advice}"
    )


def _ended(process: subprocess.Popen[bytes]) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(_POLL_SECONDS)
        return True
    return False


def _bytes_under(folder: Path) -> int:
    return sum(_sizes(folder))


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # the command moves its files about
            yield path.lstat().st_size
