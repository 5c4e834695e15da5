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


def resolve(client: types.ClientCapabilities, encoding: types.PositionEncodingKind | str) -> Capabilities:
    """What `client` can take; `encoding` is the negotiated unit of columns."""
    name = types.PositionEncodingKind(encoding)
    workspace_edit = client.workspace.workspace_edit if client.workspace else None
    action = client.text_document.code_action if client.text_document else None
    tags = action.tag_support.value_set if action and action.tag_support else ()
    return Capabilities(
        encoding=_ENCODINGS[name],
        document_changes=bool(workspace_edit and workspace_edit.document_changes),
        llm_generated_tag=types.CodeActionTag.LlmGenerated in tags,
    )


_ENCODINGS: dict[types.PositionEncodingKind, Encoding] = {
    types.PositionEncodingKind.Utf8: "utf-8",
    types.PositionEncodingKind.Utf16: "utf-16",
    types.PositionEncodingKind.Utf32: "utf-32",
}
