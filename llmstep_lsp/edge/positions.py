"""Owns positions between an editor's units and ours.

The text inside has LF only; the editor's line ends come back at the rim.
"""

from lsprotocol import types

from llmstep_lsp.domain.text import Edit, Position
from llmstep_lsp.domain.units import Encoding, from_units, to_units


def from_client(text: str, place: types.Position, encoding: Encoding) -> Position:
    """Where `place` of the editor is in LF-only `text`."""
    lines = text.split("\n")
    if place.line >= len(lines):
        return Position(len(lines) - 1, len(lines[-1]))
    return Position(place.line, from_units(lines[place.line], place.character, encoding))


def to_client(text: str, edit: Edit, encoding: Encoding, line_end: str) -> types.TextEdit:
    """`edit` of LF-only `text` as the editor counts and with its line ends."""
    lines = text.split("\n")

    start, end = (
        types.Position(at.line, to_units(lines[at.line], at.column, encoding))
        for at in (edit.range.start, edit.range.end)
    )
    return types.TextEdit(types.Range(start, end), edit.text.replace("\n", line_end))
