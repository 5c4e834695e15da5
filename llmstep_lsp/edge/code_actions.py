"""Owns how suggestions become code actions."""

from collections.abc import Sequence

from lsprotocol import types

from llmstep_lsp.domain.model import Status, Suggestion
from llmstep_lsp.edge.command_names import PROVE, accepted
from llmstep_lsp.edge.view import View
from llmstep_lsp.edge.wording import titled


def code_actions(
    suggestions: Sequence[Suggestion], view: View, *, scores: bool = False, offer: str | None = None
) -> list[types.CodeAction]:
    """The code actions for `suggestions`, best first; their titles have `scores`, where there are any.

    `offer` is what the journal calls them, if it is kept.
    """
    return [
        types.CodeAction(
            title=f"llmstep: {titled(suggestion, score=scores)}",
            kind=types.CodeActionKind.QuickFix,
            is_preferred=(number == 0 and suggestion.verdict.status is Status.FINISHES) or None,
            edit=view.workspace_edit(suggestion.edit),
            command=accepted(offer, number),
            tags=[types.CodeActionTag.LlmGenerated] if _by_model(suggestion, view) else None,
        )
        for number, suggestion in enumerate(suggestions)
    ]


def prove_action(uri: str, cursor: types.Position, seconds: float) -> types.CodeAction:
    """The action that searches for a whole proof at `cursor`."""
    title = f"llmstep: search for a whole proof (up to {seconds:g} s)"
    where = {"textDocument": {"uri": uri}, "position": {"line": cursor.line, "character": cursor.character}}
    return types.CodeAction(
        title=title,
        kind=types.CodeActionKind.QuickFix,
        command=types.Command(title, PROVE, arguments=[where]),
    )


def disabled_action(reason: str) -> types.CodeAction:
    """An action that cannot be taken, and says why there is none."""
    return types.CodeAction(
        title="llmstep: no next step",
        kind=types.CodeActionKind.QuickFix,
        disabled=types.CodeActionDisabled(reason),
    )


def _by_model(suggestion: Suggestion, view: View) -> bool:
    return view.client.llm_generated_tag and suggestion.candidate.score is not None
