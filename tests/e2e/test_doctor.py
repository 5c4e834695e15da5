"""`llmstep-lsp doctor`: a healthy machine, and every usual cause of "nothing happens", made for real."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.toolchain import Toolchain, find_toolchain
from llmstep_lsp.edge import checks
from llmstep_lsp.edge.checks import phases
from llmstep_lsp.edge.cli import app
from llmstep_lsp.edge.doctor import make_case
from llmstep_lsp.edge.finding import Check, Finding
from llmstep_lsp.errors import LeanHookError
from tests.adapters.fake_model_server import (
    FakeModelServer,
    Reply,
    Script,
    choice,
    models,
    refuse,
    say,
    stream,
)

OTHER_PORT = "It matters only for `llmstep-lsp serve`: give that another one by --port or LLMSTEP_PORT."
REPAIR = "Repair it, or choose another one by the setting `lean`, LLMSTEP_LEAN or --lean."
# Says what it must to pass for a Lean, and ends at all else.
FAKE = """#!/bin/sh
case "$1" in
  --version) echo "Lean ({version})";;
  --print-prefix) dirname $(dirname $0);;
  *) echo "no such module" >&2; exit 3;;
esac
"""


@pytest.fixture(autouse=True)
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("LLMSTEP_LOG_FILE", str(tmp_path / "log/file.log"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("LLMSTEP_PORT", str(free.getsockname()[1]))


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any Lean; returns the one folder on its PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LLMSTEP_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("ELAN_HOME", "LLMSTEP_LEAN"):
        monkeypatch.delenv(name, raising=False)
    return folder


def program(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


def fake_lean(folder: Path, version: str = "version 4.28.0, Release") -> Path:
    # The PATH of a bare machine has neither `dirname` nor `cat`.
    text = FAKE.format(version=version).replace("dirname $(dirname $0)", f"echo {folder.parent}")
    return program(folder / "lean", text)


def doctor(*arguments: str) -> tuple[int, list[dict[str, str]]]:
    """The exit code, and what is not as it should be."""
    done = CliRunner().invoke(app, ["doctor", "--json", *arguments])
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(list(finding) == ["title", "level", "detail", "todo"] for finding in findings)
    return done.exit_code, [finding for finding in findings if finding["level"] != "good"]


async def found(title: str, place: Path | None = None, **options: Any) -> Finding:
    """The one finding of the check with that title."""
    case = make_case((place or Path()).absolute(), options)
    try:
        (check,) = [check for phase in phases(case) for check in phase if check.title == title]
        finding = await check.finding()
    finally:
        await case.parts.aclose()
    assert finding is not None
    return finding


@pytest.mark.lean
def test_all_is_well(tmp_path: Path, real_lean: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_SECONDS_FOR_LEAN", 250.0)  # where other tests keep the machine busy
    (tmp_path / "A.lean").write_text("import Init\n\ntheorem t : 1 = 2 := by\n  simp\n")
    done = CliRunner().invoke(app, ["doctor", "A.lean"])
    titles = ["llmstep-lsp", "settings", "Lean", "Lean runs", "Node", "project", "Lean package", "cache"]
    titles += ["disk", "log file", "port", "a question", "imports", "generator"]
    if real_lean.source != "webassembly":
        titles.remove("Node")
    lines = done.stdout.splitlines()
    assert [line[:14].rstrip() for line in lines] == [f"✓ {title}" for title in titles]
    assert re.search(
        r"`n = n` is proved by `rfl`: \d+ ms to start Lean and read the goal, \d+ ms to find and check steps",
        lines[-3],
    )
    assert "Lean loads those of A.lean: Init" in lines[-2]
    assert "symbolic proposes `rfl`, 4 in " in lines[-1]
    assert done.exit_code == 0


@pytest.mark.lean
async def test_an_import_that_cannot_be_loaded(tmp_path: Path, real_lean: Toolchain) -> None:
    file = tmp_path / "A.lean"
    file.write_text("import Init\nimport Nowhere.Here\n\ntheorem t : 1 = 2 := by\n  simp\n")
    finding = await found("imports", file)
    assert finding.detail.startswith(
        "Lean cannot load the imports of this file: unknown module prefix 'Nowhere'"
    )
    assert (finding.level, finding.todo) == (
        "bad",
        "Build them first (`lake build` in the project), or correct the import. `llmstep-lsp lean status "
        "FILE` says which Lean was asked, and whether it knows the project.",
    )


def test_no_lean(tmp_path: Path, bare: Path) -> None:
    assert doctor() == (
        1,
        [
            {
                "title": "Lean",
                "level": "bad",
                "detail": f"No Lean found for {tmp_path}.",
                "todo": "Install native Lean with elan, or a WebAssembly Lean (540 MB) by `llmstep-lsp lean install`; "
                "or name a `lean` in the setting `lean`, in LLMSTEP_LEAN or by --lean.",
            }
        ],
    )


def test_a_lean_that_ends(tmp_path: Path, bare: Path) -> None:
    lean = program(bare / "lean", "#!/bin/sh\necho out of memory >&2\nexit 3\n")
    code, findings = doctor()
    assert code == 1
    assert findings == [
        {
            "title": "Lean runs",
            "level": "bad",
            "detail": f"`{lean} --version` ended with exit code 3. out of memory",
            "todo": REPAIR,
        },
        {
            "title": "Lean package",
            "level": "note",
            "detail": "Candidates are judged one by one, which is slower. "
            f"`{lean} --print-prefix` ended with exit code 3: out of memory",
            "todo": "Suggestions come all the same. If it does not compile with a Lean since 4.23, report that.",
        },
        {
            "title": "a question",
            "level": "bad",
            "detail": f"Lean (`{lean} --server -Dserver.reportDelayMs=0`) is gone: it ended. It said: out of memory. "
            "Ask again to start it again; if that does not help, `llmstep-lsp lean status` says which Lean is used, "
            "and why.",
            "todo": "",
        },
    ]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("version 3.51.1, Release", "bad"),
        ("version 4.9.0, Release", "note"),
        ("version 4.28.0, Release", "good"),
    ],
)
async def test_the_version_of_lean(bare: Path, version: str, expected: str) -> None:
    lean = fake_lean(bare, version)
    assert (
        await found("Lean runs")
        == {
            "bad": Finding(
                "bad",
                f"`{lean} --version` says `Lean ({version})`: that is no Lean 4.",
                "Choose a Lean 4 by the setting `lean`, LLMSTEP_LEAN or --lean.",
                "Lean runs",
            ),
            "note": Finding(
                "note",
                f"Lean ({version}). Candidates are judged one by one, since our package is for Lean 4.23 and later.",
                "Nothing need be done; with a newer Lean suggestions come faster.",
                "Lean runs",
            ),
            "good": Finding("good", f"Lean ({version})", title="Lean runs"),
        }[expected]
    )


async def test_a_lake_project_without_lake(tmp_path: Path, bare: Path) -> None:
    fake_lean(bare)
    (tmp_path / "lakefile.toml").write_text('name = "p"\n')
    assert await found("project") == Finding(
        "note",
        f"{tmp_path} is a Lake project, but there is no `lake`, so Lean does not find what it depends on.",
        "Install native Lean with elan, which brings `lake`, and run `lake build` in the project.",
        "project",
    )
    lake = program(bare / "lake", "#!/bin/sh\n")
    assert await found("project") == Finding(
        "good", f"{tmp_path}, served by {lake}; name a file to have its imports loaded", title="project"
    )


async def test_a_package_that_does_not_compile(tmp_path: Path, bare: Path) -> None:
    fake_lean(bare)
    toolchain = find_toolchain(tmp_path, None)
    first = await found("Lean package")
    assert first == Finding(
        "note",
        "LLMStep, our Lean package, has not been compiled for this Lean yet.",
        "The first question in an editor compiles it in half a minute, so leave the editor open.",
        "Lean package",
    )
    unfinished = tmp_path / "cache/hook/unfinished-1"
    unfinished.mkdir(parents=True)
    assert (await found("Lean package")).todo == (
        "Wait half a minute; until then, candidates are judged one by one."
    )
    unfinished.rmdir()
    with pytest.raises(LeanHookError):
        await HookLibrary().folder(toolchain)
    (failed,) = (tmp_path / "cache/hook").glob("*.failed")
    assert await found("Lean package") == Finding(
        "note",
        "Candidates are judged one by one, which is slower. LLMStep does not compile with this Lean. Remove "
        f"{failed} to have it tried again. Lean said: no such module",
        "Suggestions come all the same. If it does not compile with a Lean since 4.23, report that.",
        "Lean package",
    )


async def test_a_webassembly_lean_that_lost_its_node(tmp_path: Path, bare: Path) -> None:
    home = tmp_path / "cache/lean-wasm"
    fake_lean(home / "bin")
    (home / "share/lean-wasm").mkdir(parents=True)
    (home / "share/lean-wasm/manifest.json").write_text("{}")
    node = home / "share/lean-wasm/node"
    assert await found("Node") == Finding(
        "bad",
        f"The WebAssembly Lean has lost its Node, {node}.",
        "Repair it by `llmstep-lsp lean install`.",
        "Node",
    )
    program(node, "")
    assert await found("Node") == Finding("good", str(node), title="Node")


def no_route(_: Any) -> Reply:
    return refuse(404, "Not Found")


def other_model(asked: Any) -> Reply:
    if asked.method == "GET":
        return models("gpt2")
    return refuse(404, "The model `m` does not exist.")


def unauthorised(_: Any) -> Reply:
    return refuse(401, "Incorrect API key provided.")


def nothing_usable(asked: Any) -> Reply:
    return models("m") if asked.method == "GET" else stream(choice("\n\n"))


def proposing(asked: Any) -> Reply:
    return models("m") if asked.method == "GET" else stream(choice("rfl"))


@pytest.mark.parametrize(
    ("script", "level", "detail", "todo"),
    [
        (
            no_route,
            "bad",
            "{url} has neither /completions nor /chat/completions for the model m (Not Found): check the "
            "model's name, and the URL, which mostly ends in /v1.",
            "",
        ),
        (
            other_model,
            "bad",
            "{url} has no model m (The model `m` does not exist.): choose one of gpt2.",
            "",
        ),
        (
            unauthorised,
            "bad",
            "{url} wants a key (401: Incorrect API key provided.): set LLMSTEP_API_KEY, or run `keyring set "
            "llmstep-lsp 127.0.0.1`.",
            "",
        ),
        (
            nothing_usable,
            "bad",
            "openai,url={url},model=m answers, but proposes no step for `n = n`.",
            "Choose another prompt format (the option `prompt`), or a model that was trained to prove.",
        ),
        (proposing, "good", "openai,url={url},model=m proposes `rfl`, 1 in ", ""),
    ],
)
async def test_model_servers(script: Script, level: str, detail: str, todo: str) -> None:
    async with FakeModelServer(script) as server:
        finding = await found("generator", generators=[f"openai,url={server.url},model=m"])
    assert (finding.level, finding.todo) == (level, todo)
    assert detail.format(url=server.url) in finding.detail


async def test_a_model_server_that_is_not_there() -> None:
    finding = await found("generator", generators=["openai,url=http://127.0.0.1:1/v1"])
    assert finding == Finding(
        "bad",
        "openai,url=http://127.0.0.1:1/v1: No server answers at http://127.0.0.1:1/v1 (All connection attempts "
        "failed): start the model server, or correct the URL.",
        title="generator",
    )


async def test_a_generator_that_is_none() -> None:
    finding = await found("generator", generators=["gpt"])
    assert finding.level == "bad"
    assert finding.detail.startswith("There is no generator gpt: choose box, ctranslate2, llmstep,")


@pytest.mark.model
async def test_a_folder_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    finding = await found("generator", generators=[f"transformers,model={tmp_path / 'model'}"])
    assert finding == Finding(
        "bad",
        f"transformers,model={tmp_path / 'model'}: The directory {tmp_path / 'model'} holds no model (it has no "
        "config.json): name a directory that `save_pretrained` or `hf download` wrote.",
        title="generator",
    )


async def test_an_extra_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "transformers"):
        (tmp_path / f"hide/{name}").mkdir(parents=True)
        (tmp_path / f"hide/{name}/__init__.py").write_text(f"raise ImportError('No module named {name}')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hide"))
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}')
    finding = await found("generator", generators=[f"transformers,model={tmp_path}"])
    assert finding == Finding(
        "bad",
        f"transformers,model={tmp_path}: The model worker cannot run (No module named torch): pip install "
        "'llmstep-lsp[transformers]'",
        title="generator",
    )


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (
            refuse(404, "no"),
            Finding(
                "note",
                "Port {port} is taken by another server (GET /health: status 404).",
                OTHER_PORT,
                "port",
            ),
        ),
        (
            say({"status": "ready", "model": "tiny"}),
            Finding("good", "{port} has a `llmstep-lsp serve` with the model tiny", title="port"),
        ),
        (
            say({"status": "failed", "message": "There is no model."}, 500),
            Finding(
                "note",
                "Port {port} has a `llmstep-lsp serve` that is failed: There is no model.",
                "Look into its log.",
                "port",
            ),
        ),
    ],
)
async def test_who_has_the_port(health: Reply, expected: Finding, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeModelServer(lambda _: health) as server:
        monkeypatch.setenv("LLMSTEP_PORT", str(server.port))
        finding = await found("port")
    assert finding.detail == expected.detail.format(port=server.port)
    assert (finding.level, finding.todo) == (expected.level, expected.todo)


async def test_a_port_that_speaks_no_http(monkeypatch: pytest.MonkeyPatch) -> None:
    async with silent_server() as port:
        monkeypatch.setenv("LLMSTEP_PORT", str(port))
        finding = await found("port")
    assert finding.detail.startswith(f"Port {port} is taken by a program that speaks no HTTP (")
    assert (finding.level, finding.todo) == ("note", OTHER_PORT)


async def test_folders_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LLMSTEP_CACHE_DIR", str(tmp_path / "file/cache"))
    monkeypatch.setenv("LLMSTEP_LOG_FILE", str(tmp_path / "file/log"))
    assert await found("cache") == Finding(
        "bad",
        f"{tmp_path / 'file/cache'} cannot be written (Not a directory), so our Lean package cannot be compiled.",
        "Make it yours, or let LLMSTEP_CACHE_DIR name another folder.",
        "cache",
    )
    assert await found("log file") == Finding(
        "note",
        f"{tmp_path / 'file/log'} cannot be written (File exists), so nothing is logged there.",
        "Make it yours, or let LLMSTEP_LOG_FILE name another file.",
        "log file",
    )


async def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLMSTEP_GENERATORS")
    monkeypatch.setenv("LLMSTEP_COUNT", "4")
    assert await found("settings") == Finding(
        "good", "count from the environment variable LLMSTEP_COUNT", title="settings"
    )
    monkeypatch.setenv("LLMSTEP_COUNT", "many")
    assert await found("settings") == Finding(
        "note",
        "setting `count` from the environment variable LLMSTEP_COUNT is wrong: it must be a whole number, not "
        "'many'. The default, 8, is used.",
        "Correct that; `llmstep-lsp settings show` says where each is from.",
        "settings",
    )


async def raising() -> Finding:
    raise ZeroDivisionError("no")


async def hanging() -> Finding:
    await asyncio.sleep(60)
    raise AssertionError


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (
            raising,
            Finding(
                "bad",
                "This could not be checked (ZeroDivisionError: no).",
                "Report that with what this command prints.",
                "x",
            ),
        ),
        (
            hanging,
            Finding(
                "bad", "There was no answer within 0.1 s.", "Ask again when the machine is less busy.", "x"
            ),
        ),
    ],
)
async def test_a_check_that_fails_itself(ask: Callable[[], Any], expected: Finding) -> None:
    assert await Check("x", ask, 0.1).finding() == expected
