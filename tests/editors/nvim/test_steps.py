"""A person takes verified steps in Neovim: by code actions, and with the plug-in by its list and its commands.

Lean's own server runs beside llmstep-lsp, behind it, or is lent to it.
"""

import re
import subprocess
from pathlib import Path

import pytest

from llmstep_lsp import __version__
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.editors.nvim.conftest import ENABLED, PLUGIN, ROOT, Nvim, StartNvim, lean_client

pytestmark = [pytest.mark.editor, pytest.mark.lean]

SWAP = "theorem swap (p q : Prop) (hp : p) (hq : q) : q ∧ p := by\n"
ASKED, TAKEN = f"{SWAP}  exact ‸⟨", f"{SWAP}  exact ⟨hq, hp⟩"
REQUESTS = "vim.tbl_count(vim.lsp.get_clients({ name = 'llmstep' })[1].requests)"
FLOAT = "vim.api.nvim_win_get_config(0).relative ~= ''"


def snippet(page: str) -> str:
    """What `page` tells people to write into `init.lua`."""
    found = re.search(
        r"\*\*Neovim\*\*[^`]*`init\.lua`:?\n\n```lua\n(.*?)```", (ROOT / page).read_text(), re.DOTALL
    )
    assert found
    return found[1]


def take(nvim: Nvim, title: str) -> None:
    """Ask for code actions by the key of Neovim's own for that, and take the first that begins with `title`."""
    tick = nvim.lua(f"wanted, offered = '{title}', nil return vim.b.changedtick")
    nvim.keys("gra")
    nvim.wait("offered")
    assert [one for one in nvim.lua("return offered") if one.startswith(title)]
    nvim.wait(f"vim.b.changedtick > {tick}")


def ask(nvim: Nvim, command: str) -> None:
    """Ask for the list by `command`, and once more if we are told to, as Lean crashed."""
    nvim.lua("vim.cmd 'messages clear'")
    nvim.keys(f":LLMStep {command}<CR>")
    again = "vim.fn.execute('messages'):find 'Ask again'"
    nvim.wait(f"{FLOAT} or {again}")
    if not nvim.lua(f"return {FLOAT}"):
        nvim.keys(f":LLMStep {command}<CR>")
        nvim.wait(FLOAT)


def choose(nvim: Nvim, keys: str) -> None:
    """Type `keys`, which close the list."""
    nvim.keys(keys)
    nvim.wait(f"not ({FLOAT})")


def assert_lean_accepts(nvim: Nvim, lean: Toolchain) -> None:
    nvim.lua("vim.cmd.write()")
    checked = subprocess.run(
        [*lean.lean, nvim.file], capture_output=True, text=True, timeout=120, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, "")


def test_code_actions_beside_leans_own_server(start: StartNvim, real_lean: Toolchain) -> None:
    nvim = start(snippet("docs/editor.md") + lean_client(real_lean))
    nvim.attached("llmstep", "leanls")
    nvim.put(f"{SWAP}  exac‸t")
    nvim.wait("#vim.diagnostic.get(0) > 0")  # Lean's own server says what is wrong
    take(nvim, "llmstep: 🎉 exact ⟨hq, hp⟩")
    assert nvim.text == TAKEN
    nvim.wait("#vim.diagnostic.get(0) == 0")
    assert_lean_accepts(nvim, real_lean)
    assert len(nvim.servers) > 1  # Neovim's, and llmstep-lsp's


