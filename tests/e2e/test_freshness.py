"""Documents change while answers are made: nothing stale is shown, and what is outdated ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pytest_lsp import LanguageClient, client_capabilities

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.adapters.fake_model_server import Asked, FakeModelServer, Reply, choice, models, say
from tests.e2e.conftest import CHOOSING, SERVER, one_editor
from tests.e2e.editing import Document, make_client
from tests.e2e.positions import AND
from tests.waiting import eventually, until

pytestmark = pytest.mark.lean

STALE = types.LSPErrorCodes.ContentModified
EDITS = 200


@one_editor
@pytest.mark.asyncio(loop_scope="session")
async def test_changes_that_come_in_another_order(client: LanguageClient, lean_folder: Path) -> None:
    document = Document(client, lean_folder / "Asked.lean")
    document.set(f"{AND}\n  exact\n")
    late = types.VersionedTextDocumentIdentifier(uri=document.uri, version=document.version - 1)
    change = types.TextDocumentContentChangeWholeDocument(f"{AND}\n  ex\n")
    client.text_document_did_change(types.DidChangeTextDocumentParams(late, [change]))
    (action,) = await document.ask(f"{AND}\n  exact‸\n")
    assert document.after(action) == f"{AND}\n  exact ⟨hp, hq⟩\n"
    document.close()


@one_editor
@pytest.mark.asyncio(loop_scope="session")
async def test_fast_edits_while_actions_are_pending(
    client: LanguageClient, lean_folder: Path, logs: Path
) -> None:
    assert client._server
    server = client._server.pid
    typed = "exact ⟨hp, hq⟩"
    one, other = (Document(client, lean_folder / name) for name in ("Asked.lean", "Other.lean"))
    assert len(await one.ask(f"{AND}\n  exact‸\n")) == 1
    assert len(await other.ask(f"{AND}\n  exact‸\n")) == 1
    opened, told, shown = open_files(server), len(client.log_messages), len(client.messages)
    asked = []
    for number in range(EDITS):
        document = (one, other)[number % 2]
        length = number // 2 % len(typed) + 1
        marked = f"{AND}\n  {typed[:length]}‸\n-- {number}\n"
        trigger = types.CodeActionTriggerKind(1 + number // 4 % 2)
        asked.append(asyncio.ensure_future(checked(document, marked, trigger)))
        asked.append(asyncio.ensure_future(stale_or(document.ghost(marked))))
        await asyncio.sleep(0.01)
    answers = await asyncio.wait_for(asyncio.gather(*asked), 120)
    assert len(answers) == 2 * EDITS
    assert answers.count("stale") > EDITS  # who types so fast sees next to nothing
    for document in (one, other):
        (action,) = await document.ask(f"{AND}\n  exact‸\n")
        assert document.after(action) == f"{AND}\n  exact ⟨hp, hq⟩\n"
        document.close()
    assert open_files(server) <= opened + 2 * 3  # a Lean with the package may have come for each
    errors = [m.message for m in client.log_messages[told:] if m.type is types.MessageType.Error]
    assert (errors, client.messages[shown:]) == ([], [])
    lines = (logs / "llmstep-lsp.log").read_text().splitlines()
    own = [line for line in lines if f" {server} " in line]
    assert own != []
    assert [line for line in own if f" {server} ERROR " in line or f" {server} WARNING " in line] == []


@asynccontextmanager
async def session(**options: Any) -> AsyncIterator[LanguageClient]:
    """A client of a server of its own."""
    client = make_client()
    await client.start_io(*SERVER, env=CHOOSING)
    await client.initialize_session(
        types.InitializeParams(
            capabilities=client_capabilities("visual_studio_code"),
            initialization_options={"budgetSeconds": 120, "generators": ["symbolic"], **options},
        )
    )
    yield client
    await asyncio.wait_for(client.shutdown_session(), 20)
    assert client.error is None


async def checked(document: Document, marked: str, trigger: types.CodeActionTriggerKind) -> str:
    """ "stale", or "fresh" if the actions, if any, are for the version that was asked about."""
    document.set(marked.replace("‸", ""))
    text, version = document.text, document.version
    cursor = document.place(marked)
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(document.uri),
        types.Range(cursor, cursor),
        types.CodeActionContext(diagnostics=[], trigger_kind=trigger),
    )
    try:
        actions = await document.client.text_document_code_action_async(params)
    except JsonRpcException as error:
        assert error.code == STALE  # noqa: PT017
        return "stale"
    for action in actions or ():
        assert isinstance(action, types.CodeAction)
        for change in (action.edit and action.edit.document_changes) or ():
            assert isinstance(change, types.TextDocumentEdit)
            assert change.text_document.version == version
        for edits in ((action.edit and action.edit.changes) or {}).values():
            assert edits[0].range.end.line < len(text.split("\n"))
    return "fresh"


async def stale_or(asking: Any) -> str:
    try:
        await asking
    except JsonRpcException as error:
        assert error.code == STALE  # noqa: PT017
        return "stale"
    return "fresh"


def open_files(process: int) -> int:
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


async def test_cancelling_reaches_lean_and_the_model(tmp_path: Path, real_lean: Toolchain) -> None:
    beats = tmp_path / "beats"
    beats.touch()
    slow = (
        'import Lean\nelab "slow" : tactic => do\n  repeat do\n    Lean.Core.checkInterrupted\n'
        f'    (← IO.FS.Handle.mk "{beats}" .append).putStr "."\n    IO.sleep 50\n'
    )

    def script(request: Asked) -> Reply:
        if request.method == "GET":
            return models("m")
        return Reply(200, [choice(" slow")]) if request.body["n"] == 1 else say(choice(" slow"))

    async with (
        FakeModelServer(script) as model,
        session(generators=[f"openai,url={model.url}"]) as client,
    ):
        document = Document(client, tmp_path / "A.lean")
        asking = asyncio.ensure_future(cancellable(document, f"{slow}{AND}\n  ‸\n"))
        await until(lambda: size(beats) >= 3, 200)
        client.cancel_request(types.CancelParams("asked"))
        with pytest.raises(JsonRpcException) as raised:
            await asyncio.wait_for(asking, 20)
        assert raised.value.code == types.LSPErrorCodes.RequestCancelled
        await eventually(stopped(beats), 60)

        def hanging(request: Asked) -> Reply:
            return models("m") if request.method == "GET" else Reply(hangs=True)

        model.script = hanging
        asking = asyncio.ensure_future(cancellable(document, f"{slow}{AND}\n  exact ‸\n"))
        before = len(model.asked)
        await until(lambda: len(model.asked) > before)
        assert not model.left.is_set()
        client.cancel_request(types.CancelParams("asked"))
        with pytest.raises(JsonRpcException):
            await asyncio.wait_for(asking, 20)
        await asyncio.wait_for(model.left.wait(), 20)


async def cancellable(document: Document, marked: str) -> Any:
    """Code actions at the mark, by a request whose name is known."""
    where = document.at(marked)
    cursor = types.Position(**where["position"])
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(document.uri),
        types.Range(cursor, cursor),
        types.CodeActionContext(diagnostics=[], trigger_kind=types.CodeActionTriggerKind.Invoked),
    )
    protocol: Any = document.client.protocol
    return await protocol.send_request_async(types.TEXT_DOCUMENT_CODE_ACTION, params, msg_id="asked")


def stopped(file: Path) -> Callable[[], Awaitable[bool]]:
    """Whether `file` has not grown for half a second."""

    async def same() -> bool:
        before = size(file)
        await asyncio.sleep(0.5)
        return size(file) == before

    return same


def size(file: Path) -> int:
    return file.stat().st_size


@one_editor
@pytest.mark.asyncio(loop_scope="session")
async def test_an_edit_below_keeps_what_is_known(client: LanguageClient, lean_folder: Path) -> None:
    marked = f"{AND}\n  exact‸\n\ntheorem below : True := by\n  trivial\n"
    automatic = types.CodeActionTriggerKind.Automatic
    document = Document(client, lean_folder / "Asked.lean")
    (action,) = await document.ask(marked)
    below = marked.replace("trivial", "simp")
    (kept,) = await document.ask(below, automatic)
    assert kept.title == action.title
    assert document.after(kept) == below.replace("exact‸", "exact ⟨hp, hq⟩")
    assert await document.ask("-- above\n" + marked, automatic) == []
    (undone,) = await document.ask(marked, automatic)
    assert document.after(undone) == marked.replace("exact‸", "exact ⟨hp, hq⟩")
    document.close()
