"""Owns one document in a Lean server: its versions, what Lean reports about it, its goals.

Protocol source: `Lean.Data.Lsp.Extra` (`waitForDiagnostics`, `plainGoal`, `leanTags`).
What Lean reports counts only for the version that was asked about.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from llmstep_lsp.adapters.lean.protocol import Place
from llmstep_lsp.adapters.lean.transport import Connection
from llmstep_lsp.domain.diagnostics import Diagnostic, Severity
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Goal
from llmstep_lsp.domain.text import Position, Range
from llmstep_lsp.domain.units import from_units, to_units
from llmstep_lsp.errors import LeanGoneError, LeanRequestError

_UNSOLVED_TAG = 1  # `Lean.Lsp.LeanDiagnosticTag.unsolvedGoals`; Leans without tags say so in the message
_UNSOLVED_MESSAGE = "unsolved goals"
# Source of the numbers: `Lean.JsonRpc.ErrorCode`.
_RPC_NEEDS_RECONNECT = -32900
_WORKER_GONE = {-32901, -32902}
_FATAL = 2  # `Lean.Lsp.LeanFileProgressKind.fatalError`


class Host(Protocol):
    """The Lean server that a document is in, as far as the document has to do with it."""

    @property
    def alive(self) -> bool:
        """Whether it has the document, and can be asked."""

    async def request(self, method: str, params: Any) -> Any:
        """The server's result; raises as `Connection.request`."""

    def notify(self, method: str, params: Any) -> None:
        """Tell the server something; raises as `Connection.notify`."""

    async def aclose(self) -> None:
        """End what was started for the document."""


