"""A real Neovim, driven by its own `--remote-send` and `--remote-expr`."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.e2e.processes import await_no_process_with, processes_with
from tests.editors.programs import program

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(sys.executable).parent
"""Where `llmstep-lsp` is."""

PLUGIN = f"vim.opt.runtimepath:prepend '{ROOT}/editors/nvim'\n"
ENABLED = f"{PLUGIN}vim.lsp.enable 'llmstep'\n"

# What a person chooses from is kept, and the first that begins with `wanted` is chosen.
_CHOOSER = """
vim.ui.select = function(items, options, choose)
  offered = vim.tbl_map(options.format_item or tostring, items)
  for index, title in ipairs(offered) do
    if vim.startswith(title, wanted) then
      return choose(items[index], index)
    end
  end
end
"""


def lua_text(value: Any) -> str:
    """An expression of Lua for `value`."""
    return f"vim.json.decode({json.dumps(json.dumps(value, ensure_ascii=False), ensure_ascii=False)})"


def lean_client(toolchain: Toolchain) -> str:
    """Configuration by which Neovim runs Lean's own server."""
    config = {"cmd": list(toolchain.server), "filetypes": ["lean"]}
    return f"vim.lsp.config('leanls', {lua_text(config)})\nvim.lsp.enable 'leanls'\n"


class Nvim:
    """A Neovim with the configuration `init`, in which `file` is open."""

    def __init__(self, init: str, file: Path, **environment: str) -> None:
        self._nvim = program("nvim")
        self.file = file
        self.mark = str(uuid.uuid4())
        folder = file.parent
        self._socket = folder / "nvim.sock"
        (folder / "init.lua").write_text(_CHOOSER + init)
        homes = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA", "STATE")}
        path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
        self._process = subprocess.Popen(
            [self._nvim, "--headless", "-u", folder / "init.lua", "--listen", self._socket, file],
            env={**os.environ, **homes, "PATH": path, "LLMSTEP_TEST": self.mark, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while self._remote("--remote-expr", "1").returncode:
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def _remote(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [str(self._nvim), "--server", str(self._socket), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)

    def _evaluate(self, code: str) -> "subprocess.CompletedProcess[str]":
        quoted = f"vim.json.encode(((function() {code} end)()))".replace("'", "''")
        return self._remote("--remote-expr", f"luaeval('{quoted}')")

    def lua(self, code: str) -> Any:
        """What the function with the body `code` returns."""
        answer = self._evaluate(code)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def wait(self, condition: str, seconds: float = 120) -> None:
        """Return as soon as the expression `condition` is true."""
        waited = f"return (vim.wait(10000, function() return {condition} end, 20))"
        deadline = time.monotonic() + seconds
        # Where an error is shown meanwhile, Neovim takes it for one of what it evaluates.
        while (answer := self._evaluate(waited)).stdout != "true":
            assert time.monotonic() < deadline, f"not {condition}: {answer.stderr}; messages: {self.said}"

    def keys(self, keys: str) -> None:
        """Type `keys`, in Neovim's notation."""
        assert self._remote("--remote-send", keys).returncode == 0

    def put(self, text: str) -> None:
        """Make `text` the buffer's, and put the cursor on the character before its `‸`, as in Normal mode."""
        before = text[: text.index("‸")]
        line = before.rpartition("\n")[2]
        self.lua(
            f"vim.api.nvim_buf_set_lines(0, 0, -1, true, vim.split({lua_text(text.replace('‸', ''))}, '\\n'))"
            f" vim.api.nvim_win_set_cursor(0, {{ {before.count(chr(10)) + 1}, {len(line.encode())} }})"
        )

    def attached(self, *names: str) -> None:
        """Wait for the clients `names` of the buffer."""
        for name in names:
            self.wait(f"#vim.lsp.get_clients {{ bufnr = 0, name = '{name}' }} == 1", 60)

    @property
    def text(self) -> str:
        """That of the current buffer."""
        return "\n".join(self.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, true)"))

    @property
    def said(self) -> list[str]:
        """What was shown to the person and can be read again."""
        shown: str = self.lua("return vim.fn.execute 'messages'")
        return shown.split("\n")[1:]

    @property
    def servers(self) -> list[str]:
        """The Lean servers that it and its language servers started."""
        return [c for c in processes_with(f"LLMSTEP_TEST={self.mark}").values() if " --server" in c]

    def end(self) -> None:
        """Quit; nothing that was started may be left."""
        self._remote("--remote-send", "<C-\\><C-N>:qa!<CR>")
        with self._process:
            try:
                assert self._process.wait(20) == 0
            finally:
                self._process.kill()
        await_no_process_with(f"LLMSTEP_TEST={self.mark}")


StartNvim = Callable[..., Nvim]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartNvim]:
    """Starts a Neovim in a folder of its own: `start(init, **environment)`."""
    with ExitStack() as started:

        def begin(init: str, **environment: str) -> Nvim:
            file = tmp_path_factory.mktemp("nvim").resolve() / "A.lean"
            file.write_text("")
            nvim = Nvim(init, file, LLMSTEP_BUDGET_SECONDS="120", **environment)
            started.callback(nvim.end)
            return nvim

        yield begin
