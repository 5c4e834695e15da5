"""What an editor does with a document: open it, change it, ask at a cursor, apply an edit."""

from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.workspace import PositionCodec
from pytest_lsp import LanguageClient
from pytest_lsp.client import make_test_lsp_client

from tests.marked import MARK


def make_client() -> LanguageClient:
    """A client that lets servers register, and tells code actions with a command from commands."""
    client = make_test_lsp_client()
    converter: Any = client.protocol._converter

    def structure(found: dict[str, Any], _: type) -> types.Command | types.CodeAction:
        if isinstance(found.get("command"), str):
            return converter.structure(found, types.Command)  # type: ignore[no-any-return]
        return converter.structure(found, types.CodeAction)  # type: ignore[no-any-return]

    converter.register_structure_hook(types.Command | types.CodeAction, structure)

    @client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(_params: types.RegistrationParams) -> None:
        """Agree."""

    return client


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

    def at(self, marked: str) -> dict[str, Any]:
        """The argument of a command at the mark of `marked`, which becomes the document's text."""
        if marked.replace(MARK, "") != self.text:
            self.set(marked.replace(MARK, ""))
        cursor = self.place(marked)
        return {
            "textDocument": {"uri": self.uri},
            "position": {"line": cursor.line, "character": cursor.character},
        }

    async def ghost(
        self,
        marked: str,
        trigger: types.InlineCompletionTriggerKind = types.InlineCompletionTriggerKind.Automatic,
    ) -> list[types.InlineCompletionItem]:
        """The ghost text at the mark of `marked`, which becomes the document's text."""
        where = self.at(marked)
        params = types.InlineCompletionParams(
            types.InlineCompletionContext(trigger),
            types.TextDocumentIdentifier(self.uri),
            types.Position(**where["position"]),
        )
        found = await self.client.text_document_inline_completion_async(params)
        assert isinstance(found, types.InlineCompletionList)
        return list(found.items)

    async def completions(self, marked: str) -> types.CompletionList:
        """The completions at the mark of `marked`, which becomes the document's text."""
        where = self.at(marked)
        params = types.CompletionParams(
            types.TextDocumentIdentifier(self.uri), types.Position(**where["position"])
        )
        found = await self.client.text_document_completion_async(params)
        assert isinstance(found, types.CompletionList)
        return found

    async def command(self, name: str, *arguments: Any) -> Any:
        """What a command answers."""
        return await self.client.workspace_execute_command_async(
            types.ExecuteCommandParams(name, arguments=list(arguments))
        )

    def close(self) -> None:
        self.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(self.uri))
        )

    async def ask(
        self, marked: str, trigger: types.CodeActionTriggerKind | None = types.CodeActionTriggerKind.Invoked
    ) -> list[types.CodeAction]:
        """The steps that `actions` offers."""
        return [action for action in await self.actions(marked, trigger) if action.edit]

    async def actions(
        self, marked: str, trigger: types.CodeActionTriggerKind | None = types.CodeActionTriggerKind.Invoked
    ) -> list[types.CodeAction]:
        """The actions at the mark of `marked`, which becomes the document's text; each is resolved."""
        if marked.replace(MARK, "") != self.text:
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
        return self.edited(text_edit.range, text_edit.new_text)

    def edited(self, where: types.Range, text: str) -> str:
        """The text with what stands at `where` replaced."""
        start, end = (self._index(at) for at in (where.start, where.end))
        return self.text[:start] + text + self.text[end:]

    def _index(self, place: types.Position) -> int:
        lines = self.text.split("\n")
        line = lines[place.line]
        column = next(
            n for n in range(len(line) + 1) if self.codec.client_num_units(line[:n]) == place.character
        )
        return sum(len(above) + 1 for above in lines[: place.line]) + column
