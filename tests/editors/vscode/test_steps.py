"""A person takes steps in VS Code: by the light bulb, from the list, by a search; Lean then accepts the file."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from llmstep_lsp import __version__
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.editors.vscode.conftest import EXTENSION, SERVER, Start
from tests.editors.vscode.workbench import Workbench

pytestmark = [pytest.mark.lean, pytest.mark.editor]

SWAP = "theorem swap (p q : Prop) (hp : p) (hq : q) : q ∧ p := by\n"
LAST = ("Restart llmstep-lsp", "Settings")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proofs").resolve()
    (folder / "Bulb.lean").write_text(f"{SWAP}  exact\n")
    (folder / "List.lean").write_text(f"{SWAP}  cons\n  exact hq\n  exact hp\n")
    (folder / "Prefix.lean").write_text(f"{SWAP}  \n")
    for name in ("Ghost5.lean", "Ghost6.lean"):
        (folder / name).write_text(f"{SWAP}  \n")
    (folder / "Hard.lean").write_text(
        "theorem h (a b c n : Nat) (h : n > 2) : a ^ n + b ^ n ≠ c ^ n := by\n  \n"
    )
    (folder / "Search.lean").write_text("theorem s (p q r : Prop) (h : p ∧ q ∧ r) : r ∧ q ∧ p := by\n  \n")
    return folder


@pytest.fixture(scope="module")
def workbench(start: Start, folder: Path) -> Iterator[Workbench]:
    with start(folder, llmstep__server__path=SERVER) as workbench:
        yield workbench


def test_a_click_on_the_light_bulb(workbench: Workbench, folder: Path, real_lean: Toolchain) -> None:
    workbench.open("Bulb.lean")
    with workbench.pictured("lightbulb"):
        workbench.go_to(2, 8)
        expect(workbench.lightbulb).to_be_visible()
        # It may be there for a search at first; when nothing is looked for any more, it is there for steps.
        expect(workbench.status).to_have_attribute("aria-label", re.compile("^sparkle"))
        workbench.lightbulb.click()
        expect(workbench.actions.first).to_have_text("llmstep: 🎉 exact ⟨hq, hp⟩")
    workbench.actions.first.click()
    workbench.save()
    assert (folder / "Bulb.lean").read_text() == f"{SWAP}  exact ⟨hq, hp⟩\n"
    assert accepted(real_lean, folder / "Bulb.lean")


def test_the_list_of_steps(workbench: Workbench, folder: Path, real_lean: Toolchain) -> None:
    workbench.open("List.lean")
    workbench.go_to(2, 7)
    with workbench.pictured("list"):
        workbench.run("llmstep: Suggest Steps Here")
        expect(workbench.rows.first).to_contain_text("constructor")
        assert workbench.listed() == ["→ constructor (2 goals: ⊢ q) | ⊢ q   ⊢ p"]
    workbench.press("Enter")
    workbench.save()
    assert (folder / "List.lean").read_text() == f"{SWAP}  constructor\n  exact hq\n  exact hp\n"
    assert accepted(real_lean, folder / "List.lean")


@pytest.mark.parametrize("typed", ["exact", "exact "])
def test_ghost_text_behind_what_was_typed(workbench: Workbench, folder: Path, typed: str) -> None:
    name = f"Ghost{len(typed)}.lean"
    workbench.open(name)
    workbench.go_to(2, 3)
    with workbench.pictured("ghost"):
        workbench.page.keyboard.type(typed)
        expect(workbench.ghost).to_have_text("exact ⟨hq, hp⟩".removeprefix(typed))
    workbench.press("Tab")
    workbench.save()
    assert (folder / name).read_text() == f"{SWAP}  exact ⟨hq, hp⟩\n"


def test_only_steps_with_a_prefix(workbench: Workbench, folder: Path) -> None:
    workbench.open("Prefix.lean")
    workbench.go_to(2, 3)
    workbench.run("llmstep: Suggest Steps That Begin With …")
    workbench.answer("simp_all")
    workbench.press("Enter")
    expect(workbench.rows.first).to_contain_text("simp_all")
    assert [title.split()[1] for title in workbench.listed()] == ["simp_all"] * workbench.rows.count()
    workbench.press("Enter")
    workbench.save()
    assert (folder / "Prefix.lean").read_text() == f"{SWAP}  simp_all\n"


def test_a_search_for_a_whole_proof(workbench: Workbench, folder: Path, real_lean: Toolchain) -> None:
    workbench.open("Search.lean")
    workbench.go_to(2, 3)
    workbench.run("llmstep: Search for a Whole Proof Here")
    workbench.save()
    assert accepted(real_lean, folder / "Search.lean")


def test_a_search_that_is_stopped(workbench: Workbench) -> None:
    workbench.open("Hard.lean")
    workbench.go_to(2, 3)
    workbench.run("llmstep: Search for a Whole Proof Here")
    searching = workbench.notification("llmstep: searching for a proof")
    searching.hover()
    searching.get_by_role("button", name="Cancel").click()
    expect(searching).to_have_count(0)


def test_the_state(workbench: Workbench) -> None:
    expect(workbench.status).to_have_attribute("aria-label", re.compile(r"symbolic \(answered\)"))
    workbench.status.click()
    with workbench.pictured("state"):
        expect(workbench.rows).to_contain_text(
            [f"llmstep-lsp {__version__}", "Lean: ", "Generator symbolic", "Show log", "Restart Lean", *LAST]
        )
    workbench.press("Escape")


def test_the_walkthrough(workbench: Workbench) -> None:
    (walkthrough,) = json.loads((EXTENSION / "package.json").read_text())["contributes"]["walkthroughs"]
    workbench.run("Welcome: Open Walkthrough...")
    workbench.answer(walkthrough["title"])
    workbench.rows.first.wait_for()
    workbench.press("Enter")
    steps = workbench.page.locator(".getting-started-step")
    with workbench.pictured("walkthrough"):
        expect(steps.locator(".step-title")).to_have_text([step["title"] for step in walkthrough["steps"]])
    # A button in the last one does what it says.
    steps.last.click()
    steps.last.get_by_role("button", name="Show state").click()
    expect(workbench.rows).to_contain_text([f"llmstep-lsp {__version__}"])
    workbench.press("Escape")


def accepted(lean: Toolchain, file: Path) -> bool:
    """Whether Lean, asked on its own, finds no error in `file`."""
    return subprocess.run((*lean.lean, file), capture_output=True, check=False).returncode == 0
