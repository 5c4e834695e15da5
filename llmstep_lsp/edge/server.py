"""Owns the language server: its handlers and what it remembers between requests."""

import asyncio
import logging
from collections.abc import Callable

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from llmstep_lsp import __version__
from llmstep_lsp.compose import Setup
from llmstep_lsp.domain.model import Snapshot
from llmstep_lsp.domain.text import line_end, to_lf
from llmstep_lsp.edge.capabilities import Capabilities, resolve
from llmstep_lsp.edge.code_actions import code_actions
from llmstep_lsp.edge.positions import from_client
from llmstep_lsp.edge.settings import Settings, parse_settings
from llmstep_lsp.errors import LlmstepError
from llmstep_lsp.service.suggest import Request, Suggester

_log = logging.getLogger(__name__)


class LlmstepServer(LanguageServer):
    """A language server with what one session of an editor needs."""

    def __init__(self, make_suggester: Callable[[Setup], tuple[Suggester, list[str]]]) -> None:
        # Whole documents, because pygls finds the place of a change by Python's idea of a
        # line, which also ends at a form feed or at U+2028.
        super().__init__("llmstep-lsp", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self._make_suggester = make_suggester
        self.settings = Settings()
        self.client = Capabilities()
        self.suggester: Suggester | None = None
        self._closing: asyncio.Future[None] | None = None
        self._last_notes: tuple[str, ...] = ()
        self._shown: set[str] = set()
        self._problems: list[str] = []

    def configure(self, params: types.InitializeParams) -> None:
        """Take over what the client says of itself and of the settings."""
        self.settings, self._problems = parse_settings(params.initialization_options)
        self.client = resolve(
            params.capabilities, self.workspace.position_encoding or types.PositionEncodingKind.Utf16
        )
        chosen = self.settings
        setup = Setup(chosen.lean, chosen.generators, chosen.model, chosen.repair, chosen.cache_megabytes)
        self.suggester, problems = self._make_suggester(setup)
        self._problems += [f"llmstep: {problem}" for problem in problems]

    def close(self) -> None:
        """Begin to end Lean and the generators; what is left when the process ends goes with it.

        Some clients send `exit` without waiting for the answer to `shutdown`, so that takes no time.
        """
        if self.suggester:
            self._closing = asyncio.ensure_future(self.suggester.aclose())

    def report_problems(self) -> None:
        """Tell the person about settings that were wrong."""
        for problem in self._problems:
            self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, problem))

    async def code_actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """What Lean has accepted at the end of the range, as code actions.

        Raises:
            JsonRpcException: the document is not open or changed meanwhile, or Lean failed.
        """
        if self.suggester is None or not _wanted(params.context):
            return []
        if params.text_document.uri not in self.workspace.text_documents:
            raise JsonRpcException(f"{params.text_document.uri} is not open.", types.ErrorCodes.InvalidParams)
        document = self.workspace.get_text_document(params.text_document.uri)
        version, text = document.version or 0, to_lf(document.source)
        snapshot = Snapshot(document.uri, version, text)
        position = from_client(text, params.range.end, self.client.encoding)
        request = Request(snapshot, position, self.settings.budget_seconds, self.settings.count)
        try:
            answer = await self.suggester.suggest(request)
        except LlmstepError as error:
            self._tell((str(error),))
            raise JsonRpcException(str(error), types.LSPErrorCodes.RequestFailed) from error
        if (self.workspace.get_text_document(document.uri).version or 0) != version:
            raise JsonRpcException("The document changed.", types.LSPErrorCodes.ContentModified)
        self._tell(answer.notes)
        self._warn(answer.failures)
        return code_actions(answer.suggestions, snapshot, self.client, line_end(document.source))

    def _tell(self, notes: tuple[str, ...]) -> None:
        """Write `notes` to the editor's log, once as long as they stay the same."""
        if notes != self._last_notes:
            for note in notes:
                self.window_log_message(types.LogMessageParams(types.MessageType.Info, note))
        self._last_notes = notes

    def _warn(self, failures: tuple[str, ...]) -> None:
        """Show each of `failures` once."""
        for failure in failures:
            if failure not in self._shown:
                self.window_show_message(
                    types.ShowMessageParams(types.MessageType.Warning, f"llmstep: {failure}")
                )
        self._shown.update(failures)


def create_server(make_suggester: Callable[[Setup], tuple[Suggester, list[str]]]) -> LlmstepServer:
    """A server, ready to be started; `make_suggester` also says what could not be made as it was set."""
    server = LlmstepServer(make_suggester)

    @server.feature(types.INITIALIZE)
    def initialize(ls: LlmstepServer, params: types.InitializeParams) -> None:
        ls.configure(params)

    @server.feature(types.INITIALIZED)
    def initialized(ls: LlmstepServer, _params: types.InitializedParams) -> None:
        ls.report_problems()

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix], resolve_provider=True),
    )
    async def code_action(ls: LlmstepServer, params: types.CodeActionParams) -> list[types.CodeAction]:
        return await ls.code_actions(params)

    @server.feature(types.CODE_ACTION_RESOLVE)
    def resolve_code_action(_ls: LlmstepServer, action: types.CodeAction) -> types.CodeAction:
        # Every action has its edit from the start; some editors ask all the same.
        return action

    @server.feature(types.SHUTDOWN)
    def shutdown(ls: LlmstepServer, *_: object) -> None:
        ls.close()

    return server


def _wanted(context: types.CodeActionContext) -> bool:
    """Whether the person asks, and for our kind: moving the cursor must not start Lean's work."""
    if context.trigger_kind is types.CodeActionTriggerKind.Automatic:
        return False
    quick_fix = types.CodeActionKind.QuickFix.value
    return context.only is None or any(_includes(kind, quick_fix) for kind in context.only)


def _includes(kind: str, part: str) -> bool:
    """Whether code action kind `part` is `kind` or below it; "" includes all."""
    name = kind.value if isinstance(kind, types.CodeActionKind) else kind
    return name in {"", part} or part.startswith(name + ".")
