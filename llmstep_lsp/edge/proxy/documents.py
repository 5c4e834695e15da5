r"""Owns the documents that the editor has open, as their changes leave them.

Places count UTF-16 units, as Lean's server does.  A line ends at `\n` or `\r\n` and nowhere
else, as in Lean; a place past the end of its line or of the text is drawn in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llmstep_lsp.domain.units import from_units


@dataclass
class _Document:
    opened: dict[str, Any]  # the parameters of `didOpen`
    version: int
    text: str


class Documents:
    """Follows `didOpen`, `didChange` and `didClose`."""

    def __init__(self) -> None:
        self._documents: dict[str, _Document] = {}

    def open(self, params: dict[str, Any]) -> None:
        """Follow `didOpen`."""
        item = params["textDocument"]
        self._documents[item["uri"]] = _Document(params, item["version"], item["text"])

    def change(self, params: dict[str, Any]) -> dict[str, Any] | None:
        """Follow `didChange`; the same change with the whole text, None if the document is not open."""
        identifier = params["textDocument"]
        document = self._documents.get(identifier["uri"])
        if document is None:
            return None
        document.text = changed(document.text, params["contentChanges"])
        document.version = identifier["version"]
        return {"textDocument": identifier, "contentChanges": [{"text": document.text}]}

    def close(self, params: dict[str, Any]) -> None:
        """Follow `didClose`."""
        self._documents.pop(params["textDocument"]["uri"], None)

    def reopened(self) -> list[dict[str, Any]]:
        """For each document the parameters of a `didOpen` with the present text and version."""
        return [
            {
                **document.opened,
                "textDocument": {
                    **document.opened["textDocument"],
                    "version": document.version,
                    "text": document.text,
                },
            }
            for document in self._documents.values()
        ]


def changed(text: str, changes: Sequence[dict[str, Any]]) -> str:
    """`text` after `changes` (of `TextDocumentContentChangeEvent`), one after the other."""
    for change in changes:
        place = change.get("range")
        if place is None:
            text = change["text"]
            continue
        start, line = _index(text, place["start"], 0, 0)
        end, _ = _index(text, place["end"], line, place["start"]["line"])
        text = text[:start] + change["text"] + text[max(start, end) :]
    return text


def _index(text: str, place: dict[str, int], start: int, line: int) -> tuple[int, int]:
    """Where `place` is in `text`, and where its line starts; line `line` is known to start at `start`."""
    if place["line"] < line:
        start, line = 0, 0
    for _ in range(line, place["line"]):
        newline = text.find("\n", start)
        if newline < 0:
            return len(text), start
        start = newline + 1
    end = text.find("\n", start)
    content = text[start:] if end < 0 else text[start:end].removesuffix("\r")
    if content.isascii():
        return start + min(place["character"], len(content)), start
    return start + from_units(content, place["character"], "utf-16"), start
