"""Owns where we differ from pygls in speaking the protocol."""

import asyncio
from collections.abc import Generator
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.language_server import lsp_method


class Protocol(LanguageServerProtocol):
    """That of pygls, but commands can be cancelled, and get their arguments as they were sent.

    An answer of the editor that nobody waits for any more is no mistake, nor are changes that come late.
    """

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(
        self, params: types.DidChangeTextDocumentParams
    ) -> Generator[Any, Any, None]:
        """Take over a change, which is the whole text, unless a later one came before it.

        Helix sends what is typed at once in any order.
        """
        known = self.workspace.get_text_document(params.text_document.uri).version
        if known is None or known <= params.text_document.version:
            yield from super().lsp_text_document__did_change(params)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]  # pygls takes any handler
        self, params: types.ExecuteCommandParams
    ) -> Any:
        """Run a command, which is called with the parameters of the request."""
        command = self.fm.commands.get(params.command)
        if command is None:
            known = ", ".join(self.fm.commands)
            raise JsonRpcException(
                f"There is no command {params.command}; there are {known}.", types.ErrorCodes.InvalidParams
            )
        return await command(params)

    def send_request_async(
        self, method: str, params: Any = None, msg_id: int | str | None = None
    ) -> "asyncio.Future[Any]":
        """Ask the editor.  If the caller is cancelled, the question stays, and is answered some time."""
        return asyncio.shield(super().send_request_async(method, params, msg_id))

    def plain(self, value: Any) -> Any:
        """`value`, of the protocol's types, as JSON has it."""
        return self._converter.unstructure(value)
