"""What an editor gets when something is wrong: a message or a proper error, and a server that lives on."""

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_lsp
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.adapters.fake_model_server import Asked, FakeModelServer, Reply, choice, models, say
from tests.e2e.conftest import CHOOSING, SERVER
from tests.e2e.editing import Document, make_client
from tests.e2e.positions import AND
from tests.e2e.processes import await_no_process_with, processes_with
from tests.marked import MARK

FAKE = Path(__file__).parent.parent / "adapters" / "fake_lean.py"
ASKED = f"{AND}\n  exact{MARK}\n"


@pytest_lsp.fixture(
    config=ClientServerConfig(server_command=SERVER, server_env=CHOOSING, client_factory=make_client)
)
async def client(lsp_client: LanguageClient) -> AsyncGenerator[None, None]:
    yield
    await asyncio.wait_for(lsp_client.shutdown_session(), 20)


async def start(client: LanguageClient, **options: Any) -> None:
    await client.initialize_session(
        types.InitializeParams(
            capabilities=client_capabilities("visual_studio_code"),
            initialization_options={"generators": ["symbolic"], **options},
        )
    )


def fake_lean(folder: Path, fault: str) -> str:
    """An executable that behaves as a `lean` with `fault`."""
    path = folder / "lean"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "{fault}"\n')
    path.chmod(0o755)
    return str(path)


def titles(actions: Sequence[types.CodeAction]) -> list[str]:
    return [action.title for action in actions]


def told(client: LanguageClient) -> list[str]:
    """What the editor's log says, but for the start of a Lean."""
    return [m.message for m in client.log_messages if not m.message.startswith("starting ")]


async def refused(document: Document, marked: str = ASKED) -> JsonRpcException:
    with pytest.raises(JsonRpcException) as raised:
        await document.ask(marked)
    return raised.value


@pytest.mark.parametrize("fault", ["dies at start", "dies later", "prints garbage", "sends no JSON"])
async def test_a_lean_that_fails_is_a_request_that_failed(
    client: LanguageClient, tmp_path: Path, fault: str
) -> None:
    await start(client, lean=fake_lean(tmp_path, fault), budgetSeconds=20)
    document = Document(client, tmp_path / "A.lean")
    error = await refused(document)
    assert error.code == types.LSPErrorCodes.RequestFailed
    assert "is gone: it" in error.message
    assert (await refused(document)).message == error.message  # still alive
    assert told(client) == [error.message]


async def test_a_lean_that_hangs_costs_the_budget_and_no_more(client: LanguageClient, tmp_path: Path) -> None:
    await start(client, lean=fake_lean(tmp_path, "hangs"), budgetSeconds=0.5)
    document = Document(client, tmp_path / "A.lean")
    assert await document.ask(ASKED) == []
    assert told(client) == ["Lean was not ready within 0.5 s. Ask again, or allow more time."]


async def test_a_lean_that_is_none_is_said(client: LanguageClient, tmp_path: Path) -> None:
    await start(client, lean=str(tmp_path / "none"))
    error = await refused(Document(client, tmp_path / "A.lean"))
    assert "was chosen as the Lean to use, but is neither" in error.message


async def test_bad_settings_are_said_and_the_server_starts(client: LanguageClient, tmp_path: Path) -> None:
    shown = client.protocol.wait_for_notification_async(types.WINDOW_SHOW_MESSAGE)
    await start(client, count="many")
    await asyncio.wait_for(shown, 10)
    assert [m.message for m in client.messages] == [
        "llmstep: setting `count` from the editor's settings is wrong: it must be a whole number, not 'many'. "
        "The default, 8, is used."
    ]


async def test_a_generator_that_cannot_be_made_is_said_and_the_server_starts(
    client: LanguageClient, tmp_path: Path
) -> None:
    shown = client.protocol.wait_for_notification_async(types.WINDOW_SHOW_MESSAGE)
    await start(client, generators=["symbolic", "openai"])
    await asyncio.wait_for(shown, 10)
    assert [m.message for m in client.messages] == [
        "llmstep: The generator `openai` cannot be made: required field missing in url. "
        "Its options: prompt, samples, max_new_tokens, temperature, beams, seed, url, model."
    ]


async def test_a_document_that_is_not_open_is_invalid(client: LanguageClient, tmp_path: Path) -> None:
    await start(client)
    place = types.Position(0, 0)
    params = types.CodeActionParams(
        types.TextDocumentIdentifier((tmp_path / "None.lean").as_uri()),
        types.Range(place, place),
        types.CodeActionContext([]),
    )
    with pytest.raises(JsonRpcException, match="is not open") as raised:
        await client.text_document_code_action_async(params)
    assert raised.value.code == types.ErrorCodes.InvalidParams


@pytest.mark.lean
async def test_missing_imports_fail_the_request_and_their_repair_mends_it(
    client: LanguageClient, tmp_path: Path, real_lean: Toolchain
) -> None:
    await start(client, budgetSeconds=120)
    document = Document(client, tmp_path / "A.lean")
    error = await refused(document, "import No.Such\n" + ASKED)
    assert error.code == types.LSPErrorCodes.RequestFailed
    assert error.message.startswith("Lean cannot load the imports of this file: unknown module prefix 'No'")
    assert len(await document.ask(ASKED)) == 1


