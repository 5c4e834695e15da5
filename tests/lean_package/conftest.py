"""The compiled package and a server that finds it."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.lean_wasm.lsp_client import LspClient

PACKAGE = Path(__file__).parent.parent.parent / "lean"
MODULES = (
    *("LLMStep/Protocol", "LLMStep/Guard", "LLMStep/Check", "LLMStep/Retrieve"),
    *("LLMStep/Rpc", "LLMStep/Extract", "LLMStep/Tactic", "LLMStep"),
)
VERSION = 1

Compile = Callable[..., str]


@dataclass
class Document:
    """A document that imports the package, and an RPC session with it."""

    client: LspClient
    uri: str
    session: Any

    def start(self, method: str, line: int, column: int, **params: Any) -> int:
        where = self.client.at(self.uri, line, column)
        full = {"version": VERSION, "pos": where["position"], **params}
        self.client.notify("$/lean/rpc/keepAlive", {"uri": self.uri, "sessionId": self.session})
        return self.client.start_call(where, self.session, f"LLMStep.{method}", full)

    def state(self, line: int, column: int = 2, **params: Any) -> Any:
        return self.client.answer(self.start("proofState", line, column, **params))

    def start_check(self, line: int, *candidates: str, milliseconds: int = 2000, **params: Any) -> int:
        limits = {"maxHeartbeats": 20000, "maxMilliseconds": milliseconds}
        return self.start("check", line, 2, **{"candidates": candidates, **limits, **params})

    def check(self, line: int, *candidates: str, **params: Any) -> Any:
        answer = self.client.answer(self.start_check(line, *candidates, **params))
        assert answer["version"] == VERSION
        return answer["verdicts"]

    def lemmas(self, line: int, count: int = 16, milliseconds: int = 30_000, **params: Any) -> Any:
        limits = {"count": count, "maxMilliseconds": milliseconds}
        answer = self.client.answer(self.start("lemmas", line, 2, **limits, **params))
        assert answer["version"] == VERSION
        return answer["lemmas"]


Open = Callable[[str, str], Document]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package."""
    folder = tmp_path_factory.mktemp("package").resolve() / "lean"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("wasm"))
    return folder


@pytest.fixture(scope="session")
def compile_module(lean: Path, project: Path) -> Compile:
    """Compiles a module of the package, under the options of its lakefile, and returns what Lean says."""

    @cache
    def compile_module(module: str) -> str:
        done = subprocess.run(
            [lean, "-Dlinter.missingDocs=true", f"{module}.lean", "-o", f"{module}.olean"],
            cwd=project,
            env={**os.environ, "LEAN_PATH": str(project)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return compile_module


@pytest.fixture(scope="session")
def compiled(compile_module: Compile) -> str:
    """What Lean says while it compiles the package."""
    return "".join(compile_module(module) for module in MODULES)


@pytest.fixture(scope="module")
def client(lean: Path, project: Path, compiled: str) -> Iterator[LspClient]:
    with LspClient([str(lean), "--server", "-Dserver.reportDelayMs=0"], project) as client:
        client.initialize()
        yield client
        assert client.close() == 0


@pytest.fixture(scope="module")
def open_document(client: LspClient, project: Path) -> Open:
    def open_document(name: str, text: str) -> Document:
        uri = client.open(project / name, f"import LLMStep\n{text}")
        client.diagnostics(uri)
        return Document(client, uri, client.connect(uri))

    return open_document
