"""What a person is told in VS Code when something is missing or broken: one message, and one thing to do."""

import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.processes import processes_with
from tests.editors.vscode.conftest import SERVER, Start
from tests.editors.vscode.workbench import Workbench

pytestmark = [pytest.mark.lean, pytest.mark.editor]

PYTHON = Path(sys._base_executable)  # type: ignore[attr-defined]
MARK = "LLMSTEP_TEST=set-ups"
CONSENT = "Install llmstep-lsp, which looks for proof steps?"
RUNS = re.compile(r"^(sparkle|sync~spin)  llmstep, llmstep-lsp 0\.1\.0: ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proofs").resolve()
    (folder / "A.lean").write_text("theorem t : 2 + 2 = 4 := by\n  \n")
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a person who has no program at all."""
    return person(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def workbench(start: Start, folder: Path, bare: dict[str, str]) -> Iterator[Workbench]:
    with start(folder, environment=bare, llmstep__server__path="/nowhere/llmstep-lsp") as workbench:
        workbench.open("A.lean")
        yield workbench


def person(home: Path) -> dict[str, str]:
    """The variables of a person whose programs are those in `home`/bin."""
    (home / "bin").mkdir()
    (home / ".profile").write_text(f"PATH={home}/bin\n")  # VS Code asks a login shell
    name, value = MARK.split("=")
    return {"HOME": str(home), "PATH": f"{home}/bin", "LLMSTEP_CACHE_DIR": f"{home}/cache", name: value}


def ready(workbench: Workbench, **settings: str) -> None:
    """Set `settings` besides the server, which then runs, and put the cursor where a step is missing."""
    workbench.set(llmstep__server__path=SERVER, **settings)
    workbench.open("A.lean")
    expect(workbench.status).to_have_attribute("aria-label", RUNS)
    workbench.go_to(2, 3)


def told(workbench: Workbench, message: str, step: str) -> None:
    """`message` is shown, with one button, `step`."""
    shown = workbench.notification(message)
    expect(shown).to_be_visible()
    expect(shown.locator(".monaco-button")).to_have_text([step])
    shown.hover()
    shown.get_by_role("button", name="Clear Notification").click()


def agree(workbench: Workbench, how: str = "Install") -> None:
    """It is asked before anything is installed; say yes."""
    workbench.notification(CONSENT).get_by_role("button", name=how, exact=True).click()


def servers() -> list[int]:
    """The processes of our server."""
    return [pid for pid, command in processes_with(MARK).items() if "--stdio" in command]


def test_a_setting_that_names_nothing(workbench: Workbench) -> None:
    message = "llmstep: The setting llmstep.server.path names /nowhere/llmstep-lsp, which is no program."
    told(workbench, message, "Open Settings")


def test_a_python_without_the_server(workbench: Workbench) -> None:
    workbench.set(llmstep__server__path=str(PYTHON))
    workbench.open("A.lean")
    told(workbench, f"llmstep: {PYTHON} cannot run: {PYTHON}: No module named llmstep_lsp.", "Install")


def test_a_server_of_another_version(workbench: Workbench, tmp_path: Path) -> None:
    old = tmp_path / "llmstep-lsp"
    old.write_text(
        f"#!{sys.executable}\n"
        "import llmstep_lsp\n"
        "llmstep_lsp.__version__ = '0.0.9'\n"
        "from llmstep_lsp.__main__ import main\n"
        "main()\n"
    )
    old.chmod(0o755)
    workbench.set(llmstep__server__path=str(old))
    workbench.open("A.lean")
    told(workbench, f"llmstep: {old} is llmstep-lsp 0.0.9, but this extension needs 0.1.", "Install")


def test_a_lean_that_is_none(workbench: Workbench) -> None:
    ready(workbench, llmstep__lean="/nowhere/lean")
    workbench.run("llmstep: Search for a Whole Proof Here")
    message = "llmstep: /nowhere/lean was chosen as the Lean to use, but is neither"
    told(workbench, message, "Open Settings")


def test_a_lean_that_ends(workbench: Workbench) -> None:
    ready(workbench, llmstep__lean="/bin/false")
    workbench.run("Quick Fix...")
    told(workbench, "llmstep: Lean (`/bin/false --server", "Show Log")


def test_no_lean(workbench: Workbench) -> None:
    ready(workbench)
    workbench.run("Quick Fix...")
    told(workbench, "llmstep: No Lean found for ", "Install a Lean (WebAssembly)")
    workbench.run("llmstep: Suggest Steps Here")
    told(workbench, "llmstep: No Lean found for ", "Install a Lean (WebAssembly)")


def test_a_server_that_crashes(workbench: Workbench) -> None:
    workbench.set(llmstep__server__path=SERVER)
    workbench.open("A.lean")
    for _ in range(3):
        expect(workbench.status).to_have_attribute("aria-label", RUNS)
        (server,) = servers()
        os.kill(server, signal.SIGKILL)
        expect(workbench.status).not_to_have_attribute("aria-label", RUNS)
    told(
        workbench, "llmstep: llmstep-lsp ended three times within a minute. The log may say why.", "Show Log"
    )


def test_nothing_is_installed_and_there_is_no_python(
    start: Start, folder: Path, bare: dict[str, str]
) -> None:
    with start(folder, environment=bare) as workbench:
        workbench.open("A.lean")
        expect(workbench.notification(CONSENT)).to_be_visible()
        workbench.picture("consent")
        agree(workbench)
        told(
            workbench,
            "llmstep: Python 3.11 or later, with venv, was not found. Get it, then install",
            "Get Python",
        )

        # With a Python, it is installed, and started.
        (Path(bare["PATH"]) / "python3").symlink_to(PYTHON)
        workbench.run("llmstep: Install llmstep-lsp")
        agree(workbench)
        expect(workbench.notification("llmstep: installing llmstep-lsp")).to_be_visible()
        expect(workbench.status).to_have_attribute("aria-label", RUNS, timeout=250_000)


@pytest.mark.parametrize("tool", ["uv", "pipx"])
def test_it_is_installed_with_the_tool_of_the_person(
    start: Start, folder: Path, tmp_path: Path, tool: str
) -> None:
    environment = person(tmp_path)
    for name, program in (("python3", PYTHON), (tool, Path(sys.executable).with_name(tool))):
        (Path(environment["PATH"]) / name).symlink_to(program)
    with start(folder, environment=environment) as workbench:
        workbench.open("A.lean")
        agree(workbench, f"Install with {tool}")
        expect(workbench.status).to_have_attribute("aria-label", RUNS, timeout=250_000)
    assert (tmp_path / ".local/bin/llmstep-lsp").exists()
