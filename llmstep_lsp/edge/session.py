"""Owns one session of an editor: its settings, the service behind it, its documents, and what it is told."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from llmstep_lsp import __version__
from llmstep_lsp.compose import Parts, Setup, make_journal
from llmstep_lsp.domain.model import Snapshot, Suggestion
from llmstep_lsp.domain.offer import Kind
from llmstep_lsp.domain.place import Place, holds
from llmstep_lsp.domain.text import line_end, to_lf
from llmstep_lsp.edge import bridge
from llmstep_lsp.edge.capabilities import Capabilities, resolve
from llmstep_lsp.edge.configuration import (
    SECTION,
    Layers,
    command_line_layer,
    editor_layer,
    effective,
    environment_layer,
    project_layer,
    says_something,
)
from llmstep_lsp.edge.logs import log_to_editor, set_level
from llmstep_lsp.edge.positions import from_client
from llmstep_lsp.edge.protocol import Protocol
from llmstep_lsp.edge.settings import Settings
from llmstep_lsp.edge.view import View
from llmstep_lsp.errors import LlmstepError, StaleError
from llmstep_lsp.ports import LeanLender
from llmstep_lsp.service.answers import Answers
from llmstep_lsp.service.journal import Journal, offer_of
from llmstep_lsp.service.suggest import Answer, Request

_log = logging.getLogger(__name__)

# An editor that has not answered by then never will.
_SECONDS_FOR_SETTINGS = 5.0

MakeParts = Callable[[Setup, LeanLender | None], Parts]
"""Puts together what the settings ask for, with a lent Lean if there is one."""


@dataclass(frozen=True)
class Start:
    """How the server was started: settings of its command line, its environment, and a lent Lean, if any."""

    command_line: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    lender: LeanLender | None = None


class Session(LanguageServer):
    """A language server with what one session of an editor needs."""

    protocol: Protocol

    def __init__(self, make_parts: MakeParts, start: Start) -> None:
        # Whole documents, because pygls finds the place of a change by Python's idea of a
        # line, which also ends at a form feed or at U+2028.
        super().__init__(
            "llmstep-lsp",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Full,
            protocol_cls=Protocol,
            converter_factory=bridge.converter,
        )
        self._make_parts = make_parts
        self._start = start
        self._lender = start.lender
        self._layers = Layers()
        self._setup: Setup | None = None
        self._service: _Service | None = None
        self._problems: list[str] = []
        self._searches: dict[asyncio.Task[Any], Place] = {}
        self._behind: set[asyncio.Task[None]] = set()
        self._journal: Journal | None = None
        self._last_notes: tuple[str, ...] = ()
        self._shown: set[str] = set()
        self.settings = Settings()
        self.origins: dict[str, str] = {}
        self.client = Capabilities()

    # What it is put together from

    @property
    def parts(self) -> Parts:
        """The prover and the generators."""
        return self._served.parts

    @property
    def answers(self) -> Answers:
        """What is known, and who finds out more."""
        return self._served.answers

    @property
    def _served(self) -> "_Service":
        if self._setup is None:
            raise JsonRpcException("Send `initialize` first.", types.ErrorCodes.ServerNotInitialized)
        if self._service is None:  # to put it together takes time, and `initialize` is waited for
            parts = self._make_parts(self._setup, self._lender)
            answers = Answers(parts.prover, parts.generators, repair=parts.repair)
            self._service = _Service(parts, answers)
        return self._service

    def open(self, params: types.InitializeParams) -> None:
        """Take over what the client says of itself, and all settings that are known by now."""
        self.client = resolve(
            params.capabilities, self.workspace.position_encoding or types.PositionEncodingKind.Utf16
        )
        self._lender = self._start.lender or bridge.offered(self, params)
        root = self.workspace.root_path
        self._configure(
            Layers(
                command_line=command_line_layer(self._start.command_line),
                environment=environment_layer(self._start.environment),
                initial=editor_layer(params.initialization_options),
                project=project_layer(Path(root)) if root else Layers().project,
            )
        )

    async def opened(self) -> None:
        """Ask the editor for settings that it did not send, and say what is wrong with any."""
        log_to_editor(lambda kind, text: self.window_log_message(types.LogMessageParams(kind, text)))
        if self.client.configuration_registration:
            registration = types.Registration(
                "llmstep-settings",
                types.WORKSPACE_DID_CHANGE_CONFIGURATION,
                types.DidChangeConfigurationRegistrationOptions(section=SECTION),
            )
            self.behind(self.client_register_capability_async(types.RegistrationParams([registration])))
        await self._ask_for_settings()
        self._complain()

    async def reconfigure(self, settings: Any) -> None:
        """Take over `settings` that changed; where the editor only says that some did, ask for them."""
        if says_something(settings):
            self._configure(replace(self._layers, editor=editor_layer(settings)))
        else:
            await self._ask_for_settings()
        self._complain()

    async def _ask_for_settings(self) -> None:
        if not self.client.configuration:
            return
        items = [types.ConfigurationItem(section=SECTION)]
        try:
            async with asyncio.timeout(_SECONDS_FOR_SETTINGS):
                answer = await self.workspace_configuration_async(types.ConfigurationParams(items))
        except (JsonRpcException, TimeoutError) as error:
            _log.info("the editor does not tell its settings: %s", error)
            return
        self._configure(replace(self._layers, editor=editor_layer(answer[0] if answer else None)))

    def _configure(self, layers: Layers) -> None:
        """Let `layers` count; what they change of the service is put together anew."""
        self._layers = layers
        self.settings, self._problems, self.origins = effective(layers)
        set_level(self.settings.log_level)
        if not self.settings.accept_log:
            self._journal = None
        elif self._journal is None:
            self._journal = make_journal()
        chosen = self.settings
        setup = Setup(chosen.lean, chosen.generators, chosen.model, chosen.repair, chosen.cache_megabytes)
        if setup != self._setup:
            self.close()
            self._setup, self._service = setup, None

    def close(self) -> None:
        """Begin to end Lean and the generators; what is left when the process ends goes with it.

        Some clients send `exit` without waiting for the answer to `shutdown`, so that takes no time.
        """
        self.stop()
        if self._journal:
            self._journal.close()
        if self._service:
            self.behind(self._service.aclose())

    async def restart_lean(self) -> None:
        """End Lean, which starts again when it is next asked, and forget what it said."""
        self.stop()
        self.answers.forget()
        await self.parts.prover.aclose()

    def behind(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do `work`, whose result nobody waits for."""
        task = asyncio.ensure_future(_logged(work))
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)

    # Documents and questions about them

    def snapshot(self, uri: str) -> tuple[Snapshot, View]:
        """The document `uri` as it is now.

        Raises:
            JsonRpcException: it is not open.
        """
        if uri not in self.workspace.text_documents:
            raise JsonRpcException(f"{uri} is not open.", types.ErrorCodes.InvalidParams)
        document = self.workspace.get_text_document(uri)
        snapshot = Snapshot(uri, document.version or 0, to_lf(document.source))
        return snapshot, View(snapshot, self.client, line_end(document.source))

    def request(self, uri: str, cursor: types.Position, prefix: str = "") -> tuple[Request, View]:
        """What is asked at `cursor`.

        Raises:
            JsonRpcException: the document is not open.
        """
        snapshot, view = self.snapshot(uri)
        position = from_client(snapshot.text, cursor, self.client.encoding)
        settings = self.settings
        return Request(snapshot, position, settings.budget_seconds, settings.count, prefix), view

    async def answer(self, request: Request, *, first: bool = False) -> Answer:
        """The answer to `request` within its time; with `first`, as soon as a step closes the goal.

        Raises:
            JsonRpcException: the document changed meanwhile, or Lean failed.
        """
        with self.refusing():
            answer = await self.answers.ask(request, first=first)
        for failure in answer.failures:
            self.warn(f"llmstep: {failure}")
        return answer

    def known(self, request: Request) -> Answer | None:
        """What is known now; behind, more is found out, unless that is only wanted on demand."""
        return self.answers.known(request, start=self.settings.automatic)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Turns our errors into those of the protocol, and tells them to the person."""
        try:
            yield
        except StaleError as error:
            raise JsonRpcException(str(error), types.LSPErrorCodes.ContentModified) from error
        except LlmstepError as error:
            self.tell((str(error),))
            kind = {"kind": type(error).__name__}
            raise JsonRpcException(str(error), types.LSPErrorCodes.RequestFailed, kind) from error

    @contextmanager
    def searching(self, place: Place) -> Iterator[None]:
        """The task that runs this ends when its `place` does, and when the person stops all work."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("searching is for tasks")
        self._searches[task] = place
        try:
            yield
        except asyncio.CancelledError:
            snapshot = self.snapshot(place.uri)[0] if place.uri in self.workspace.text_documents else None
            if snapshot is None or not holds(place, snapshot):
                raise StaleError("The document changed. Ask again.") from None
            raise
        finally:
            del self._searches[task]

    def edited(self, uri: str) -> None:
        """The document `uri` changed: work on what it was ends."""
        snapshot, _ = self.snapshot(uri)
        self.answers.edited(snapshot)
        for task, place in self._searches.items():
            if place.uri == uri and not holds(place, snapshot):
                task.cancel()

    def closed(self, uri: str) -> None:
        """The document `uri` was closed: work on it ends."""
        self.answers.closed(uri)
        if self._journal:
            self._journal.closed(uri)
        for task, place in self._searches.items():
            if place.uri == uri:
                task.cancel()

    def stop(self) -> None:
        """End all work that is under way."""
        if self._service:
            self._service.answers.stop()
        for task in self._searches:
            task.cancel()

    # What the person is told, and what they take

    def offered(
        self, request: Request, answer: Answer, shown: Sequence[Suggestion], kind: Kind, *, asked: bool
    ) -> str | None:
        """What the journal calls `shown`, steps of `answer`; None if there are none or it is not kept."""
        if not shown or self._journal is None:
            return None
        offer = offer_of(request, answer, shown, kind, asked=asked)
        return self._journal.offered(request.snapshot.uri, offer)

    def accepted(self, offer: str, number: int) -> None:
        """The person took suggestion `number` of `offer`."""
        if self._journal:
            self._journal.accepted(offer, number)

    def tell(self, notes: tuple[str, ...]) -> None:
        """Write `notes` to the editor's log, once as long as they stay the same."""
        if notes != self._last_notes:
            for note in notes:
                self.window_log_message(types.LogMessageParams(types.MessageType.Info, note))
        self._last_notes = notes

    def warn(self, message: str) -> None:
        """Show `message`, once."""
        if message not in self._shown:
            self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))
        self._shown.add(message)

    def _complain(self) -> None:
        for problem in (*self._problems, *self.parts.problems):
            self.warn(f"llmstep: {problem}")


@dataclass(frozen=True)
class _Service:
    parts: Parts
    answers: Answers

    async def aclose(self) -> None:
        await self.answers.aclose()
        await self.parts.aclose()


async def _logged(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except Exception as error:  # noqa: BLE001  # nobody else hears of it
        _log.warning("what was done behind failed: %s", error)
