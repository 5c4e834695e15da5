"""Owns the compiled Lean package `LLMStep`: one copy a toolchain, in our cache.

Compiled modules fit one build of Lean, so a copy's folder is named after what that Lean says of
itself and after those of our sources that it is compiled from.  A copy is made elsewhere and renamed
into its place; whoever comes second finds it there.  What does not compile is not tried again.
"""

import asyncio
import hashlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llmstep_lsp.adapters.lean.command import run
from llmstep_lsp.adapters.lean.hook import MODULE
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.cache import cache_root
from llmstep_lsp.errors import LeanHookError

_log = logging.getLogger(__name__)

_IMPORT = re.compile(r"^import (LLMStep\.\w+)$", re.MULTILINE)
_SHOWN_LINES = 5
# What is unfinished for longer was given up.
_SECONDS_TO_COMPILE = 600.0


class HookLibrary:
    """Compiles a module of the package and what it imports when it is asked for, for each Lean once."""

    def __init__(self, module: str = MODULE) -> None:
        self._module = module
        self._folders: dict[tuple[str, ...], asyncio.Task[Path]] = {}

    async def folder(self, toolchain: Toolchain) -> Path:
        """The folder to put on Lean's search path; compiles the module if it is not there.

        Raises:
            LeanHookError: it cannot be had for this Lean.
        """
        if toolchain.lean not in self._folders:
            self._folders[toolchain.lean] = asyncio.create_task(_folder(toolchain, self._module))
        # Whoever waits may leave; the others still want it.
        return await asyncio.shield(self._folders[toolchain.lean])

    async def aclose(self) -> None:
        """Stop compiling."""
        for folder in self._folders.values():
            folder.cancel()
        await asyncio.gather(*self._folders.values(), return_exceptions=True)
        self._folders.clear()


@dataclass(frozen=True)
class HookState:
    """Whether the package is there for a Lean; `detail` says for a person where it is, or why it is not."""

    state: Literal["compiled", "being compiled", "not compiled", "failed"]
    detail: str


async def hook_state(toolchain: Toolchain) -> HookState:
    """Whether the package is there for this Lean; compiles nothing."""
    try:
        copy = await _find(toolchain, MODULE)
    except LeanHookError as error:
        return HookState("failed", str(error))
    if copy.folder.is_dir():
        return HookState("compiled", f"LLMStep, our Lean package, in {copy.folder}")
    if any(
        time.time() - at.stat().st_mtime < _SECONDS_TO_COMPILE
        for at in copy.folder.parent.glob("unfinished-*")
    ):
        return HookState(
            "being compiled", f"LLMStep, our Lean package, is being compiled into {copy.folder}."
        )
    return HookState("not compiled", "LLMStep, our Lean package, has not been compiled for this Lean yet.")


async def hook_status(toolchain: Toolchain) -> str:
    """A sentence for a person: how candidates are judged by this Lean."""
    found = await hook_state(toolchain)
    if found.state == "compiled":
        return found.detail
    if found.state == "failed":
        return f"Lean's diagnostics. {found.detail}"
    return "Lean's diagnostics; the first question compiles LLMStep, our Lean package, which is faster"


@dataclass(frozen=True)
class _Copy:
    """Where `modules`, compiled by `lean`, belong, and where it is noted that they do not compile."""

    lean: Path
    modules: tuple[str, ...]
    folder: Path

    @property
    def failure(self) -> Path:
        return self.folder.with_suffix(".failed")


async def _folder(toolchain: Toolchain, module: str) -> Path:
    copy = await _find(toolchain, module)
    if not copy.folder.is_dir():
        _log.info("compiling LLMStep, our Lean package, into %s", copy.folder)
        try:
            await _compile(copy)
        except OSError as error:
            raise LeanHookError(
                f"LLMStep cannot be written to {copy.folder.parent}: {error.strerror}. Make room there, "
                "or let LLMSTEP_CACHE_DIR name another folder."
            ) from error
    return copy.folder


async def _find(toolchain: Toolchain, module: str) -> _Copy:
    """Where `module` is, or would be, for this Lean.

    Raises:
        LeanHookError: it was tried before, and is nowhere.
    """
    # Lake and elan start some Lean; the one that they start compiles without their environment.
    prefix = (await _output([*toolchain.lean, "--print-prefix"], toolchain.root)).strip()
    lean = Path(prefix) / "bin/lean"
    digest = hashlib.sha256((await _output([str(lean), "--version"], toolchain.root)).encode())
    root = _sources().parent
    modules = tuple(_in_order(root, module))
    for name in modules:
        digest.update(_file(root, name).read_bytes())
    copy = _Copy(lean, modules, cache_root() / "hook" / digest.hexdigest()[:24])
    if copy.failure.is_file():
        raise LeanHookError(
            f"LLMStep does not compile with this Lean. Remove {copy.failure} to have it tried again. "
            f"Lean said: {copy.failure.read_text()}"
        )
    return copy


async def _compile(copy: _Copy) -> None:
    copy.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=copy.folder.parent, prefix="unfinished-") as folder:
        staging = Path(folder) / "package"
        shutil.copytree(_sources(), staging / "LLMStep")
        for module in copy.modules:
            path = module.replace(".", "/")
            command = [str(copy.lean), "-R", ".", f"{path}.lean", "-o", f"{path}.olean"]
            environment = {**os.environ, "LEAN_PATH": str(staging)}
            code, printed, errors = await _run(command, staging, environment)
            if code != 0:
                said = "\n".join((printed + errors).strip().split("\n")[:_SHOWN_LINES])
                if code > 0:  # ended by a signal it says nothing about the package
                    copy.failure.write_text(said)
                raise LeanHookError(f"LLMStep does not compile with this Lean ({module}): {said}")
        try:
            staging.rename(copy.folder)
        except OSError:
            if not copy.folder.is_dir():  # if it is, somebody else was faster
                raise


def _in_order(root: Path, module: str) -> list[str]:
    """`module` behind all that it imports of the package in `root`."""
    found: list[str] = []
    for imported in _IMPORT.findall(_file(root, module).read_text()):
        found += [name for name in _in_order(root, imported) if name not in found]
    return [*found, module]


def _file(root: Path, module: str) -> Path:
    return root / f"{module.replace('.', '/')}.lean"


def _sources() -> Path:
    """The package: beside this module in a wheel, in `lean/` of a source checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "LLMStep", here.parents[2] / "lean/LLMStep"):
        if folder.is_dir():
            return folder
    raise LeanHookError("This installation of llmstep-lsp is incomplete (no LLMStep); install it again.")


async def _output(command: Sequence[str], folder: Path) -> str:
    code, printed, errors = await _run(command, folder)
    if code != 0:
        said = f": {errors.strip()}" if errors.strip() else "."
        raise LeanHookError(f"`{' '.join(command)}` ended with exit code {code}{said}")
    return printed


async def _run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """The exit code of a command, and what it printed; it ends when the caller is cancelled."""
    try:
        return await run(command, folder, environment)
    except OSError as error:
        raise LeanHookError(f"{command[0]} cannot be run: {error.strerror}.") from error
