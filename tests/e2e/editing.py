"""What an editor does with a document: open it, change it, ask at a cursor, apply an edit."""

from pathlib import Path

from lsprotocol import types
from pygls.workspace import PositionCodec
from pytest_lsp import LanguageClient

from tests.marked import MARK


def encoding_of(client: LanguageClient) -> types.PositionEncodingKind | str:
    """The unit of columns that the client likes best, UTF-16 if it does not say."""
    general = client.capabilities.general if client.capabilities else None
    return (
        general.position_encodings[0]
        if general and general.position_encodings
        else types.PositionEncodingKind.Utf16
    )


class Document:
    """A document in an editor; `text` is what stands on the screen."""

    def __init__(self, client: LanguageClient, path: Path, text: str = "") -> None:
        self.client, self.uri, self.text, self.version = client, path.as_uri(), text, 1
        self.codec = PositionCodec(encoding_of(client))
        client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(self.uri, "lean4", self.version, text))
        )

    def set(self, text: str) -> None:
        self.text, self.version = text, self.version + 1
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(uri=self.uri, version=self.version), [change]
            )
        )

    def close(self) -> None:
        self.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(self.uri))
        )

    async def ask(
        self, marked: str, trigger: types.CodeActionTriggerKind | None = types.CodeActionTriggerKind.Invoked
    ) -> list[types.CodeAction]:
        """The actions at the mark of `marked`, which becomes the document's text; each is resolved."""
        self.set(marked.replace(MARK, ""))
        cursor = self.place(marked)
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(self.uri),
            types.Range(cursor, cursor),
            types.CodeActionContext(diagnostics=[], trigger_kind=trigger),
        )
        found = await self.client.text_document_code_action_async(params) or []
        actions = [action for action in found if isinstance(action, types.CodeAction)]
        assert actions == list(found)
        return [await self.client.code_action_resolve_async(action) for action in actions]

    def place(self, marked: str) -> types.Position:
        """Where the mark is, in the client's units."""
        before = marked[: marked.index(MARK)].replace("\r\n", "\n")
        line = before.count("\n")
        return types.Position(line, self.codec.client_num_units(before.rpartition("\n")[2]))

    def after(self, action: types.CodeAction) -> str:
        """The text with the action's edit made, the document's version and name checked."""
        edit = action.edit
        assert edit is not None
        if edit.document_changes:
            (change,) = edit.document_changes
            assert isinstance(change, types.TextDocumentEdit)
            assert (change.text_document.uri, change.text_document.version) == (self.uri, self.version)
            (text_edit,) = change.edits
        else:
            assert edit.changes is not None
            (text_edit,) = edit.changes[self.uri]
        assert isinstance(text_edit, types.TextEdit)
        start, end = (self._index(at) for at in (text_edit.range.start, text_edit.range.end))
        return self.text[:start] + text_edit.new_text + self.text[end:]

    def _index(self, place: types.Position) -> int:
        lines = self.text.split("\n")
        line = lines[place.line]
        column = next(
            n for n in range(len(line) + 1) if self.codec.client_num_units(line[:n]) == place.character
        )
        return sum(len(above) + 1 for above in lines[: place.line]) + column
