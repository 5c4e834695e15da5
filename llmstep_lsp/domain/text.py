r"""Owns positions in text and edits of it.

Lines and columns count from 0; columns are code points.  A line ends at `\n` or
`\r\n`, and nowhere else, as in LSP and in Lean.
"""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Position:
    """A place between two characters."""

    line: int
    column: int


@dataclass(frozen=True)
class Range:
    """From `start` up to `end`."""

    start: Position
    end: Position


@dataclass(frozen=True)
class Edit:
    """Replace what stands in `range` by `text`."""

    range: Range
    text: str


def lines(text: str) -> list[str]:
    """The lines of `text` without their ends; one more than there are line ends."""
    return text.replace("\r\n", "\n").split("\n")


def to_lf(text: str) -> str:
    """`text` with every line end as Lean counts it."""
    return text.replace("\r\n", "\n")


def line_end(text: str) -> str:
    """The line end that `text` uses."""
    return "\r\n" if "\r\n" in text else "\n"


def offset(text: str, position: Position) -> int:
    """Index into LF-only `text`; a position past the end of its line or text is drawn in."""
    start = 0
    for _ in range(position.line):
        newline = text.find("\n", start)
        if newline < 0:
            return len(text)
        start = newline + 1
    end = text.find("\n", start)
    return min(start + position.column, len(text) if end < 0 else end)


def position(text: str, index: int) -> Position:
    """The inverse of `offset`."""
    start = text.rfind("\n", 0, index) + 1
    return Position(text.count("\n", 0, index), index - start)


def apply(text: str, edit: Edit) -> str:
    """LF-only `text` with `edit` made."""
    return text[: offset(text, edit.range.start)] + edit.text + text[offset(text, edit.range.end) :]
