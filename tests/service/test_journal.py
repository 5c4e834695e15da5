"""What is kept of steps that were shown: which were taken, and which turned down although asked for."""

from dataclasses import replace

import pytest

from llmstep_lsp.domain.model import Candidate, Goal, Snapshot, Status, Suggestion, Verdict
from llmstep_lsp.domain.offer import Offer, Record, Shown
from llmstep_lsp.domain.text import Edit, Position, Range
from llmstep_lsp.service.journal import Journal, offer_of
from llmstep_lsp.service.suggest import Answer, Request

URI = "file:///home/me/secret%20project/A.lean"
SHOWN = (Shown("rfl", "m", -0.5, "finishes", ()), Shown("simp", "symbolic", None, "advances", ("⊢ q",)))
OFFER = Offer(
    "codeAction", asked=True, file="A.lean", goals=("⊢ p",), prefix="", context="", suggestions=SHOWN
)
AUTOMATIC = replace(OFFER, asked=False)


@pytest.fixture
def kept() -> list[Record]:
    return []


@pytest.fixture
def journal(kept: list[Record]) -> Journal:
    return Journal(kept.append)


def test_a_step_that_is_taken_is_kept_once(journal: Journal, kept: list[Record]) -> None:
    offer = journal.offered(URI, AUTOMATIC)
    journal.accepted(offer, 1)
    journal.accepted(offer, 0)
    journal.closed(URI)
    assert kept == [Record(offer, kept[0].time, AUTOMATIC, 1)]
    assert kept[0].time.endswith("+00:00")


def test_steps_that_were_asked_for_are_turned_down_by_the_next_ones(
    journal: Journal, kept: list[Record]
) -> None:
    first, second = journal.offered(URI, OFFER), journal.offered(URI, OFFER)
    assert [(record.id, record.accepted) for record in kept] == [(first, None)]
    journal.closed(URI)
    assert [record.id for record in kept] == [first, second]


def test_what_came_by_itself_is_not_kept(journal: Journal, kept: list[Record]) -> None:
    journal.offered(URI, AUTOMATIC)
    journal.offered(URI, AUTOMATIC)
    journal.closed(URI)
    assert kept == []


def test_neither_another_document_nor_ghost_text_turns_steps_down(
    journal: Journal, kept: list[Record]
) -> None:
    offer = journal.offered(URI, OFFER)
    journal.offered("file:///B.lean", OFFER)
    journal.offered(URI, replace(OFFER, kind="inlineCompletion", asked=False))
    journal.closed("file:///C.lean")
    assert kept == []
    journal.accepted(offer, 0)
    assert [(record.id, record.accepted) for record in kept] == [(offer, 0)]


def test_the_end_of_the_session_turns_down_the_rest(journal: Journal, kept: list[Record]) -> None:
    offers = [journal.offered(URI, OFFER), journal.offered("file:///B.lean", OFFER)]
    journal.close()
    assert [record.id for record in kept] == offers


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_that_was_not_shown_is_nothing(journal: Journal, kept: list[Record], index: int) -> None:
    offer = journal.offered(URI, OFFER)
    journal.accepted(offer, index)
    journal.accepted("another", 0)
    assert kept == []
    journal.accepted(offer, 1)
    assert len(kept) == 1


def suggestion(text: str, start: int, end: int) -> Suggestion:
    place = Range(Position(1, start), Position(1, end))
    verdict = Verdict(Status.ADVANCES, (Goal("⊢ q", "q"),))
    return Suggestion(Candidate(text, "m", -0.5), verdict, Edit(place, text))


def offered(text: str, shown: Suggestion, prefix: str = "") -> Offer:
    request = Request(Snapshot(URI, 1, text), Position(1, 2), 5.0, prefix=prefix)
    return offer_of(request, Answer((Goal("h : p\n⊢ p", "p"),)), [shown], "codeAction", asked=True)


def test_what_is_kept_of_an_answer() -> None:
    head = "theorem t : p := by\n"
    assert offered(f"{head}  rw [\nrest", suggestion("rw [h]", 2, 6)) == Offer(
        "codeAction",
        asked=True,
        file="A.lean",
        goals=("h : p\n⊢ p",),
        prefix="rw [",
        context=f"{head}  ",
        suggestions=(Shown("rw [h]", "m", -0.5, "advances", ("⊢ q",)),),
    )
    assert offered(f"{head}  sorry", suggestion("simp", 2, 7)).prefix == ""
    assert offered(f"{head}  ", suggestion("simp", 2, 2), prefix="si").prefix == "si"


def test_of_a_long_file_only_the_end_before_the_steps_is_kept() -> None:
    text = "x" * 5000 + "\n  rest"
    assert offered(text, suggestion("simp", 2, 2)).context == "x" * 3997 + "\n  "
