"""The compiled Lean package: made once for each Lean, and a message where it cannot be made."""

import asyncio
import re
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.hook import MODULE
from llmstep_lsp.adapters.lean.hook_library import HookLibrary, hook_status
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.errors import LeanHookError

# Answers like Lean; `compiles` is what it does with `-R . FILE -o OLEAN`, and `calls` counts that.
LEAN = """#!/bin/sh
case "$1" in
  --print-prefix) echo {prefix};;
  --version) echo "Lean (version {version})";;
  *) echo "$3" >> {prefix}/calls; {compiles};;
esac
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("LLMSTEP_CACHE_DIR", str(folder))
    return folder


def toolchain(folder: Path, compiles: str = 'touch "$5"', version: str = "4.28.0") -> Toolchain:
    lean = folder / "bin/lean"
    lean.parent.mkdir(exist_ok=True)
    lean.write_text(LEAN.format(prefix=folder, version=version, compiles=compiles))
    lean.chmod(0o755)
    return Toolchain("setting", (str(lean),), (str(lean), "--server"), folder, "test")


def calls(folder: Path) -> list[str]:
    file = folder / "calls"
    return file.read_text().split() if file.exists() else []


def left_in(cache: Path) -> list[str]:
    return [path.name for path in (cache / "hook").iterdir()]


async def folder_for(lean: Toolchain, module: str = MODULE) -> Path:
    library = HookLibrary(module)
    try:
        return await library.folder(lean)
    finally:
        await library.aclose()


async def test_modules_are_compiled_in_the_order_of_their_imports_and_once(tmp_path: Path) -> None:
    lean = toolchain(tmp_path)
    assert "Lean's diagnostics; the first question compiles" in await hook_status(lean)
    folder = await folder_for(lean)
    modules = ["Protocol", "Guard", "Check", "Retrieve", "Rpc"]
    assert sorted(calls(tmp_path)) == sorted(f"LLMStep/{name}.lean" for name in modules)
    assert calls(tmp_path)[-1] == "LLMStep/Rpc.lean"
    assert calls(tmp_path).index("LLMStep/Guard.lean") < calls(tmp_path).index("LLMStep/Check.lean")
    assert {file.stem for file in folder.glob("LLMStep/*.olean")} == set(modules)
    assert await folder_for(lean) == folder
    assert len(calls(tmp_path)) == len(modules)
    assert await hook_status(lean) == f"LLMStep, our Lean package, in {folder}"


async def test_each_module_has_a_copy_of_its_own_with_what_it_imports(tmp_path: Path) -> None:
    lean = toolchain(tmp_path)
    folder = await folder_for(lean, "LLMStep.RunExtract")
    assert calls(tmp_path) == ["LLMStep/Extract.lean", "LLMStep/RunExtract.lean"]
    assert {file.stem for file in folder.glob("LLMStep/*.olean")} == {"Extract", "RunExtract"}
    assert await folder_for(lean) != folder


async def test_who_asks_at_the_same_time_waits_for_the_same_copy(tmp_path: Path) -> None:
    library, lean = HookLibrary(), toolchain(tmp_path)
    one, two = await asyncio.gather(library.folder(lean), library.folder(lean))
    assert one == two
    assert len(calls(tmp_path)) == len(set(calls(tmp_path)))
    await library.aclose()


async def test_another_lean_gets_a_copy_of_its_own(tmp_path: Path) -> None:
    old = await folder_for(toolchain(tmp_path, version="4.27.0"))
    new = await folder_for(toolchain(tmp_path, version="4.28.0"))
    assert old != new
    assert old.is_dir()


async def test_what_does_not_compile_says_why_and_is_not_tried_again(tmp_path: Path, cache: Path) -> None:
    lean = toolchain(tmp_path, compiles='echo "$3:1:0: error: unknown constant"; exit 1')
    with pytest.raises(LeanHookError, match=r"does not compile with this Lean .*error: unknown constant"):
        await folder_for(lean)
    with pytest.raises(LeanHookError, match=r"Remove .*\.failed to have it tried again.*unknown constant"):
        await folder_for(lean)
    assert len(calls(tmp_path)) == 1
    assert [Path(name).suffix for name in left_in(cache)] == [".failed"]
    assert re.search(r"^Lean's diagnostics\. LLMStep does not compile", await hook_status(lean))


async def test_a_compiler_that_was_killed_says_nothing_about_the_package(tmp_path: Path) -> None:
    lean = toolchain(tmp_path, compiles="kill -9 $$")
    with pytest.raises(LeanHookError, match="does not compile"):
        await folder_for(lean)
    assert (await folder_for(toolchain(tmp_path))).is_dir()


async def test_a_lean_that_cannot_be_run(tmp_path: Path) -> None:
    gone = Toolchain("setting", (str(tmp_path / "lean"),), (), tmp_path, "test")
    with pytest.raises(LeanHookError, match="lean cannot be run: No such file or directory"):
        await folder_for(gone)


async def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMSTEP_CACHE_DIR", "/dev/null")
    with pytest.raises(LeanHookError, match=r"cannot be written to .*LLMSTEP_CACHE_DIR"):
        await folder_for(toolchain(tmp_path))


async def test_closing_stops_the_compiler_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    library = HookLibrary()
    lean = toolchain(tmp_path, compiles="exec sleep 600")
    waiting = asyncio.create_task(library.folder(lean))
    await asyncio.sleep(0.3)
    await library.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert left_in(cache) == []
