"""Owns which Lean a file gets, and why.

First what the person chose, then what the project asks for, then what is on the PATH, and
last the WebAssembly Lean that `llmstep-lsp lean install` puts into our cache.
"""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llmstep_lsp.adapters.lean import wasm
from llmstep_lsp.errors import LeanNotFoundError

# Lean holds progress and diagnostics back for 200 ms unless told otherwise; its watchdog
# hands the option on to its workers.
_NO_DELAY = "-Dserver.reportDelayMs=0"
# Lean 4.8 brought the option; an older Lean ends when it is given one that it does not know.
_FIRST_MINOR_WITH_DELAY = 8


@dataclass(frozen=True)
class Toolchain:
    """`lean` before arguments runs `lean`; `server` starts the language server on standard streams.

    Both are run in `root`: the root of the Lake project, or else the folder of the file.
    `reason` is a sentence for a person.
    """

    source: Literal["setting", "lake", "elan", "path", "webassembly"]
    lean: tuple[str, ...]
    server: tuple[str, ...]
    root: Path
    reason: str

    @property
    def lake(self) -> tuple[str, ...]:
        """What runs Lake in the project, before arguments; empty where Lake does not run Lean."""
        return self.lean[:2] if self.lean[2:3] == ("env",) else ()

    @property
    def identity(self) -> str:
        """What tells it from other Leans: how it is run, where, and what is asked for there."""
        return " ".join((*self.server, "in", str(self.root), _pin(self.root)))


def find_toolchain(file: Path, explicit: str | None) -> Toolchain:
    """The Lean for a file (or for files in a folder); `explicit` is what the person chose, if anything.

    Raises:
        LeanNotFoundError: there is none, or what the person chose is none.
    """
    file = file.absolute()
    folder = file if file.is_dir() else file.parent
    project = project_of(folder)
    if explicit:
        return _chosen(explicit, folder, project)
    lake = _command("lake")
    if project and lake:
        reason = f"The file belongs to the Lake project {project}, whose Lean is started by {lake}."
        return Toolchain("lake", *_by_lake(lake, project, "lean", _pin(project)), project, reason)

    root = project or folder
    note = _without_lake("none was found") if project else ""
    pinned, elan, lean = _nearest(folder, "lean-toolchain"), _command("elan"), _command("lean")
    if pinned and elan:
        pin = _pin(pinned)
        reason = f"{pinned / 'lean-toolchain'} asks for {pin}, which is started by {elan}.{note}"
        return Toolchain("elan", *_directly((elan, "run", "--install", pin, "lean"), pin), root, reason)
    if lean:
        return Toolchain(
            "path", *_directly((lean,), lean), root, f"{lean} is the `lean` of this machine.{note}"
        )
    installed = wasm.installed_lean()
    if installed:
        reason = (
            f"There is no native Lean, so the WebAssembly Lean in {wasm.home()} is used.{note}"
            " Native Lean, installed by elan, is faster."
        )
        return Toolchain("webassembly", *_directly((str(installed),)), root, reason)
    raise LeanNotFoundError(
        f"No Lean found for {file}. Install native Lean with elan, or a WebAssembly Lean (540 MB) by "
        "`llmstep-lsp lean install`; or name a `lean` in the setting `lean`, in LLMSTEP_LEAN or by --lean."
    )


def _chosen(explicit: str, folder: Path, project: Path | None) -> Toolchain:
    path = Path(explicit).expanduser().absolute()
    lean = path / "bin/lean" if path.is_dir() else path
    if not _is_executable(lean):
        raise LeanNotFoundError(
            f"{explicit} was chosen as the Lean to use, but is neither a `lean` that can be run nor a "
            "toolchain folder with one at bin/lean. Correct the setting `lean`, LLMSTEP_LEAN or --lean, "
            "or remove it."
        )
    lake = lean.with_name("lake")
    version = str(lean.resolve())  # elan's folders are named after versions
    reason = f"{lean} was chosen explicitly."
    if project and _is_executable(lake):
        reason += f" The file belongs to the Lake project {project}, served by the `lake` beside it."
        return Toolchain("setting", *_by_lake(str(lake), project, str(lean), version), project, reason)
    reason += _without_lake("none is beside it") if project else ""
    return Toolchain("setting", *_directly((str(lean),), version), project or folder, reason)


def project_of(folder: Path) -> Path | None:
    """The root of the Lake project that a folder belongs to."""
    return _nearest(folder, "lakefile.lean", "lakefile.toml")


_Command = tuple[str, ...]


def _by_lake(lake: str, project: Path, lean: str, version: str) -> tuple[_Command, _Command]:
    """Commands that run `lean` and the server in the environment of a Lake project."""
    # With `--dir`, `lean` runs in any folder, so that relative paths keep their meaning.
    return (lake, f"--dir={project}", "env", lean), (lake, "serve", "--", *_options(version))


def _directly(lean: _Command, version: str = "") -> tuple[_Command, _Command]:
    """Commands that run `lean` and the server without Lake."""
    return lean, (*lean, "--server", *_options(version))


def _without_lake(why: str) -> str:
    return f" The dependencies of the file's Lake project are not on its path: that takes `lake`, and {why}."


def _options(version: str) -> tuple[str, ...]:
    """Options of the server; `version` is any text that may tell the version of Lean, as `v4.28.0` does."""
    found = re.search(r"\bv?4\.(\d+)\.", version)
    return (_NO_DELAY,) if found is None or int(found[1]) >= _FIRST_MINOR_WITH_DELAY else ()


def _nearest(folder: Path, *names: str) -> Path | None:
    """The folder or the nearest one above it that has a file of one of these names."""
    return next(
        (at for at in (folder, *folder.parents) if any((at / name).is_file() for name in names)), None
    )


def _pin(folder: Path) -> str:
    """What `lean-toolchain` in or above a folder asks for; empty without one."""
    at = _nearest(folder, "lean-toolchain")
    return (at / "lean-toolchain").read_text().strip() if at else ""


def _command(name: str) -> str | None:
    """A command on the PATH or in elan's folder, which editors often do not have on theirs."""
    elan = Path(os.environ.get("ELAN_HOME") or Path.home() / ".elan") / "bin"
    return shutil.which(name) or shutil.which(name, path=elan)


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
