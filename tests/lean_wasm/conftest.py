"""The WebAssembly Lean of this machine, installed on first use, and a project to use it in."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .lsp_client import LspClient

SOURCES = Path(__file__).parent / "sources"

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Serve = Callable[[], LspClient]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project").resolve()
    for file in SOURCES.glob("*.lean"):
        shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="module")
def run(lean: Path, project: Path) -> Run:
    """Runs `lean` in the project, whose folder is on its search path."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [lean, *arguments],
            cwd=project,
            input=stdin,
            env={**os.environ, "LEAN_PATH": str(project)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def serve(lean: Path, project: Path) -> Serve:
    """Starts a server without Lean's delay of reports; its worker only knows if told by the server."""
    return lambda: LspClient([str(lean), "--server", "-Dserver.reportDelayMs=0"], project)
