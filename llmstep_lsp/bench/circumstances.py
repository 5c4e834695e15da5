"""Owns what figures depend on besides what is measured: the machine, versions, and the source."""

import os
import platform
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.bench.lsp import is_webassembly, lean_version

_PACKAGE = Path(__file__).resolve().parent.parent
# Heavy ones are looked up and not imported.
_LIBRARIES = ("llmstep-lsp", "pygls", "lsprotocol", "ctranslate2", "transformers", "torch", "vllm")


@dataclass(frozen=True)
class Machine:
    """A machine; `memory` is in GiB."""

    cpu: str
    cores: int
    memory: float
    system: str


@dataclass(frozen=True)
class Source:
    """The git commit that this package is run from, and whether files are `changed` since then."""

    commit: str
    changed: bool


@dataclass(frozen=True)
class Circumstances:
    """What a report names; `versions` are those of Python and of what is installed of our libraries.

    `source` is None where the package is not run from a git checkout; `date` is in UTC.
    """

    machine: Machine
    lean: str
    webassembly: bool
    versions: dict[str, str]
    source: Source | None
    date: str
    command: str


def circumstances_of(toolchain: Toolchain, arguments: Sequence[str]) -> Circumstances:
    """Those of now, for the command line with these `arguments`.

    Raises:
        LeanGoneError: Lean does not tell its version.
    """
    lean = lean_version(toolchain)
    return Circumstances(
        machine=_machine(),
        lean=lean,
        webassembly=is_webassembly(lean),
        versions=_versions(),
        source=_source(_PACKAGE),
        date=now(),
        command=shlex.join(["llmstep-lsp", *arguments]),
    )


def now() -> str:
    """The time, in UTC and to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _machine() -> Machine:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Machine(_cpu(), os.cpu_count() or 1, round(memory, 1), platform.platform(terse=True))


def _cpu() -> str:
    """The name of the processor, or at least of its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = [_said("sysctl", "-n", "machdep.cpu.brand_string") or ""]  # macOS
    return next(filter(None, [*names, platform.processor()]), platform.machine())


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _source(package: Path) -> Source | None:
    folder = package.parent
    top = _said("git", "-C", str(folder), "rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != folder:
        return None  # none, or that of a project that it is installed in
    if not (commit := _said("git", "-C", str(folder), "rev-parse", "HEAD")):
        return None  # nothing has been committed
    # Not the whole checkout: the report may be written into it.
    ours = (str(package), str(folder / "lean"))
    return Source(commit, changed=_said("git", "-C", str(folder), "status", "--porcelain", "--", *ours) != "")


def _said(*command: str) -> str | None:
    """What a command prints; None if it fails or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
