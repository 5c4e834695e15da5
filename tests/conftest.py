"""What tests of several rooms share: a real Lean, and logs that are not the person's own."""

import os
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean import wasm
from llmstep_lsp.adapters.lean.toolchain import Toolchain, find_toolchain
from llmstep_lsp.errors import LeanNotFoundError

# Threads that wait for each other beside busy Leans take a hundred times as long.
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session", autouse=True)
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the log files of all servers that the tests start."""
    folder = tmp_path_factory.mktemp("logs")
    os.environ["LLMSTEP_GENERATORS"] = "symbolic"  # what a model proposes is not known beforehand
    os.environ["LLMSTEP_LOG_FILE"] = str(folder / "llmstep-lsp.log")
    os.environ["LLMSTEP_ACCEPT_LOG_FILE"] = str(folder / "accepted.jsonl")
    return folder


@pytest.fixture(scope="session")
def lean() -> Path:
    """The `lean` of the WebAssembly Lean, installed or repaired on first use."""
    return wasm.install(lambda stage, done: print(stage) if not done else None).lean  # noqa: T201


@pytest.fixture(scope="session")
def real_lean(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    """The Lean that users of this machine get; the WebAssembly one is installed if there is none."""
    folder = tmp_path_factory.mktemp("lean")
    try:
        return find_toolchain(folder, None)
    except LeanNotFoundError:
        request.getfixturevalue("lean")
        return find_toolchain(folder, None)


@pytest.fixture(scope="session")
def lean_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for Lean files that belongs to no project."""
    return tmp_path_factory.mktemp("files").resolve()
