"""Ghost text and completions: what an editor shows while a person types, and Lean confirms."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient

from tests.e2e.conftest import Confirmer
from tests.e2e.editing import Document
from tests.e2e.positions import AND
from tests.waiting import eventually

pytestmark = [pytest.mark.lean, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def document(client: LanguageClient, lean_folder: Path) -> Iterator[Document]:
    document = Document(client, lean_folder / "Asked.lean")  # where a Lean is warm already
    yield document
    document.close()


@pytest.mark.parametrize("typed", ["exact‸", "exact ‸"])
async def test_ghost_text_comes_when_it_is_verified(
    document: Document, confirmer: Confirmer, typed: str
) -> None:
    (item,) = await document.ghost(f"{AND}\n  {typed}\n")
    assert isinstance(item.insert_text, str)
    assert item.range is not None
    result = document.edited(item.range, item.insert_text)
    assert result == f"{AND}\n  exact ⟨hp, hq⟩\n"
    assert confirmer.errors(result) == []


async def test_a_completion_replaces_the_blank_before_it(document: Document) -> None:
    listed = await eventually(lambda: complete(document, f"{AND}\n  exact ‸\n"))
    assert [(item.label, item.filter_text) for item in listed] == [("exact ⟨hp, hq⟩", "exact ")]


async def test_ghost_text_does_not_show_a_step_that_leaves_goals(document: Document) -> None:
    assert await document.ghost(f"{AND}\n  cons‸\n") == []
    assert [a.title for a in await document.ask(f"{AND}\n  cons‸\n")] == [
        "llmstep: → constructor (2 goals: ⊢ p)"
    ]


async def test_where_there_is_no_goal_there_is_neither(document: Document) -> None:
    outside = "def ‸x := 1\n"
    assert await document.ghost(outside) == []
    assert await document.completions(outside) == types.CompletionList(is_incomplete=False, items=())


async def test_completions_come_at_once_and_have_the_verified_steps_when_they_are_known(
    document: Document, confirmer: Confirmer
) -> None:
    marked = f"{AND.replace(' t ', ' u ')}\n  con‸\n"
    early = await document.completions(marked)
    assert (early.is_incomplete, early.items) == (True, ())
    (item,) = await eventually(lambda: complete(document, marked))
    assert (item.label, item.detail, item.filter_text) == ("constructor", "→ 2 goals: ⊢ p", "con")
    text = (
        item.documentation.value
        if isinstance(item.documentation, types.MarkupContent)
        else item.documentation
    )
    assert text is not None
    assert text.count("⊢ p") == text.count("⊢ q") == 1
    assert isinstance(item.text_edit, types.TextEdit)
    result = document.edited(item.text_edit.range, item.text_edit.new_text)
    assert result == f"{AND.replace(' t ', ' u ')}\n  constructor\n"
    assert confirmer.errors(result) == []


async def complete(document: Document, marked: str) -> Sequence[types.CompletionItem]:
    """The completions at the mark, as soon as no more are to come."""
    found = await document.completions(marked)
    return () if found.is_incomplete else found.items
