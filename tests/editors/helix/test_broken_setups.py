"""What a person sees in the real Helix, or is told by it, where something is not installed."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.editors.helix.conftest import HELIX, Start

pytestmark = [pytest.mark.editor]


def health(config: Path, path: Path) -> str:
    """What `hx --health lean` prints."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(config), "PATH": f"{path}:/usr/bin:/bin"}
    command = [str(HELIX), "--health", "lean"]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def test_the_health_check_says_whether_the_server_is_installed(
    start: Start, our_program: Path, tmp_path: Path
) -> None:
    with start("languages.toml", tmp_path) as helix:
        helix.show("-- a file\n")
        assert "No configured language server supports code actions" in helix.ask()
    assert "'llmstep-lsp' not found in $PATH" in health(helix.file.parent, tmp_path)
    assert f"{our_program}/llmstep-lsp" in health(helix.file.parent, our_program)


def test_that_there_is_no_lean_is_said(start: Start, our_program: Path, tmp_path: Path) -> None:
    nothing = {"HOME": str(tmp_path), "LLMSTEP_CACHE_DIR": str(tmp_path)}
    with start("languages.toml", our_program, **nothing) as helix:
        helix.show("example : 1 = 1 := by\n  rfl\n")
        helix.keys("g", "g", "g", "l")
        assert "No Lean found" in helix.ask_until("error")
        helix.command("lsp-workspace-command llmstep.showStatus", "Lean: none. No Lean found")


def test_a_proxy_without_lake_says_so_in_the_log(start: Start, our_program: Path) -> None:
    with start("languages-proxy.toml", our_program) as helix:
        helix.wait("Language server exited")
        said = "Lean's server cannot be started as `lake serve -- -Dserver.reportDelayMs=0`: No such file"
        assert [said in error for error in helix.errors()].count(True) == 1
