"""Owns how suggestions become completions, in a list or as ghost text.

Both replace text on the cursor's line only, from somewhere before the cursor to somewhere behind it, so a
suggestion that goes elsewhere becomes neither.
"""

from collections.abc import Sequence
from typing import Literal

from lsprotocol import types

from llmstep_lsp.domain.model import Status, Suggestion
from llmstep_lsp.domain.text import Position, offset
from llmstep_lsp.edge.command_names import accepted
from llmstep_lsp.edge.view import View
from llmstep_lsp.edge.wording import SYMBOLS, remaining

GhostText = Literal["closing", "all", "off"]


def listed(suggestions: Sequence[Suggestion], view: View, cursor: Position) -> list[Suggestion]:
    """Those of `suggestions` that can be completions in a list."""
    return [
        suggestion
        for suggestion in suggestions
        if _at(suggestion, cursor) and ("\n" not in suggestion.edit.text or view.client.exact_insertion)
    ]


def ghosts(suggestions: Sequence[Suggestion], cursor: Position, wanted: GhostText) -> list[Suggestion]:
    """The best of `suggestions` that is `wanted` as ghost text and can be it, if there is one."""
    if wanted == "off":
        return []
    return [
        suggestion
        for suggestion in suggestions
        if _at(suggestion, cursor) and (wanted == "all" or suggestion.verdict.status is not Status.ADVANCES)
    ][:1]


def completion_items(
    shown: Sequence[Suggestion], view: View, cursor: Position, offer: str | None = None
) -> list[types.CompletionItem]:
    """The items for `shown`, best first, above all others, their remaining goals as documentation.

    `offer` is what the journal calls them, if it is kept.
    """
    return [_item(suggestion, view, cursor, number, offer) for number, suggestion in enumerate(shown)]


def inline_completions(
    shown: Sequence[Suggestion], view: View, offer: str | None = None
) -> list[types.InlineCompletionItem]:
    """The items for `shown`; `offer` is as in `completion_items`."""
    return [
        types.InlineCompletionItem(
            (edit := view.text_edit(suggestion.edit)).new_text,
            range=edit.range,
            command=accepted(offer, number),
        )
        for number, suggestion in enumerate(shown)
    ]


def _item(
    suggestion: Suggestion, view: View, cursor: Position, number: int, offer: str | None
) -> types.CompletionItem:
    return types.CompletionItem(
        label=suggestion.candidate.text.partition("\n")[0],
        kind=types.CompletionItemKind.Snippet,
        detail=f"{SYMBOLS[suggestion.verdict.status]} {remaining(suggestion)}",
        documentation=_goals(suggestion, view),
        preselect=(number == 0 and suggestion.verdict.status is Status.FINISHES) or None,
        sort_text=f" {number:02}",
        # Editors show what matches the text that is to be replaced; what stands there always does.
        filter_text=_replaced(suggestion, view, cursor),
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs if view.client.exact_insertion else None,
        text_edit=view.text_edit(suggestion.edit),
        command=accepted(offer, number),
    )


def _goals(suggestion: Suggestion, view: View) -> str | types.MarkupContent:
    goals = "\n\n".join(goal.text for goal in suggestion.verdict.goals) or "no goals"
    if not view.client.markdown:
        return goals
    return types.MarkupContent(types.MarkupKind.Markdown, f"```lean\n{goals}\n```")


def _at(suggestion: Suggestion, cursor: Position) -> bool:
    span = suggestion.edit.range
    return span.start.line == span.end.line and span.start <= cursor <= span.end


def _replaced(suggestion: Suggestion, view: View, cursor: Position) -> str:
    text = view.snapshot.text
    return text[offset(text, suggestion.edit.range.start) : offset(text, cursor)]
