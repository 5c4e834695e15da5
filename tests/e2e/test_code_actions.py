"""An editor asks at every kind of place, applies what it gets, and Lean confirms the result."""

from pathlib import Path

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient

from tests.e2e.conftest import Confirmer
from tests.e2e.editing import Document
from tests.e2e.positions import AND, CASES

pytestmark = [pytest.mark.lean, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def document(client: LanguageClient, lean_folder: Path) -> Document:
    return Document(client, lean_folder / "Asked.lean")


@pytest.mark.parametrize(("marked", "expected"), CASES.values(), ids=CASES)
async def test_where_the_text_goes(
    document: Document, confirmer: Confirmer, marked: str, expected: str | None
) -> None:
    results = [document.after(action) for action in await document.ask(marked)]
    assert (expected in results) if expected else results == []
    known = confirmer.errors(document.text)
    for result in results:
        new = [message for message in confirmer.errors(result) if message not in known]
        assert new == [], result


async def test_actions_are_quick_fixes_that_say_what_they_do(document: Document) -> None:
    actions = await document.ask(f"{AND}\n  exact‸\n")
    assert [(a.title, a.kind, a.is_preferred) for a in actions] == [
        ("llmstep: 🎉 exact ⟨hp, hq⟩", types.CodeActionKind.QuickFix, True)
    ]


async def test_what_remains_is_said(document: Document) -> None:
    actions = await document.ask(f"{AND}\n  cons‸\n")
    assert [a.title for a in actions] == ["llmstep: → constructor (2 goals: ⊢ p)"]


async def test_moving_the_cursor_starts_nothing(document: Document) -> None:
    assert await document.ask(f"{AND}\n  ‸\n", types.CodeActionTriggerKind.Automatic) == []


async def test_a_client_that_does_not_say_why_it_asks_is_answered(document: Document) -> None:
    assert len(await document.ask(f"{AND}\n  exact‸\n", None)) == 1
