"""Owns who hears of which of our documents in a lent Lean."""

from collections.abc import Callable
from typing import Any


class Listeners:
    """The borrowers of one Lean, by the URI of their document."""

    def __init__(self) -> None:
        self._listeners: dict[str, tuple[Callable[[str, Any], None], Callable[[], None]]] = {}

    def add(
        self, uri: str, heard: Callable[[str, Any], None], ended: Callable[[], None]
    ) -> Callable[[], None]:
        """Do as `LeanLender.listen` says."""
        self._listeners[uri] = heard, ended
        return lambda: self._listeners.pop(uri, None) and None

    def tell(self, method: str, params: Any) -> None:
        """Hand a notification over to the borrower of its document, if there is one."""
        listener = self._listeners.get(uri_of(params) or "")
        if listener:
            listener[0](method, params)

    def end(self) -> None:
        """Tell all that Lean has ended."""
        listeners, self._listeners = self._listeners, {}
        for _, ended in listeners.values():
            ended()


def uri_of(params: Any) -> str | None:
    """The document that a notification of Lean is about."""
    if not isinstance(params, dict):
        return None
    document = params.get("textDocument")
    uri = document.get("uri") if isinstance(document, dict) else params.get("uri")
    return uri if isinstance(uri, str) else None
