"""Owns what the connected editor can do, decided once."""

from dataclasses import dataclass

from lsprotocol import types

from llmstep_lsp.domain.units import Encoding


@dataclass(frozen=True)
class Capabilities:
    """The client capabilities that change what we send."""

    encoding: Encoding = "utf-16"
    document_changes: bool = False
    llm_generated_tag: bool = False
    disabled_actions: bool = False
    exact_insertion: bool = False
    """Whether it inserts a completion of several lines as it is, without indenting its later lines."""
    markdown: bool = False
    progress: bool = False
    configuration: bool = False
    configuration_registration: bool = False


def resolve(client: types.ClientCapabilities, encoding: types.PositionEncodingKind | str) -> Capabilities:
    """What `client` can take; `encoding` is the negotiated unit of columns."""
    name = types.PositionEncodingKind(encoding)
    workspace = client.workspace or types.WorkspaceClientCapabilities()
    document = client.text_document or types.TextDocumentClientCapabilities()
    window = client.window or types.WindowClientCapabilities()
    edit = workspace.workspace_edit
    action = document.code_action
    tags = action.tag_support.value_set if action and action.tag_support else ()
    item = document.completion.completion_item if document.completion else None
    modes = item.insert_text_mode_support.value_set if item and item.insert_text_mode_support else ()
    formats = item.documentation_format if item and item.documentation_format else ()
    changed = workspace.did_change_configuration
    return Capabilities(
        encoding=_ENCODINGS[name],
        document_changes=bool(edit and edit.document_changes),
        llm_generated_tag=types.CodeActionTag.LlmGenerated in tags,
        disabled_actions=bool(action and action.disabled_support),
        exact_insertion=types.InsertTextMode.AsIs in modes,
        markdown=types.MarkupKind.Markdown in formats,
        progress=bool(window.work_done_progress),
        configuration=bool(workspace.configuration),
        configuration_registration=bool(changed and changed.dynamic_registration),
    )


_ENCODINGS: dict[types.PositionEncodingKind, Encoding] = {
    types.PositionEncodingKind.Utf8: "utf-8",
    types.PositionEncodingKind.Utf16: "utf-16",
    types.PositionEncodingKind.Utf32: "utf-32",
}
