"""Owns how a suggestion becomes a code action."""

from lsprotocol import types

from llmstep_lsp.domain.model import Snapshot, Status, Suggestion
from llmstep_lsp.edge.capabilities import Capabilities
from llmstep_lsp.edge.positions import to_client
from llmstep_lsp.edge.wording import SYMBOLS, remaining, shortened


def code_actions(
    suggestions: tuple[Suggestion, ...], snapshot: Snapshot, capabilities: Capabilities, line_end: str
) -> list[types.CodeAction]:
    """The code actions for `suggestions`, best first, as the client can take them."""
    return [
        _code_action(
            suggestion,
            _workspace_edit(suggestion, snapshot, capabilities, line_end),
            preferred=number == 0 and suggestion.verdict.status is Status.FINISHES,
            tagged=capabilities.llm_generated_tag and suggestion.candidate.score is not None,
        )
        for number, suggestion in enumerate(suggestions)
    ]


def _code_action(
    suggestion: Suggestion, edit: types.WorkspaceEdit, *, preferred: bool, tagged: bool
) -> types.CodeAction:
    symbol = SYMBOLS[suggestion.verdict.status]
    left = f" ({remaining(suggestion)})" if suggestion.verdict.goals else ""
    return types.CodeAction(
        title=f"llmstep: {symbol} {shortened(suggestion.candidate.text)}{left}",
        kind=types.CodeActionKind.QuickFix,
        is_preferred=preferred or None,
        edit=edit,
        tags=[types.CodeActionTag.LlmGenerated] if tagged else None,
    )


def _workspace_edit(
    suggestion: Suggestion, snapshot: Snapshot, capabilities: Capabilities, line_end: str
) -> types.WorkspaceEdit:
    edit = to_client(snapshot.text, suggestion.edit, capabilities.encoding, line_end)
    if not capabilities.document_changes:
        return types.WorkspaceEdit(changes={snapshot.uri: [edit]})
    document = types.OptionalVersionedTextDocumentIdentifier(uri=snapshot.uri, version=snapshot.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, [edit])])
