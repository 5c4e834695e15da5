"""Owns our own language server inside the proxy, which believes that it talks to an editor."""

import json
import logging
from collections.abc import Callable
from typing import Any

from llmstep_lsp.edge.session import Session

_log = logging.getLogger(__name__)


class Ours:
    """Gives `server` messages, and calls `heard` with what it says."""

    def __init__(self, server: Session, heard: Callable[[dict[str, Any]], None]) -> None:
        self._server = server
        self._protocol = server.protocol
        self._protocol.set_writer(_Writer(heard), include_headers=False)

    @property
    def budget_seconds(self) -> float:
        """How long the person lets us look for code actions."""
        return self._server.settings.budget_seconds

    def feed(self, message: dict[str, Any]) -> bool:
        """Let the server handle a message; whether it could be read."""
        try:
            self._protocol.handle_message(self._protocol.structure_message({"jsonrpc": "2.0", **message}))
        except Exception as error:  # noqa: BLE001  # nothing that is wrong with us may cost the editor its Lean
            _log.warning("%s cannot be handled: %s", message.get("method", "an answer"), error)
            return False
        return True


class _Writer:
    """Implements the writer of pygls: one message a call."""

    def __init__(self, heard: Callable[[dict[str, Any]], None]) -> None:
        self._heard = heard

    def write(self, data: bytes) -> None:
        self._heard(json.loads(data))

    def close(self) -> None:
        """Nothing is held."""
