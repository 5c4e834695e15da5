from dataclasses import replace

from lsprotocol import types

from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Candidate, Snapshot, Status, Suggestion, Verdict
from llmstep_lsp.domain.text import Edit, Position, Range
from llmstep_lsp.edge.capabilities import Capabilities
from llmstep_lsp.edge.completions import completion_items, ghosts, inline_completions, listed
from llmstep_lsp.edge.view import View

SNAPSHOT = Snapshot("file:///a.lean", 7, "𝔽 by\n  ex\n")
CURSOR = Position(1, 4)
HERE = Range(Position(1, 2), Position(1, 4))
FINISHES = Suggestion(Candidate("exact h", "model", -0.5), Verdict(Status.FINISHES), Edit(HERE, "exact h"))
ADVANCES = Suggestion(
    Candidate("exfalso", "symbolic"),
    Verdict(Status.ADVANCES, (parse_goal("h : p\n⊢ False"),)),
    Edit(HERE, "exfalso"),
)
LONG = replace(FINISHES, candidate=Candidate("exact\n  h", "model", -0.5), edit=Edit(HERE, "exact\n    h"))
BELOW = replace(FINISHES, edit=Edit(Range(Position(1, 4), Position(1, 4)), "\n  exact h"))
ELSEWHERE = replace(FINISHES, edit=Edit(Range(Position(0, 4), Position(0, 4)), " exact h"))
VIEW = View(SNAPSHOT, Capabilities(exact_insertion=True, markdown=True))


def test_an_item_says_what_remains_and_always_matches() -> None:
    (item,) = completion_items([ADVANCES], VIEW, CURSOR)
    assert item == types.CompletionItem(
        label="exfalso",
        kind=types.CompletionItemKind.Snippet,
        detail="→ 1 goal: ⊢ False",
        documentation=types.MarkupContent(types.MarkupKind.Markdown, "```lean\nh : p\n⊢ False\n```"),
        sort_text=" 00",
        filter_text="ex",
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(types.Range(types.Position(1, 2), types.Position(1, 4)), "exfalso"),
    )


def test_items_are_in_the_order_of_the_suggestions_above_all_others() -> None:
    items = completion_items([FINISHES, ADVANCES], VIEW, CURSOR)
    assert [(item.sort_text, item.preselect) for item in items] == [(" 00", True), (" 01", None)]


def test_a_step_of_several_lines_is_left_out_where_the_client_would_indent_it() -> None:
    plain = View(SNAPSHOT, Capabilities())
    assert listed([LONG, FINISHES], VIEW, CURSOR) == [LONG, FINISHES]
    assert listed([LONG, FINISHES], plain, CURSOR) == [FINISHES]
    assert [item.label for item in completion_items([LONG], VIEW, CURSOR)] == ["exact"]


def test_a_step_that_goes_elsewhere_is_no_completion() -> None:
    assert listed([ELSEWHERE, FINISHES], VIEW, CURSOR) == [FINISHES]
    assert ghosts([ELSEWHERE, FINISHES], CURSOR, "all") == [FINISHES]


def test_a_client_without_markdown_gets_text() -> None:
    (item,) = completion_items([FINISHES], View(SNAPSHOT, Capabilities()), CURSOR)
    assert item.documentation == "no goals"


def test_ghost_text_is_the_best_step_that_closes_the_goal() -> None:
    assert ghosts([ADVANCES, FINISHES], CURSOR, "closing") == [FINISHES]
    assert ghosts([ADVANCES], CURSOR, "closing") == []
    assert ghosts([ADVANCES, FINISHES], CURSOR, "all") == [ADVANCES]
    assert ghosts([FINISHES], CURSOR, "off") == []


def test_ghost_text_may_go_on_below() -> None:
    end = types.Range(types.Position(1, 4), types.Position(1, 4))
    assert ghosts([BELOW], CURSOR, "closing") == [BELOW]
    assert inline_completions([BELOW], replace(VIEW, line_end="\r\n")) == [
        types.InlineCompletionItem("\r\n  exact h", range=end)
    ]


def test_where_a_log_is_kept_the_editor_says_what_was_taken() -> None:
    taken = types.Command("llmstep: accepted", "llmstep.accepted", arguments=["offer", 1])
    assert completion_items([FINISHES, ADVANCES], VIEW, CURSOR, "offer")[1].command == taken
    assert inline_completions([FINISHES, ADVANCES], VIEW, "offer")[1].command == taken
    assert inline_completions([FINISHES], VIEW)[0].command is None
