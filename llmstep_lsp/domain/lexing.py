"""Owns the little of Lean's lexical grammar that must be known without Lean.

Comments, strings and character literals are found so that what stands in them is not
taken for code.  Source: `Lean.Parser.whitespace`, `strLitFn` and `rawStrLitFn`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_OPAQUE = re.compile(
    r"""
      (?P<line>--[^\n]*)
    | (?P<block>/-)
    | (?P<raw>(?<![\w])r(?P<hashes>\#*)")
    | (?P<string>")
    | (?P<char>(?<![\w'!?₀-₉])'(?:\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)|[^\\'\n])')
    """,
    re.VERBOSE,
)
_BLOCK_EDGE = re.compile(r"/-|-/")
_STRING_END = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)
_TOKEN = re.compile(r"«[^»\n]*»|[#%]?[^\W\d][\w'!?₀-₉]*(?:\.(?:[^\W\d][\w'!?₀-₉]*|«[^»\n]*»|\d+))*[%]?|\S")


@dataclass(frozen=True)
class Opaque:
    """A comment, or else a string or a character, from `start` to `end`; `closed` if it has an end."""

    start: int
    end: int
    comment: bool
    closed: bool


@lru_cache(maxsize=4)  # one question about a document needs it several times, and many questions in a row
def mask(text: str) -> str:
    """`text` with comments, strings and characters as spaces; line ends and length stay.

    What has no end reaches to the end of the text.
    """
    parts: list[str] = []
    at = 0
    for span in opaque(text):
        parts += [text[at : span.start], re.sub(r"[^\n]", " ", text[span.start : span.end])]
        at = span.end
    return "".join(parts) + text[at:]


def tokens(text: str) -> list[str]:
    """The names (with their dots), keywords and single symbols of `text` outside of comments and strings."""
    return _TOKEN.findall(mask(text))


def opaque(text: str) -> Iterator[Opaque]:
    """The comments, strings and characters of `text`, in order."""
    at = 0
    while found := _OPAQUE.search(text, at):
        end = _end(text, found)
        comment = found["line"] is not None or found["block"] is not None
        yield Opaque(found.start(), len(text) if end < 0 else end, comment, closed=end >= 0)
        at = len(text) if end < 0 else end


def _end(text: str, found: re.Match[str]) -> int:
    """Where what begins at `found` ends; -1 if nowhere."""
    if found["block"]:
        return _block_end(text, found.end())
    if found["raw"]:
        closing = '"' + found["hashes"]
        end = text.find(closing, found.end())
        return end if end < 0 else end + len(closing)
    if found["string"]:
        closed = _STRING_END.match(text, found.end())
        return closed.end() if closed else -1
    return found.end()


def _block_end(text: str, at: int) -> int:
    depth = 1
    while edge := _BLOCK_EDGE.search(text, at):
        depth += 1 if edge.group() == "/-" else -1
        at = edge.end()
        if depth == 0:
            return at
    return -1