class LeanDocument:
    """A document of ours, in a Lean server of its own or in one that is lent (`lent_document`)."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._version = 0
        self._lines: list[str] = []
        self._diagnostics: dict[int, list[dict[str, Any]]] = {}
        self._host: Host | None = None
        self._session: Any = None
        self._answered = False
        self._stopped = False

    @classmethod
    async def start(
        cls, command: Sequence[str], folder: Path, uri: str, lean_path: Path | None = None
    ) -> "LeanDocument":
        """Start a Lean server for the document `uri`, which has no text yet.

        Besides what it finds anyway, it finds compiled modules in `lean_path`.

        Raises:
            LeanNotFoundError: the command cannot be started.
            LeanGoneError: Lean ended, or is not a Lean server.
        """
        document = cls(uri)
        connection = await Connection.open(command, folder, document.notified, _environment(lean_path))
        document.move_in(connection)
        try:
            await connection.request(
                "initialize",
                {
                    "processId": None,
                    "rootUri": folder.as_uri(),
                    "capabilities": {},
                    "initializationOptions": {},
                },
            )
            connection.notify("initialized", {})
        except BaseException:
            await connection.aclose()
            raise
        return document

    def move_in(self, host: Host) -> None:
        """Be in `host`, which calls `notified` with what it says about the document."""
        self._host = host

    @property
    def alive(self) -> bool:
        """Whether its Lean can still be asked."""
        return self._host is not None and self._host.alive

    @property
    def answered(self) -> bool:
        """Whether Lean has finished any version of it since it was last started."""
        return self._answered

    def put(self, text: str) -> None:
        """Make `text` (LF line ends) the document's next version."""
        before, self._lines = self._lines, text.split("\n")
        if self._lines == before and not self._stopped:
            return
        self._stopped = False
        self._version += 1
        self._diagnostics = {self._version: []}
        if self._version == 1:
            document = {"uri": self._uri, "languageId": "lean4", "version": 1, "text": text}
            self._lean.notify(
                "textDocument/didOpen", {"textDocument": document, "dependencyBuildMode": "never"}
            )
        else:
            versioned = {"uri": self._uri, "version": self._version}
            self._lean.notify(
                "textDocument/didChange",
                {"textDocument": versioned, "contentChanges": [_change(before, self._lines)]},
            )

    async def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All that Lean reports about the current version, once it has finished it."""
        version = self._version
        await self._request("textDocument/waitForDiagnostics", {"uri": self._uri, "version": version})
        self._answered = True
        return tuple(self._diagnostic(found) for found in self._diagnostics.get(version, ()))

    async def goals(self, position: Position) -> tuple[Goal, ...] | None:
        """The goals at `position` of the current version; None where there is no tactic."""
        at = {"textDocument": {"uri": self._uri}, "position": asdict(self.place(position))}
        answer = await self._request("$/lean/plainGoal", at)
        return None if answer is None else tuple(parse_goal(goal) for goal in answer["goals"])

    def place(self, position: Position) -> Place:
        """`position` as Lean's protocol counts."""
        return Place(position.line, to_units(self._lines[position.line], position.column, "utf-16"))

    async def call(self, method: str, position: Position, params: dict[str, Any]) -> Any:
        """What an RPC method of a module that the document imports before `position` answers.

        Raises:
            LeanRequestError: Lean answered with an error, or knows no such method there.
            LeanGoneError: Lean ended before it answered.
        """
        try:
            return await self._call(method, position, params)
        except LeanRequestError as error:
            if error.code != _RPC_NEEDS_RECONNECT:  # sessions end after half a minute of silence
                raise
            self._session = None
            return await self._call(method, position, params)

    async def _call(self, method: str, position: Position, params: dict[str, Any]) -> Any:
        if self._session is None:
            connected = await self._request("$/lean/rpc/connect", {"uri": self._uri})
            self._session = connected["sessionId"]
        at = {"textDocument": {"uri": self._uri}, "position": asdict(self.place(position))}
        call = {**at, "sessionId": self._session, "method": method, "params": params}
        return await self._request("$/lean/rpc/call", call)

    async def _request(self, method: str, params: Any) -> Any:
        try:
            return await self._lean.request(method, params)
        except LeanRequestError as error:
            if error.code not in _WORKER_GONE:
                raise
            await self.aclose()  # what was asked meanwhile would wait for ever
            raise LeanGoneError(
                f"Lean crashed on this file: {error} Ask again to start it again; if that does not help, "
                "`llmstep-lsp lean status` says which Lean is used, and why."
            ) from error

    async def aclose(self) -> None:
        """End its Lean, or its place in one that is lent."""
        if self._host:
            await self._host.aclose()

    @property
    def _lean(self) -> Host:
        if self._host is None:
            raise LeanGoneError("Lean is not running. It is started again at the next request.")
        return self._host

    def notified(self, method: str, params: Any) -> None:
        """Hear what Lean says about the document."""
        if method == "$/lean/fileProgress" and any(at.get("kind") == _FATAL for at in params["processing"]):
            # After a crash, Lean answers nothing about a document until it is edited, and loads it anew.
            self._stopped, self._answered = True, False
        if method != "textDocument/publishDiagnostics" or params.get("version") not in self._diagnostics:
            return
        found = self._diagnostics[params["version"]]
        if not params.get("isIncremental"):  # else they add to what was reported before
            found.clear()
        found += params["diagnostics"]

    def _diagnostic(self, found: dict[str, Any]) -> Diagnostic:
        message = found["message"]
        unsolved = _UNSOLVED_TAG in found.get("leanTags", ()) or message.startswith(_UNSOLVED_MESSAGE)
        whole = found.get("fullRange", found["range"])
        return Diagnostic(
            Range(self._position(whole["start"]), self._position(whole["end"])),
            Severity(found.get("severity", Severity.ERROR)),
            message,
            unsolved,
        )

    def _position(self, place: dict[str, int]) -> Position:
        line = self._lines[place["line"]] if place["line"] < len(self._lines) else ""
        return Position(place["line"], from_units(line, place["character"], "utf-16"))


def _environment(lean_path: Path | None) -> dict[str, str] | None:
    if lean_path is None:
        return None
    inherited = os.environ.get("LEAN_PATH")
    return {**os.environ, "LEAN_PATH": os.pathsep.join([str(lean_path), *([inherited] if inherited else [])])}


def _change(before: list[str], after: list[str]) -> dict[str, Any]:
    """The LSP change that makes `after` of `before`: all lines from the first that differs."""
    shorter = min(len(before), len(after)) - 1
    first = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    end = {"line": len(before) - 1, "character": to_units(before[-1], len(before[-1]), "utf-16")}
    return {"range": {"start": {"line": first, "character": 0}, "end": end}, "text": "\n".join(after[first:])}
