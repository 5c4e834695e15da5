"""An editor asks at every kind of place, applies what it gets, and Lean confirms the result."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient

from llmstep_lsp.adapters.accept_log import read_accept_log
from llmstep_lsp.edge.capabilities import resolve
from tests.e2e.conftest import EDITORS, Confirmer, one_editor
from tests.e2e.editing import Document
from tests.e2e.positions import AND, CASES
from tests.waiting import eventually

pytestmark = [pytest.mark.lean, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def document(client: LanguageClient, lean_folder: Path) -> Iterator[Document]:
    document = Document(client, lean_folder / "Asked.lean")
    yield document
    document.close()


def counts_columns(marked: str) -> bool:
    """Whether it matters what the editor counts in a line up to the cursor."""
    return not next(line for line in marked.split("\n") if "‸" in line).replace("‸", "").isascii()


async def where_the_text_goes(
    document: Document, confirmer: Confirmer, marked: str, expected: str | None
) -> None:
    results = [document.after(action) for action in await document.ask(marked)]
    if expected:
        assert expected in results
    else:
        assert results == []
    known = confirmer.errors(document.text)
    for result in results:
        new = [message for message in confirmer.errors(result) if message not in known]
        assert new == [], result


@one_editor
@pytest.mark.parametrize(("marked", "expected"), CASES.values(), ids=CASES)
async def test_where_the_text_goes(
    document: Document, confirmer: Confirmer, marked: str, expected: str | None
) -> None:
    await where_the_text_goes(document, confirmer, marked, expected)


# Editors differ in the columns and in how an edit is written.
DIFFERENT = {name: case for name, case in CASES.items() if name == "empty line" or counts_columns(case[0])}


@pytest.mark.parametrize("client", EDITORS[1:], indirect=True)
@pytest.mark.parametrize(("marked", "expected"), DIFFERENT.values(), ids=DIFFERENT)
async def test_where_the_text_goes_in_other_editors(
    document: Document, confirmer: Confirmer, marked: str, expected: str | None
) -> None:
    await where_the_text_goes(document, confirmer, marked, expected)


async def test_actions_are_quick_fixes_that_say_what_they_do(document: Document) -> None:
    actions = await document.ask(f"{AND}\n  exact‸\n")
    assert [(a.title, a.kind, a.is_preferred) for a in actions] == [
        ("llmstep: 🎉 exact ⟨hp, hq⟩", types.CodeActionKind.QuickFix, True)
    ]


async def test_what_remains_is_said(document: Document) -> None:
    actions = await document.ask(f"{AND}\n  cons‸\n")
    assert [a.title for a in actions] == ["llmstep: → constructor (2 goals: ⊢ p)"]


async def test_moving_the_cursor_shows_what_is_known_at_once_and_starts_the_work(document: Document) -> None:
    marked = f"{AND.replace('p ∧ q', 'q ∧ p')}\n  ‸\n"
    assert await document.actions(marked, types.CodeActionTriggerKind.Automatic) == []
    found = await eventually(lambda: document.ask(marked, types.CodeActionTriggerKind.Automatic))
    asked = await document.ask(marked)
    assert {action.title for action in found} <= {action.title for action in asked}
    assert "llmstep: 🎉 simp_all" in {action.title for action in asked}
    known = await document.ask(marked, types.CodeActionTriggerKind.Automatic)
    assert [(action.title, action.edit) for action in known] == [
        (action.title, action.edit) for action in asked
    ]


async def test_where_no_single_step_finishes_a_search_is_offered(document: Document) -> None:
    *steps, search = await document.actions(f"{AND}\n  cons‸\n")
    assert (len(steps), search.title) == (1, "llmstep: search for a whole proof (up to 200 s)")
    assert search.command is not None
    assert search.command.command == "llmstep.prove"
    assert list(search.command.arguments or ()) == [document.at(f"{AND}\n  cons‸\n")]
    assert [a.title for a in await document.actions(f"{AND}\n  exact‸\n")] == ["llmstep: 🎉 exact ⟨hp, hq⟩"]


async def test_where_there_is_nothing_the_reason_is_said_if_the_editor_can_show_it(
    document: Document,
) -> None:
    found = await document.actions(f"{AND}\n  exact ⟨hp, hq⟩\n  ‸\n")
    can = resolve(document.client.capabilities or types.ClientCapabilities(), "utf-16").disabled_actions
    assert [(a.title, a.disabled) for a in found] == [
        ("llmstep: no next step", types.CodeActionDisabled("No goals are left here."))
    ] * can


async def test_resolving_twice_changes_nothing(document: Document) -> None:
    for action in await document.actions(f"{AND}\n  cons‸\n"):
        assert await document.client.code_action_resolve_async(action) == action


async def test_a_cursor_on_the_line_break_is_behind_the_tactic(document: Document) -> None:
    document.set(f"{AND}\n  exact\n")
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(document.uri),
        types.Range(types.Position(1, 7), types.Position(2, 0)),
        types.CodeActionContext(diagnostics=[], trigger_kind=types.CodeActionTriggerKind.Invoked),
    )
    found = await document.client.text_document_code_action_async(params)
    assert [action.title for action in found or ()] == ["llmstep: 🎉 exact ⟨hp, hq⟩"]


async def test_a_client_that_does_not_say_why_it_asks_is_answered(document: Document) -> None:
    assert len(await document.ask(f"{AND}\n  exact‸\n", None)) == 1


async def test_what_is_taken_and_what_is_turned_down_is_kept_where_the_person_wants_that(
    document: Document, logs: Path
) -> None:
    (refused,) = await document.ask(f"{AND}\n  exact‸\n")
    (taken,) = await document.ask(f"{AND}\n  cons‸\n")
    assert taken.command is not None
    await document.command(taken.command.command, *(taken.command.arguments or ()))
    *_, first, second = read_accept_log(logs / "accepted.jsonl")
    assert [
        (record.offer.suggestions[0].text, record.offer.goals, record.offer.prefix, record.accepted)
        for record in (first, second)
    ] == [
        ("exact ⟨hp, hq⟩", ("p q : Prop\nhp : p\nhq : q\n⊢ p ∧ q",), "exact", None),
        ("constructor", ("p q : Prop\nhp : p\nhq : q\n⊢ p ∧ q",), "cons", 0),
    ]
    assert (first.offer.kind, first.offer.file) == ("codeAction", "Asked.lean")
    assert refused.command is not None
