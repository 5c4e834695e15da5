"""What a person sees in Neovim when something is broken: one message, with what to do next."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import processes_with
from tests.editors.nvim.conftest import ENABLED, PLUGIN, PROGRAMS, ROOT, Nvim, StartNvim

pytestmark = pytest.mark.editor

SYSTEM = "/usr/bin:/bin"
INSTALL = "Install llmstep-lsp where Neovim finds it: :help llmstep-install"
DOCTOR = "Run `llmstep-lsp doctor` in a terminal, which says why."


def health(nvim: Nvim) -> str:
    nvim.lua("vim.cmd 'checkhealth llmstep'")
    text = nvim.text
    nvim.lua("vim.cmd 'bwipeout'")
    return text


def script(folder: Path, body: str) -> str:
    """A folder in which `llmstep-lsp` is a script that does `body`, before those of the system."""
    file = folder / "llmstep-lsp"
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return f"{folder}{os.pathsep}{SYSTEM}"


def test_the_server_is_not_installed(start: StartNvim) -> None:
    nvim = start(ENABLED, PATH=SYSTEM)
    assert nvim.said == [f"llmstep: there is no program `llmstep-lsp`. {INSTALL}"]
    nvim.keys(":LLMStep suggest<CR>")
    nvim.wait("vim.fn.execute('messages'):find 'does not run'")
    assert nvim.said[1:] == [
        "llmstep: llmstep-lsp does not run for this buffer. :checkhealth llmstep says why."
    ]
    assert "- ❌ ERROR `llmstep-lsp` is not on the PATH\n  - ADVICE:\n    - Install it" in health(nvim)


def test_the_server_is_too_old(start: StartNvim, tmp_path: Path) -> None:
    old = (
        "import llmstep_lsp; llmstep_lsp.__version__ = '0.0.9'; from llmstep_lsp.__main__ import main; main()"
    )
    nvim = start(ENABLED, PATH=script(tmp_path, f'exec "{sys.executable}" -c "{old}" "$@"'))
    nvim.wait("vim.fn.execute('messages') ~= ''")
    nvim.wait("#vim.lsp.get_clients {} == 0")
    problem = "llmstep-lsp is version 0.0.9, and this plug-in needs 0.1.0. Upgrade it: :help"
    assert nvim.said == [f"llmstep: {problem} llmstep-install"]
    assert f"- ❌ ERROR {problem} |llmstep-install|\n" in health(nvim)


def test_the_server_cannot_start(start: StartNvim, tmp_path: Path) -> None:
    nvim = start(ENABLED, PATH=script(tmp_path, "echo 'ImportError: no pygls' >&2; exit 3"))
    nvim.wait("vim.fn.execute('messages') ~= ''")
    assert nvim.said == [
        f"llmstep: llmstep-lsp ended by itself (exit code 3: ImportError: no pygls). {DOCTOR}"
    ]
    assert "--version` fails: ImportError: no pygls\n" in health(nvim)


def test_the_server_crashes_and_is_started_again(start: StartNvim) -> None:
    setup = f"require('llmstep').setup {{ cmd = {{ '{PROGRAMS}/llmstep-lsp', '--stdio' }} }}"
    nvim = start(PLUGIN + setup, PATH=SYSTEM)
    nvim.attached("llmstep")
    found = processes_with(f"LLMSTEP_TEST={nvim.mark}")
    [server] = [number for number, command in found.items() if "llmstep-lsp --stdio" in command]
    os.kill(server, 9)
    nvim.wait("vim.fn.execute('messages') ~= ''")
    assert nvim.said == ["llmstep: llmstep-lsp ended by itself (signal 9). :LLMStep restart starts it again."]
    nvim.wait("#vim.lsp.get_clients {} == 0")
    nvim.keys(":LLMStep restart<CR>")
    nvim.attached("llmstep")
    assert len(nvim.said) == 1


def test_there_is_no_lean(start: StartNvim, tmp_path: Path) -> None:
    (tmp_path / "llmstep-lsp").symlink_to(PROGRAMS / "llmstep-lsp")
    nvim = start(
        ENABLED,
        PATH=f"{tmp_path}{os.pathsep}{SYSTEM}",
        HOME=str(tmp_path),
        LLMSTEP_CACHE_DIR=str(tmp_path / "cache"),
    )
    nvim.attached("llmstep")
    nvim.put("theorem t : 1 = 1 := by\n  exact‸")
    nvim.keys("gra")
    nvim.wait("vim.fn.execute('messages'):find 'No Lean'")
    told = [line for line in nvim.said if line != "No code actions available"]
    assert len(told) == 1
    assert told[0].startswith(f"llmstep: No Lean found for {nvim.file}. Install native Lean with elan, or ")
    assert "- ❌ ERROR Lean: none. The editor lends no Lean. No Lean found for " in health(nvim)


def test_a_server_that_cannot_be_lent_a_lean(start: StartNvim) -> None:
    nvim = start(f"{PLUGIN}vim.lsp.config('llmstep', {{ cmd = {{ 'llmstep-lsp', '--stdio' }} }})\n{ENABLED}")
    nvim.attached("llmstep")
    assert "- ⚠️ WARNING bridge: off, as `cmd` is a plain list\n" in health(nvim)


def test_what_help_there_is(start: StartNvim) -> None:
    nvim = start(PLUGIN)
    tags = re.findall(r"\*(\S+)\*", (ROOT / "editors/nvim/doc/llmstep.txt").read_text())
    assert "llmstep-install" in tags
    for tag in tags:
        assert nvim.lua(f"vim.cmd.help '{tag}' return vim.fn.expand '%:t'") == "llmstep.txt"


def test_a_command_that_there_is_not(start: StartNvim) -> None:
    nvim = start(PLUGIN)
    nvim.keys(":LLMStep sugest<CR>")
    nvim.wait("vim.fn.execute('messages') ~= ''")
    assert nvim.said == [
        "llmstep: there is no :LLMStep sugest; there are log, prefix, prove, restart, status, stop, suggest."
    ]
    assert nvim.lua("return vim.fn.getcompletion('LLMStep s', 'cmdline')") == ["status", "stop", "suggest"]
    assert nvim.lua("return vim.fn.getcompletion('LLMStep prefix s', 'cmdline')") == []
