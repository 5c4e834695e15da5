"""Owns positions between an editor's units and ours.

The text inside has LF only; the editor's line ends come back at the rim.
"""

from lsprotocol import types

from llmstep_lsp.domain.text import Edit, Position
from llmstep_lsp.domain.units import Encoding, from_units, to_units

# The protocol's largest number; a column behind the line's end is its end.
_BEHIND_ANY_LINE = 2**31 - 1


def from_client(text: str, place: types.Position, encoding: Encoding) -> Position:
    """Where `place` of the editor is in LF-only `text`."""
    lines = text.split("\n")
    if place.line >= len(lines):
        return Position(len(lines) - 1, len(lines[-1]))
    return Position(place.line, from_units(lines[place.line], place.character, encoding))


def cursor_of(selected: types.Range) -> types.Position:
    """Where the cursor is that `selected` stands for: at its end, but before a line break there.

    A cursor that is a character wide stands on the line break where typing has ended.
    """
    end = selected.end
    if end.character == 0 and end.line > selected.start.line:
        return types.Position(end.line - 1, _BEHIND_ANY_LINE)
    return end


def to_client(text: str, edit: Edit, encoding: Encoding, line_end: str) -> types.TextEdit:
    """`edit` of LF-only `text` as the editor counts and with its line ends."""
    lines = text.split("\n")

    start, end = (
        types.Position(at.line, to_units(lines[at.line], at.column, encoding))
        for at in (edit.range.start, edit.range.end)
    )
    return types.TextEdit(types.Range(start, end), edit.text.replace("\n", line_end))
