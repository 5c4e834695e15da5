"""Owns what Lean reports about a text, and reading what its messages propose."""

import re
from dataclasses import dataclass
from enum import IntEnum

from llmstep_lsp.domain.text import Position, Range, offset, position

_TRY_THIS = re.compile(r"Try (?:this|these): *")
_MARK = re.compile(r"\n(?:  \[apply\] |• )")
_UNPARSED = re.compile(r"(?:unexpected|expected|unterminated)\b|.*; expected ")


class Severity(IntEnum):
    """How grave a diagnostic is (LSP's numbers)."""

    ERROR = 1
    WARNING = 2
    INFORMATION = 3
    HINT = 4


@dataclass(frozen=True)
class Diagnostic:
    """One message; `unsolved` if it says that a block leaves goals open."""

    range: Range
    severity: Severity
    message: str
    unsolved: bool = False

    @property
    def is_error(self) -> bool:
        """Whether Lean did not accept something."""
        return self.severity is Severity.ERROR

    @property
    def admits_sorry(self) -> bool:
        """Whether it says that a declaration contains `sorry`."""
        return (
            self.severity is Severity.WARNING
            and re.match(r"declaration uses .?sorry", self.message) is not None
        )


def concerns(text: str, diagnostic: Diagnostic, region: Range) -> bool:
    """Whether `diagnostic` is about `region` of LF-only `text`.

    Lean lets the range of an unexpected token begin where the token before it ends, so
    a range that begins with white space is also taken to begin at the token.
    """
    start = diagnostic.range.start
    return region.start <= start <= region.end or region.start <= _next_token(text, start) < region.end


def unparsed_after(text: str, diagnostic: Diagnostic, end: Position) -> bool:
    """Whether `diagnostic` says that the parser did not expect the token that follows `end`."""
    at_next = end <= diagnostic.range.start <= _next_token(text, end)
    return at_next and _UNPARSED.match(diagnostic.message) is not None


def proposals(message: str) -> list[str]:
    """The tactics that a "Try this" message proposes, each with its own later lines."""
    if not (found := _TRY_THIS.match(message)):
        return []
    body = message[found.end() :].rstrip()
    if not body.startswith("\n"):
        return [body]
    return [part.rstrip().replace("\n  ", "\n") for part in _MARK.split(body) if part.strip()]


def _next_token(text: str, start: Position) -> Position:
    at = offset(text, start)
    rest = text[at:]
    return position(text, at + len(rest) - len(rest.lstrip()))