@pytest.mark.lean
async def test_a_model_that_is_none_costs_only_its_candidates(
    client: LanguageClient, tmp_path: Path, real_lean: Toolchain
) -> None:
    await start(client, model=str(tmp_path), budgetSeconds=120)
    document = Document(client, tmp_path / "A.lean")
    assert len(await document.ask(ASKED)) == 1
    assert len(await document.ask(ASKED)) == 1
    assert [(shown.type, shown.message) for shown in client.messages] == [
        (
            types.MessageType.Warning,
            f"llmstep: transformers: The directory {tmp_path} holds no model (it has no config.json): "
            "name a directory that `save_pretrained` or `hf download` wrote.",
        )
    ]


@pytest.mark.lean
async def test_a_model_server_that_hangs_costs_only_its_candidates_and_may_recover(
    client: LanguageClient, tmp_path: Path, real_lean: Toolchain
) -> None:
    hanging = True

    def script(asked: Asked) -> Reply:
        if asked.method == "GET":
            return models("m")
        return Reply(hangs=True) if hanging else say(choice(" (And.intro hp hq)"))

    async with FakeModelServer(script) as server:
        await start(client, generators=["symbolic", f"openai,url={server.url}"], budgetSeconds=20)
        document = Document(client, tmp_path / "A.lean")
        assert titles(await document.ask(ASKED)) == ["llmstep: 🎉 exact ⟨hp, hq⟩"]
        hanging = False
        assert titles(await document.ask("-- again\n" + ASKED)) == [
            "llmstep: 🎉 exact ⟨hp, hq⟩",
            "llmstep: 🎉 exact (And.intro hp hq)",
        ]


@pytest.mark.lean
async def test_an_edit_while_the_answer_is_made_makes_it_stale(
    client: LanguageClient, tmp_path: Path, real_lean: Toolchain
) -> None:
    await start(client, budgetSeconds=120)
    document = Document(client, tmp_path / "A.lean")
    asked = asyncio.create_task(document.ask(ASKED))
    await asyncio.sleep(0.2)
    document.set("-- changed")
    with pytest.raises(JsonRpcException) as raised:
        await asked
    assert raised.value.code == types.LSPErrorCodes.ContentModified


def framed(**message: Any) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


INITIALIZE = framed(
    id=1,
    method="initialize",
    params={
        "processId": None,
        "rootUri": None,
        "capabilities": {},
        "initializationOptions": {"budgetSeconds": 120},
    },
) + framed(method="initialized", params={})
SHUTDOWN, EXIT = framed(id=3, method="shutdown", params=None), framed(method="exit", params=None)


@pytest.mark.lean
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(
    "end", [SHUTDOWN + EXIT, EXIT, b""], ids=["shutdown and exit", "exit", "end of input"]
)
def test_no_process_is_left(tmp_path: Path, real_lean: Toolchain, end: bytes) -> None:
    mark = f"LLMSTEP_TEST={uuid.uuid4()}"
    uri = (tmp_path / "A.lean").as_uri()
    cursor = {"line": 1, "character": 6}
    opened = {"uri": uri, "languageId": "lean4", "version": 1, "text": f"{AND}\n  cons\n"}
    asked = {
        "textDocument": {"uri": uri},
        "range": {"start": cursor, "end": cursor},
        "context": {"diagnostics": [], "triggerKind": 1},
    }
    with subprocess.Popen(
        SERVER,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "LLMSTEP_TEST": mark.partition("=")[2]},
    ) as server:
        assert server.stdin
        assert server.stderr
        server.stdin.write(INITIALIZE)
        server.stdin.write(framed(method="textDocument/didOpen", params={"textDocument": opened}))
        server.stdin.write(framed(id=2, method="textDocument/codeAction", params=asked))
        server.stdin.flush()
        # One for the plain way, which is ended if it is slow, and later one that imports the Lean package.
        workers: set[int] = set()
        deadline = time.monotonic() + 240
        while len(workers) < 2:
            assert time.monotonic() < deadline, Path(os.environ["LLMSTEP_LOG_FILE"]).read_text()[-4000:]
            workers |= {pid for pid, command in processes_with(mark).items() if "--worker" in command}
            time.sleep(0.2)
        server.stdin.write(end)
        server.stdin.close()
        server.wait(20)
        assert server.stderr.read() == b""
    await_no_process_with(mark)


def test_standard_output_carries_only_the_protocol(tmp_path: Path) -> None:
    """Read byte for byte, because a client may be lenient."""
    messages = [
        INITIALIZE,
        framed(id=2, method="no/such", params={}),
        SHUTDOWN,
        EXIT,
    ]
    done = subprocess.run(SERVER, input=b"".join(messages), capture_output=True, cwd=tmp_path, check=False)
    answers, rest = [], done.stdout
    while rest:
        header, _, rest = rest.partition(b"\r\n\r\n")
        lengths = [line for line in header.split(b"\r\n") if line.startswith(b"Content-Length: ")]
        assert len(lengths) == 1
        size = int(lengths[0].removeprefix(b"Content-Length: "))
        answers.append(json.loads(rest[:size]))
        rest = rest[size:]
    assert [answer.get("id") for answer in answers] == [1, 2, 3]
    assert answers[0]["result"]["serverInfo"] == {"name": "llmstep-lsp", "version": "0.1.0"}
    assert answers[1]["error"]["code"] == types.ErrorCodes.MethodNotFound
    assert done.returncode == 0
