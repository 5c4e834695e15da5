"""Owns the WebAssembly Lean of this machine: where it is, whether it is whole, putting it there.

It lives in one folder of the cache.  A new one is made beside it and takes its place by
rename; a lock keeps two installations apart.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from llmstep_lsp.adapters.lean import wasm_manifest, wasm_parts
from llmstep_lsp.adapters.lean.wasm_workshop import Progress, Workshop
from llmstep_lsp.cache import cache_root
from llmstep_lsp.errors import LeanInstallError

if sys.platform != "win32":
    import fcntl


@dataclass(frozen=True)
class Installation:
    """`lean` is the command; `fresh` tells that this call made it."""

    lean: Path
    fresh: bool


def home() -> Path:
    """The folder that holds the installation, if there is one."""
    return cache_root() / "lean-wasm"


def installed_lean() -> Path | None:
    """The installed `lean` command.  Looks for the manifest, which is written last, and no further."""
    return home() / "bin/lean" if (home() / wasm_manifest.MANIFEST).is_file() else None


def install(progress: Progress, *, force: bool = False) -> Installation:
    """Install, or check what is installed and repair or renew it; `force` installs in any case.

    Raises:
        LeanInstallError: it failed, and what was there before is still there.
    """
    target = home()
    with _alone(target, progress) as lock:
        if target.exists() and not force:
            progress("Checking the installation", None)
            problem = wasm_manifest.problem(target, wasm_parts.fingerprint())
            if problem is None:
                return Installation(target / "bin/lean", fresh=False)
            progress(f"Installing again, since {problem}", None)
        staging = _staging(target)
        staging.mkdir()
        new = staging / "new"
        wasm_parts.build(Workshop(staging, progress, lock), new)
        progress("Recording checksums", None)
        wasm_manifest.record(new, wasm_parts.fingerprint())
        if target.exists():
            target.rename(_replaced(target))
        new.rename(target)
    return Installation(target / "bin/lean", fresh=True)


def uninstall() -> bool:
    """Remove the installation; False if there was none.

    Raises:
        LeanInstallError: it cannot be removed.
    """
    target = home()
    with _alone(target, lambda _stage, _done: None):
        if not target.exists():
            return False
        target.rename(_staging(target))
    return True


@contextmanager
def _alone(target: Path, progress: Progress) -> Iterator[int]:
    """Hold the lock, with nothing half-done beside `target` before and after; yields its descriptor."""
    if sys.platform == "win32":
        raise LeanInstallError("The WebAssembly Lean does not run on Windows; install native Lean with elan.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.with_name(f"{target.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress("Waiting for another installation to end", None)
                fcntl.flock(lock, fcntl.LOCK_EX)
            _tidy(target)
            try:
                yield lock.fileno()
            finally:
                _tidy(target)
    except OSError as error:
        raise LeanInstallError(
            f"The WebAssembly Lean in {target} cannot be changed: {error}.\n"
            "Check that the disk has 1 GB to spare and that the folder is yours, or let LLMSTEP_CACHE_DIR "
            "name another one."
        ) from error


def _tidy(target: Path) -> None:
    """Undo whatever an interrupted run left behind."""
    if _replaced(target).exists() and not target.exists():
        _replaced(target).rename(target)
    for leftover in (_replaced(target), _staging(target)):
        if leftover.exists():
            shutil.rmtree(leftover)


def _staging(target: Path) -> Path:
    return target.with_name(f"{target.name}.staging")


def _replaced(target: Path) -> Path:
    return target.with_name(f"{target.name}.replaced")
