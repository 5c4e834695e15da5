"""The commands of an editor plugin, or of the action that searches for a proof."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pytest_lsp import LanguageClient

from tests.e2e.conftest import Confirmer, one_editor
from tests.e2e.editing import Document
from tests.e2e.positions import AND
from tests.waiting import until

pytestmark = [pytest.mark.lean, pytest.mark.asyncio(loop_scope="session")]

# No step of the symbolic portfolio finishes it.
TWO_STEPS = """inductive Even : Nat → Prop where
  | zero : Even 0
  | step (n : Nat) : Even n → Even (n + 2)

theorem both : Even 2 ∧ Even 0 := by
    ‸sorry
"""
# It takes a while until nothing is left to try.
NEVER = """inductive Tree where
  | leaf : Tree
  | node : Tree → Nat → Tree → Tree

def Tree.mirror : Tree → Tree
  | .leaf => .leaf
  | .node l x r => .node r.mirror x l.mirror

theorem never (p q r : Prop) (h : p → q → r) (k : p ∧ ¬ q) : ∃ t : Tree, t.mirror = t ∧ r := by
    ‸sorry
"""


@pytest.fixture(scope="module")
def document(client: LanguageClient, lean_folder: Path) -> Iterator[Document]:
    document = Document(client, lean_folder / "Asked.lean")  # where a Lean is warm already
    yield document
    document.close()


@one_editor
async def test_suggest_answers_as_the_command_line_does_with_edits_besides(
    document: Document, confirmer: Confirmer
) -> None:
    answer = await document.command("llmstep.suggest", document.at(f"{AND}\n  exact‸\n"))
    (suggestion,) = answer["suggestions"]
    assert answer["goals"] == ["p q : Prop\nhp : p\nhq : q\n⊢ p ∧ q"]
    assert {key: suggestion[key] for key in ("text", "verdict", "goals", "score", "source", "title")} == {
        "text": "exact ⟨hp, hq⟩",
        "verdict": "finishes",
        "goals": [],
        "score": None,
        "source": "symbolic",
        "title": "🎉 exact ⟨hp, hq⟩",
    }
    assert set(answer["timings"]) == {"goal", "generate", "verify", "render"}
    assert (answer["notes"], answer["complete"]) == ([], True)


@one_editor
async def test_suggest_with_prefix_tries_only_steps_that_begin_so(document: Document) -> None:
    where = document.at(f"{AND}\n  ‸\n")
    answer = await document.command("llmstep.suggestWithPrefix", {**where, "prefix": "cons"})
    assert [suggestion["text"] for suggestion in answer["suggestions"]] == ["constructor"]


@one_editor
@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("llmstep.suggest", [], "llmstep.suggest needs one argument, "),
        ("llmstep.prove", [{"textDocument": {"uri": 5}}], "llmstep.prove needs one argument, "),
        ("llmstep.suggestWithPrefix", None, 'llmstep.suggestWithPrefix also needs "prefix"'),
        ("llmstep.nothing", [], "There is no command llmstep.nothing; there are llmstep.suggest, "),
    ],
)
async def test_a_wrong_call_is_said(
    document: Document, command: str, arguments: list[Any] | None, message: str
) -> None:
    if arguments is None:
        arguments = [document.at(f"{AND}\n  ‸\n")]
    with pytest.raises(JsonRpcException) as raised:
        await document.command(command, *arguments)
    assert raised.value.code == types.ErrorCodes.InvalidParams
    assert raised.value.message.startswith(message)


async def test_a_proof_is_searched_for_with_progress_and_inserted_as_one_edit(
    document: Document, confirmer: Confirmer
) -> None:
    client = document.client
    made: list[types.ApplyWorkspaceEditParams] = []
    client.protocol.fm.features[types.WORKSPACE_APPLY_EDIT] = lambda params: _insert(document, made, params)
    where = document.at(TWO_STEPS)
    before = document.text
    assert "finishes" not in {
        suggestion["verdict"]
        for suggestion in (await document.command("llmstep.suggest", where))["suggestions"]
    }
    reported = set(client.progress_reports)
    answer = await document.command("llmstep.prove", where)
    assert (answer["status"], answer["applied"], answer["notes"]) == ("finishes", True, [])
    ((token, progress),) = [(t, r) for t, r in client.progress_reports.items() if t not in reported]
    assert str(token).startswith("llmstep-")
    begin, *reports, end = progress
    assert isinstance(begin, types.WorkDoneProgressBegin)
    assert (begin.title, begin.cancellable) == ("llmstep: searching for a proof", True)
    assert [type(report) for report in reports] == [types.WorkDoneProgressReport] * len(reports)
    assert reports[0].message is not None
    assert reports[0].message.startswith("1 proof state, ")
    assert isinstance(end, types.WorkDoneProgressEnd)
    assert len(made) == 1
    assert document.text == before.replace("sorry", answer["proof"].replace("\n", "\n    "))
    assert confirmer.errors(document.text) == []


@one_editor
async def test_a_proof_that_the_editor_does_not_insert_is_not_said_to_be_there(document: Document) -> None:
    client = document.client
    client.protocol.fm.features[types.WORKSPACE_APPLY_EDIT] = lambda _: types.ApplyWorkspaceEditResult(
        applied=False
    )
    answer = await document.command("llmstep.prove", document.at(f"{AND}\n  ‸sorry\n"))
    assert (answer["status"], answer["applied"]) == ("finishes", False)
    assert client.messages[-1].message == (
        "llmstep: a proof was found, but the editor did not insert it, as the document changed."
    )


@one_editor
async def test_a_search_ends_when_the_person_cancels_or_stops_it_or_edits_there(document: Document) -> None:
    client = document.client
    where = document.at(NEVER)

    async def search() -> "asyncio.Task[Any]":
        reported = set(client.progress_reports)
        task = asyncio.ensure_future(document.command("llmstep.prove", where))
        await until(
            lambda: any(client.progress_reports[t][1:] for t in set(client.progress_reports) - reported)
        )
        return task

    searching = await search()
    token = list(client.progress_reports)[-1]
    client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
    with pytest.raises(JsonRpcException) as raised:
        await asyncio.wait_for(searching, 10)
    assert raised.value.code == types.LSPErrorCodes.RequestCancelled

    searching = await search()
    await document.command("llmstep.stop")
    with pytest.raises(JsonRpcException) as raised:
        await asyncio.wait_for(searching, 10)
    assert raised.value.code == types.LSPErrorCodes.RequestCancelled

    searching = await search()
    document.set(document.text.replace("¬ q", "q"))
    with pytest.raises(JsonRpcException) as raised:
        await asyncio.wait_for(searching, 10)
    assert raised.value.code == types.LSPErrorCodes.ContentModified


@one_editor
async def test_the_status_says_what_works_and_what_does_not(document: Document, logs: Path) -> None:
    assert len(await document.ask(f"{AND}\n  exact‸\n")) == 1
    status = await document.command("llmstep.showStatus")
    assert status["version"] == "0.1.0"
    assert status["lean"]["running"] is True
    assert status["generators"] == [{"name": "symbolic", "state": "answered", "reason": ""}]
    assert status["kept"]["places"] > 0
    assert status["settings"] == {
        "generators": "the environment variable LLMSTEP_GENERATORS",
        "budgetSeconds": "the editor's settings",
        "proveSeconds": "the editor's settings",
        "acceptLog": "the editor's settings",
    }
    assert status["logFile"] == str(logs / "llmstep-lsp.log")
    assert "Generator symbolic: answered." in document.client.messages[-1].message.split("\n")


@one_editor
async def test_lean_can_be_started_again(document: Document) -> None:
    assert await document.command("llmstep.restartLean") is None
    assert len(await document.ask(f"{AND}\n  exact‸\n")) == 1


def _insert(
    document: Document, made: list[types.ApplyWorkspaceEditParams], params: types.ApplyWorkspaceEditParams
) -> types.ApplyWorkspaceEditResult:
    """Make the edit, and say that the document changed before the edit is said to be made, as Helix does."""
    made.append(params)
    document.set(document.after(types.CodeAction(params.label or "", edit=params.edit)))
    return types.ApplyWorkspaceEditResult(applied=True)
