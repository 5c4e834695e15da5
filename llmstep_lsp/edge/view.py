"""Owns the document as the editor sees it: its units, its line ends, and what edits it takes."""

from dataclasses import dataclass

from lsprotocol import types

from llmstep_lsp.domain.model import Snapshot
from llmstep_lsp.domain.text import Edit
from llmstep_lsp.edge.capabilities import Capabilities
from llmstep_lsp.edge.positions import to_client


@dataclass(frozen=True)
class View:
    """A snapshot, with LF line ends, of a document that has `line_end`, shown by `client`."""

    snapshot: Snapshot
    client: Capabilities
    line_end: str = "\n"

    def text_edit(self, edit: Edit) -> types.TextEdit:
        """`edit` as the editor counts."""
        return to_client(self.snapshot.text, edit, self.client.encoding, self.line_end)

    def workspace_edit(self, edit: Edit) -> types.WorkspaceEdit:
        """`edit`, for this version of the document alone where the editor can tell versions apart."""
        made = self.text_edit(edit)
        if not self.client.document_changes:
            return types.WorkspaceEdit(changes={self.snapshot.uri: [made]})
        document = types.OptionalVersionedTextDocumentIdentifier(
            uri=self.snapshot.uri, version=self.snapshot.version
        )
        return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, [made])])