def test_code_actions_and_the_list_from_the_proxy(
    start: StartNvim, real_lean: Toolchain, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    lake.write_text(f'#!/bin/sh\nshift 2\nexec {" ".join(real_lean.lean)} --server "$@"\n')
    lake.chmod(0o755)
    nvim = start(
        PLUGIN + f"vim.env.PATH = '{tmp_path}:' .. vim.env.PATH\n" + snippet("docs/sharing-lean.md"),
    )
    nvim.attached("leanls")
    nvim.put(ASKED)
    ask(nvim, "suggest")
    assert nvim.text == "🎉 exact ⟨hq, hp⟩"
    choose(nvim, "<Esc>")
    take(nvim, "llmstep: 🎉 exact ⟨hq, hp⟩")
    assert nvim.text == TAKEN
    assert len(nvim.servers) == 1


@pytest.fixture(scope="module")
def lending(start: StartNvim, real_lean: Toolchain) -> Nvim:
    """A Neovim whose Lean is lent to llmstep-lsp."""
    nvim = start(ENABLED + lean_client(real_lean))
    nvim.attached("llmstep", "leanls")
    return nvim


def test_the_list_over_the_lean_that_neovim_runs(lending: Nvim, real_lean: Toolchain) -> None:
    lending.put(ASKED)
    lending.wait("#vim.diagnostic.get(0) > 0")
    ask(lending, "suggest")
    assert lending.text == "🎉 exact ⟨hq, hp⟩"
    choose(lending, "<CR>")
    assert lending.text == TAKEN
    assert lending.lua("return vim.fn.getcursorcharpos()")[1:3] == [2, len("  exact ⟨hq, hp⟩")]
    assert len(lending.servers) == 1
    assert_lean_accepts(lending, real_lean)
    # Nothing of the scratch documents is seen.
    lending.wait("#vim.diagnostic.get() == 0")
    assert lending.lua("return vim.tbl_map(vim.api.nvim_buf_get_name, vim.api.nvim_list_bufs())") == [
        str(lending.file)
    ]


def test_a_code_action_over_the_lean_that_neovim_runs(lending: Nvim) -> None:
    lending.put(ASKED)
    take(lending, "llmstep: 🎉 exact ⟨hq, hp⟩")
    assert lending.text == TAKEN


def test_the_list_with_a_prefix_shows_the_goals_that_remain(lending: Nvim) -> None:
    lending.put(f"{SWAP} ‸ ")
    ask(lending, "prefix constr")
    assert lending.text == (
        "→ constructor (2 goals: ⊢ q)\n"
        "     case left\n     p q : Prop\n     hp : p\n     hq : q\n     ⊢ q\n"
        "     case right\n     p q : Prop\n     hp : p\n     hq : q\n     ⊢ p"
    )
    choose(lending, "<Esc>")
    assert lending.text == f"{SWAP}  "
    ask(lending, "prefix constr")
    choose(lending, "G<CR>")
    assert lending.text == f"{SWAP}  constructor"


def test_the_next_step_is_asked_for_where_the_last_one_ends(lending: Nvim) -> None:
    lending.put(f"{SWAP}  constructo‸r")
    ask(lending, "prefix exact h")
    assert lending.text.startswith("✓ exact hq (goal closed, 1 left)\n     case right\n")
    choose(lending, "<CR>")
    assert lending.text == f"{SWAP}  constructor\n  exact hq"
    ask(lending, "prefix exact h")
    choose(lending, "<CR>")
    assert lending.text == f"{SWAP}  constructor\n  exact hq\n  exact hp"


def test_a_whole_proof(lending: Nvim, real_lean: Toolchain) -> None:
    lending.lua("vim.cmd 'messages clear'")
    lending.put(f"{SWAP.replace('(hp : p) (hq : q) :', ': p → q →')} ‸ ")
    lending.keys(":LLMStep prove<CR>")
    lending.wait("vim.fn.getline(2) ~= '  '")
    assert_lean_accepts(lending, real_lean)
    lending.lua("vim.cmd 'messages clear'")  # of writing
    lending.wait(f"{REQUESTS} == 0")
    assert lending.said == []


def test_a_search_is_stopped(lending: Nvim) -> None:
    lending.lua("vim.cmd 'messages clear'")
    lending.put("theorem h (a b c n : Nat) (h : n > 2) : a ^ n + b ^ n ≠ c ^ n := by\n ‸ ")
    lending.keys(":LLMStep prove<CR>")
    lending.wait(f"{REQUESTS} == 1")
    lending.keys(":LLMStep stop<CR>")
    lending.wait(f"{REQUESTS} == 0")
    assert lending.said == []


def test_an_edit_takes_a_question_back(lending: Nvim) -> None:
    other = "example (xs ys : List Nat) : (xs ++ ys).length = ys.length + xs.length := by\n  "
    lending.put(f"{other}‸ ")
    lending.keys(":LLMStep suggest<CR>")
    lending.put(ASKED.replace("swap", "other"))
    ask(lending, "suggest")
    choose(lending, "<CR>")
    assert lending.text == TAKEN.replace("swap", "other")


def test_what_is_not_there_is_said(lending: Nvim) -> None:
    lending.lua("vim.cmd 'messages clear'")
    lending.put("def x := 1‸ ")
    lending.keys(":LLMStep suggest<CR>")
    lending.wait("vim.fn.execute('messages') ~= ''")
    assert lending.said == ["llmstep: No goal here: the cursor is not in a tactic block."]


def test_the_state(lending: Nvim) -> None:
    lending.lua("vim.cmd 'messages clear'")
    lending.keys(":LLMStep status<CR>")
    lending.wait("vim.fn.execute('messages'):find 'doctor'")
    lending.keys("<CR>")
    assert "Lean: the editor's runs for this document." in "\n".join(lending.said)
    lending.lua("vim.cmd 'checkhealth llmstep'")
    told = lending.text.split("\n")
    lending.lua("vim.cmd 'bwipeout'")
    assert f"- ✅ OK llmstep-lsp {__version__} runs" in told
    assert "- ✅ OK Lean: the editor's runs. It is asked, and none of ours." in told
    assert "- generator symbolic: answered" in told
    assert [line for line in told if line.startswith("- ✅ OK bridge: on, ")]
    lending.keys(":LLMStep log<CR>")
    lending.wait("vim.api.nvim_buf_get_name(0):find 'llmstep%-lsp.log$'")
    lending.lua("vim.cmd 'bwipeout'")


def test_lean_is_started_again(lending: Nvim) -> None:
    lending.lua("vim.lsp.enable('leanls', false)")
    lending.wait("#vim.lsp.get_clients { name = 'leanls' } == 0")
    lending.lua("vim.lsp.enable 'leanls'")
    lending.put(ASKED)
    ask(lending, "suggest")
    choose(lending, "<CR>")
    assert lending.text == TAKEN
    assert len(lending.servers) == 1
