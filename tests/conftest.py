"""What tests of several rooms share: a real Lean, a tiny model, and logs that are not the person's own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from llmstep_lsp.adapters.lean import wasm
from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.toolchain import Toolchain, find_toolchain
from llmstep_lsp.edge.cli import main
from llmstep_lsp.errors import LeanNotFoundError
from tests.sharing import locked, made_once, shared

QUICK = {"unit", "service"}
# What starts the names of files, by what they share.
SHARING = {
    "the server of an editor": tuple(
        f"tests/e2e/test_{what}.py" for what in ("code_actions", "commands", "completions", "freshness")
    ),
    "the compiled package": ("tests/lean_package/",),
}
# Threads that wait for each other beside busy Leans take a hundred times as long.
os.environ["OMP_NUM_THREADS"] = "1"


class Files(LoadFileScheduling):  # type: ignore[misc]  # it is not typed
    """A file is for one process, and files that share what takes long are for the same one."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return next((what for what, files in SHARING.items() if file.startswith(files)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Files | None:
    """How `--dist loadfile` distributes tests."""
    return Files(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is quick comes last, so that no process is left alone with what is long."""
    items.sort(key=lambda item: item.path.parent.name in QUICK)


@pytest.fixture(scope="session", autouse=True)
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the log files of all servers that the tests start."""
    folder = tmp_path_factory.mktemp("logs")
    os.environ["LLMSTEP_GENERATORS"] = "symbolic"  # what a model proposes is not known beforehand
    os.environ["LLMSTEP_LOG_FILE"] = str(folder / "llmstep-lsp.log")
    os.environ["LLMSTEP_ACCEPT_LOG_FILE"] = str(folder / "accepted.jsonl")
    return folder


Here = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Runs the command line in this process, where it need not be loaded again."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        full = ["llmstep-lsp", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", full)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(full, ended.value.code, printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def lean() -> Path:
    """The `lean` of the WebAssembly Lean, installed or repaired on first use."""
    return wasm.install(lambda stage, done: print(stage) if not done else None).lean  # noqa: T201


@pytest.fixture(scope="session")
def real_lean(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    """The Lean that users of this machine get, with our package compiled for it.

    The WebAssembly one is installed if there is none.
    """
    folder = tmp_path_factory.mktemp("lean")
    try:
        toolchain = find_toolchain(folder, None)
    except LeanNotFoundError:
        request.getfixturevalue("lean")
        toolchain = find_toolchain(folder, None)
    # Else each process that asks this Lean first would compile our package for itself.  In a thread,
    # as this may be asked for in the middle of an event loop.
    with locked(shared(tmp_path_factory) / "hook"), ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(asyncio.run, HookLibrary().folder(toolchain)).result()
    return toolchain


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a model that knows some steps by heart."""
    from tests.tiny_model import save_trained  # noqa: PLC0415  # needs torch

    return made_once(tmp_path_factory, "trained", lambda folder: save_trained(folder, context=512))


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> Path:
    """The same model for CTranslate2, in which a worker is soonest ready."""
    from llmstep_lsp.worker.conversion import convert  # noqa: PLC0415  # needs torch

    return made_once(tmp_path_factory, "converted", lambda folder: convert(str(trained), folder, "float32"))


@pytest.fixture(scope="session")
def lean_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for Lean files that belongs to no project."""
    return tmp_path_factory.mktemp("files").resolve()
