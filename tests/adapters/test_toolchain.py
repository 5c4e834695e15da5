"""Which Lean a file gets: one test for each rule, with executables that only exist."""

from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain, find_toolchain
from llmstep_lsp.adapters.lean.wasm_manifest import MANIFEST
from llmstep_lsp.errors import LeanNotFoundError

NO_DELAY = "-Dserver.reportDelayMs=0"


class Machine:
    """A bare machine: an empty PATH, an empty home, an empty cache and a folder for projects."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bin, self.home, self.work = root / "bin", root / "home", root / "work"
        self.elan = self.home / ".elan/bin"
        self.cache = root / "cache"
        for folder in (self.bin, self.home, self.work):
            folder.mkdir()
        monkeypatch.setenv("PATH", str(self.bin))
        monkeypatch.setenv("HOME", str(self.home))
        monkeypatch.setenv("LLMSTEP_CACHE_DIR", str(self.cache))
        monkeypatch.delenv("ELAN_HOME", raising=False)

    def write(self, name: str, text: str = "") -> Path:
        file = self.work / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def install_webassembly(self) -> str:
        lean = executable(self.cache / "lean-wasm/bin/lean")
        manifest = self.cache / "lean-wasm" / MANIFEST
        manifest.parent.mkdir(parents=True)
        manifest.touch()
        return lean


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def executable(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return str(file)


def test_bare_machine_says_how_to_get_lean(machine: Machine) -> None:
    with pytest.raises(
        LeanNotFoundError, match=r"No Lean found for .*A\.lean.*elan.*`llmstep-lsp lean install`"
    ):
        find_toolchain(machine.work / "A.lean", None)


def test_half_installed_webassembly_lean_does_not_count(machine: Machine) -> None:
    executable(machine.cache / "lean-wasm/bin/lean")
    with pytest.raises(LeanNotFoundError):
        find_toolchain(machine.work / "A.lean", None)


def test_webassembly_lean_comes_last(machine: Machine) -> None:
    lean = machine.install_webassembly()
    assert find_toolchain(machine.work / "A.lean", None) == Toolchain(
        source="webassembly",
        lean=(lean,),
        server=(lean, "--server", NO_DELAY),
        root=machine.work,
        reason=f"There is no native Lean, so the WebAssembly Lean in {machine.cache / 'lean-wasm'} is used. "
        "Native Lean, installed by elan, is faster.",
    )
    executable(machine.bin / "lean")
    assert find_toolchain(machine.work / "A.lean", None).source == "path"


def test_lean_on_the_path(machine: Machine) -> None:
    lean = executable(machine.bin / "lean")
    assert find_toolchain(machine.work / "A.lean", None) == Toolchain(
        source="path",
        lean=(lean,),
        server=(lean, "--server", NO_DELAY),
        root=machine.work,
        reason=f"{lean} is the `lean` of this machine.",
    )


def test_folder_stands_for_the_files_in_it(machine: Machine) -> None:
    executable(machine.bin / "lean")
    assert find_toolchain(machine.work, None).root == machine.work


def test_relative_file(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(machine.bin / "lean")
    monkeypatch.chdir(machine.work)
    assert find_toolchain(Path("A.lean"), None).root == machine.work


def test_elan_is_found_where_it_installs_itself(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    lean = executable(machine.elan / "lean")
    assert find_toolchain(machine.work / "A.lean", None).lean == (lean,)
    elsewhere = executable(machine.work / "elan/bin/lean")
    monkeypatch.setenv("ELAN_HOME", str(machine.work / "elan"))
    assert find_toolchain(machine.work / "A.lean", None).lean == (elsewhere,)


def test_pinned_toolchain_with_elan(machine: Machine) -> None:
    executable(machine.bin / "lean")
    elan = executable(machine.elan / "elan")
    pin = machine.write("lean-toolchain", "leanprover/lean4:v4.28.0\n")
    command = (elan, "run", "--install", "leanprover/lean4:v4.28.0", "lean")
    assert find_toolchain(machine.work / "deep/down/A.lean", None) == Toolchain(
        source="elan",
        lean=command,
        server=(*command, "--server", NO_DELAY),
        root=machine.work / "deep/down",
        reason=f"{pin} asks for leanprover/lean4:v4.28.0, which is started by {elan}.",
    )


def test_pinned_toolchain_without_elan_takes_the_path(machine: Machine) -> None:
    machine.write("lean-toolchain", "leanprover/lean4:v4.28.0\n")
    executable(machine.bin / "lean")
    assert find_toolchain(machine.work / "A.lean", None).source == "path"


@pytest.mark.parametrize("lakefile", ["lakefile.lean", "lakefile.toml"])
@pytest.mark.parametrize("where", ["bin", "elan"])
def test_lake_project(machine: Machine, lakefile: str, where: str) -> None:
    lake = executable((machine.bin if where == "bin" else machine.elan) / "lake")
    executable(machine.bin / "lean")
    executable(machine.bin / "elan")
    machine.write("lean-toolchain", "leanprover/lean4:v4.28.0\n")
    machine.write(lakefile)
    assert find_toolchain(machine.work / "Some/Module/A.lean", None) == Toolchain(
        source="lake",
        lean=(lake, f"--dir={machine.work}", "env", "lean"),
        server=(lake, "serve", "--", NO_DELAY),
        root=machine.work,
        reason=f"The file belongs to the Lake project {machine.work}, whose Lean is started by {lake}.",
    )


def test_nearest_lake_project(machine: Machine) -> None:
    executable(machine.bin / "lake")
    machine.write("lakefile.toml")
    inner = machine.write("inner/lakefile.toml").parent
    assert find_toolchain(inner / "A.lean", None).root == inner


@pytest.mark.parametrize("source", ["elan", "path", "webassembly"])
def test_lake_project_without_lake_says_what_is_missing(machine: Machine, source: str) -> None:
    machine.write("lakefile.toml")
    machine.write("lean-toolchain", "leanprover/lean4:v4.28.0\n")
    match source:
        case "elan":
            executable(machine.bin / "elan")
        case "path":
            executable(machine.bin / "lean")
        case _:
            machine.install_webassembly()
    found = find_toolchain(machine.work / "Module/A.lean", None)
    assert (found.source, found.root) == (source, machine.work)
    assert "dependencies of the file's Lake project are not on its path" in found.reason


@pytest.mark.parametrize(
    ("pin", "options"),
    [
        ("leanprover/lean4:v4.7.0", ()),
        ("leanprover/lean4:v4.8.0-rc1", (NO_DELAY,)),
        ("leanprover/lean4:v4.28.0", (NO_DELAY,)),
        ("leanprover/lean4:4.5.0", ()),
        ("leanprover/lean4:nightly", (NO_DELAY,)),
        ("stable", (NO_DELAY,)),
    ],
)
def test_old_lean_is_not_given_an_option_it_does_not_know(
    machine: Machine, pin: str, options: tuple[str, ...]
) -> None:
    executable(machine.bin / "lake")
    machine.write("lakefile.lean")
    machine.write("lean-toolchain", pin)
    assert find_toolchain(machine.work / "A.lean", None).server[3:] == options


def test_chosen_executable_comes_first(machine: Machine) -> None:
    executable(machine.bin / "lean")
    executable(machine.bin / "elan")
    machine.write("lean-toolchain", "leanprover/lean4:v4.28.0\n")
    lean = executable(machine.home / "mine/lean4")
    assert find_toolchain(machine.work / "A.lean", lean) == Toolchain(
        source="setting",
        lean=(lean,),
        server=(lean, "--server", NO_DELAY),
        root=machine.work,
        reason=f"{lean} was chosen explicitly.",
    )


def test_chosen_folder_and_tilde(machine: Machine) -> None:
    lean = executable(machine.home / "toolchain/bin/lean")
    for chosen in (str(machine.home / "toolchain"), "~/toolchain", "~/toolchain/bin/lean"):
        assert find_toolchain(machine.work / "A.lean", chosen).lean == (lean,)


def test_chosen_lean_uses_the_lake_beside_it(machine: Machine) -> None:
    executable(machine.bin / "lake")
    machine.write("lakefile.toml")
    lean = executable(machine.home / "toolchain/bin/lean")
    alone = find_toolchain(machine.work / "A.lean", lean)
    assert (alone.lean, alone.root) == ((lean,), machine.work)
    assert alone.reason.endswith("that takes `lake`, and none is beside it.")

    lake = executable(machine.home / "toolchain/bin/lake")
    assert find_toolchain(machine.work / "A.lean", lean) == Toolchain(
        source="setting",
        lean=(lake, f"--dir={machine.work}", "env", lean),
        server=(lake, "serve", "--", NO_DELAY),
        root=machine.work,
        reason=f"{lean} was chosen explicitly. The file belongs to the Lake project {machine.work}, "
        "served by the `lake` beside it.",
    )


def test_chosen_old_toolchain_of_elan(machine: Machine) -> None:
    old = executable(machine.home / ".elan/toolchains/leanprover--lean4---v4.7.0/bin/lean")
    assert find_toolchain(machine.work / "A.lean", old).server == (old, "--server")


@pytest.mark.parametrize("chosen", ["missing", "folder", "text"])
def test_bad_choice_is_an_error_even_if_there_is_another_lean(machine: Machine, chosen: str) -> None:
    executable(machine.bin / "lean")
    (machine.work / "folder").mkdir()
    machine.write("text", "not a program")
    path = str(machine.work / chosen)
    with pytest.raises(LeanNotFoundError, match=f"{path} was chosen as the Lean to use, but is neither"):
        find_toolchain(machine.work / "A.lean", path)


def test_empty_choice_is_none(machine: Machine) -> None:
    executable(machine.bin / "lean")
    assert find_toolchain(machine.work / "A.lean", "").source == "path"
