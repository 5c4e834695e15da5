"""Beside the extension of Lean 4, its Lean judges the steps: none of ours is started."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.e2e.processes import processes_with
from tests.editors.vscode.conftest import SERVER, Start
from tests.editors.vscode.workbench import SECONDS, Workbench

pytestmark = [pytest.mark.lean, pytest.mark.editor]

SWAP = "theorem swap (p q : Prop) (hp : p) (hq : q) : q ∧ p := by\n"
MARK = "LLMSTEP_TEST=beside lean4"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proofs").resolve()
    (folder / "A.lean").write_text(f"{SWAP}  exact\n")
    return folder


@pytest.fixture(scope="module")
def workbench(start: Start, folder: Path, real_lean: Toolchain) -> Iterator[Workbench]:
    name, value = MARK.split("=")
    ours = {"llmstep__server__path": SERVER, "llmstep__logLevel": "debug"}
    theirs = {"lean4Server": [*real_lean.server]}
    with start(folder, beside_lean4=True, environment={name: value}, **ours, **theirs) as workbench:
        yield workbench


def leans() -> int:
    """How many Lean servers run in the window: the processes of `lean --server` that start workers."""
    commands = [command.split() for command in processes_with(MARK).values()]
    return sum("--server" in command for command in commands)


def test_the_lean_of_the_other_extension_judges(workbench: Workbench, folder: Path) -> None:
    workbench.open("A.lean")
    with workbench.pictured("beside"):
        workbench.go_to(2, 8)
        # What Lean says of the person's file is shown, and nothing about ours.
        expect(workbench.page.locator(".squiggly-error").first).to_be_visible()
        assert workbench.code_actions() == ["llmstep: 🎉 exact ⟨hq, hp⟩"]
    assert leans() == 1
    workbench.press("Escape")
    problems = workbench.page.locator(".statusbar-item#status\\.problems")
    assert problems.inner_text().split() == ["1", "0"]


def test_that_its_lean_does_not_have_our_package_is_logged(logs: Path) -> None:
    log = logs / "llmstep-lsp.log"
    deadline = time.monotonic() + SECONDS
    while "which is slower: Lean does not find LLMStep, our Lean package; " not in (said := log.read_text()):
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


def test_the_step_is_inserted_after_its_lean_was_restarted(workbench: Workbench, folder: Path) -> None:
    workbench.run("lean4 stand-in: Restart Lean")
    workbench.go_to(2, 8)
    assert workbench.code_actions() == ["llmstep: 🎉 exact ⟨hq, hp⟩"]
    workbench.actions.first.click()
    workbench.save()
    assert (folder / "A.lean").read_text() == f"{SWAP}  exact ⟨hq, hp⟩\n"
    assert leans() == 1
    expect(workbench.page.locator(".squiggly-error")).to_have_count(0)
