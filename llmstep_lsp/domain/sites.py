"""Owns where the text goes: the readings of a cursor position, likeliest first.

What a cursor means depends on what Lean makes of the text around it, so the text alone
only gives readings (`Site`), to be tried in order:

    on `llmstep "prefix"` or `sorry`   replaces it (a term `sorry` by `by …` or `(by …)`)
    on an empty line                   there, at the column of an open block
    after `by`, `=>`, `·`              in the block that begins there; replaces its `sorry`
    before a tactic                    on a line of its own above it
    on or after a tactic               below it if Lean accepts that tactic,
                                       else in its place, with its text as the prefix
"""

import re
from dataclasses import replace

from llmstep_lsp.domain.lexing import mask
from llmstep_lsp.domain.model import Site
from llmstep_lsp.domain.text import Position, Range

_INDENT = 2
_LLMSTEP = re.compile(r'\bllmstep\b(?:\s*"(?P<prefix>(?:[^"\\]|\\.)*)")?')
_SORRY = re.compile(r"(?<![\w.'])sorry(?![\w.'])")
_BULLETS = re.compile(r"(?P<space>\s*)(?P<bullets>(?:[·.] +)*)")
# What a tactic may follow on its line, and what opens a block at the end of one.
_BY = r"(?<![\w.'])(?:decreasing_)?by(?![\w.'])"
_OPENER = re.compile(rf"{_BY}|=>|(?<=\s)[·.](?=\s|$)|<;>|;")
_OPENS_BLOCK = re.compile(rf"(?P<opener>{_BY}|=>|(?:^|(?<=\s))[·.]|<;>|;)\s*$")
# After these a block begins on a new line.
_NEW_LINE = {"by", "decreasing_by", "=>"}
_CLOSERS = {")": "(", "]": "[", "}": "{", "⟩": "⟨"}


def sites_at(text: str, cursor: Position) -> list[Site]:
    """The readings of `cursor` in LF-only `text`; none past its end."""
    raw, code = text.split("\n"), mask(text).split("\n")
    if not 0 <= cursor.line < len(raw) or not 0 <= cursor.column <= len(raw[cursor.line]):
        return []
    line = raw[cursor.line]
    if found := _covering(_LLMSTEP, line, cursor.column):
        prefix = re.sub(r"\\(.)", r"\1", found["prefix"] or "")
        return [Site(_span(cursor.line, found.start(), found.end()), "", found.start(), prefix=prefix)]
    if found := _covering(_SORRY, code[cursor.line], cursor.column):
        return _on_sorry(cursor.line, found)
    if not line.strip():
        return [
            Site(_span(cursor.line, 0, len(line)), " " * column, column)
            for column in _nearest_first(_open_columns(code, cursor.line), cursor.column)
        ]
    if not code[cursor.line].strip():  # a comment
        return [_below(cursor.line, line, column) for column in _open_columns(code, cursor.line)]
    return _on_code(raw, code, cursor)


def sorries(text: str) -> list[Position]:
    """Where `sorry` stands in LF-only `text`, outside of comments and strings."""
    return [
        Position(number, found.start())
        for number, line in enumerate(mask(text).split("\n"))
        for found in _SORRY.finditer(line)
    ]


def _on_sorry(line: int, found: re.Match[str]) -> list[Site]:
    place = _span(line, found.start(), found.end())
    return [
        Site(place, "", found.start()),
        Site(place, "by ", found.start() + len("by ")),
        Site(place, "(by ", found.start() + len("(by "), tail=")"),  # an argument
    ]


def _on_code(raw: list[str], code: list[str], cursor: Position) -> list[Site]:
    line, number = code[cursor.line], cursor.line
    before, after = line[: cursor.column].rstrip(), line[cursor.column :]
    if not before:
        indent = _content_indent(line)
        return [Site(_span(number, indent, indent), "", indent, tail="\n" + " " * indent)] if indent else []
    opened = _OPENS_BLOCK.search(before)
    inside = _closed_behind(before if opened else before[: max(_segment_starts(before))], after)
    if opened and (inside or not after.strip()):
        return _in_new_block(raw[number], code, cursor, opened["opener"], inline=inside)
    end = cursor.column if inside else len(line.rstrip())
    start = max(_segment_starts(line[:end]))
    # Behind a blank, too: editors replace no text that ends before the cursor.
    typed = max(end, cursor.column) if not raw[number][end : cursor.column].strip() else end
    # Only the innermost tactic may be half-typed or complete; where it stands inside a
    # term, one of the tactics around it is meant.
    return _after_complete(raw[number], code, _span(number, start, end), inline=inside) + [
        Site(_span(number, at, typed), "", at, prefix=line[at : cursor.column].rstrip())
        for at in sorted(_segment_starts(before), reverse=True)
        if at > 0 and before[at:].strip()
    ]


def _in_new_block(raw: str, code: list[str], cursor: Position, opener: str, *, inline: bool) -> list[Site]:
    """Readings of a cursor behind `by`, `=>` or a bullet with nothing after it; `raw` is its line."""
    number, line = cursor.line, code[cursor.line]
    opened = len(line[: cursor.column].rstrip())
    # Space up to the cursor or the line's end goes, a comment stays.
    end = cursor.column if inline else opened if raw[opened:].strip() else len(line)
    same_line = Site(_span(number, opened, end), " ", opened + 1)
    if inline or opener not in _NEW_LINE:
        return [same_line]
    columns = [_content_column(line) + _INDENT]
    below = next((n for n in range(number + 1, len(code)) if code[n].strip()), None)
    if below is not None and (existing := _content_indent(code[below])) > _content_indent(line):
        if found := _SORRY.fullmatch(code[below].rstrip(), existing):  # all that stands there
            return _on_sorry(below, found)[:1]
        columns.insert(0, existing)
    return [*(_below(number, raw, column) for column in dict.fromkeys(columns)), same_line]


def _after_complete(raw: str, code: list[str], complete: Range, *, inline: bool) -> list[Site]:
    """Readings of a cursor behind a whole tactic, `complete`; `raw` is its line."""
    number, start, end = complete.start.line, complete.start.column, complete.end.column
    line = code[number]
    own = _content_column(line)
    outer = _open_columns(code, number)
    if start != own:  # behind `by`, `=>`, `;` or `<;>` on the same line
        same_line = Site(_span(number, end, end), "; ", end + 2, complete=complete)
        if inline:
            return [same_line]
        return [
            same_line,
            *(replace(_below(number, raw, c), complete=complete) for c in [own, *outer] if c > 0),
        ]
    columns = [own, *(column for column in outer if column < own)]
    return [replace(_below(number, raw, column), complete=complete) for column in columns if column > 0]


def _open_columns(code: list[str], number: int) -> list[int]:
    """The columns where tactic blocks that reach line `number` may stand, innermost first."""
    columns: list[int] = []
    limit = None
    above = [n for n in range(number - 1, -1, -1) if code[n].strip()]
    for position, n in enumerate(above):
        line = code[n]
        indent = _content_indent(line)
        if limit is not None and indent >= limit:
            continue
        if position == 0 and (opened := _OPENS_BLOCK.search(line)) and opened["opener"] in _NEW_LINE:
            columns.append(_content_column(line) + _INDENT)
        if indent == 0:
            break
        if line.lstrip().startswith("|"):
            limit = indent + 1  # alternatives stand below their `cases`, in its column
            continue
        if not line.lstrip().startswith(("_ ", "where")):
            columns += sorted(_bullet_columns(line), reverse=True)
        limit = indent
    return list(dict.fromkeys(columns))


def _nearest_first(columns: list[int], cursor: int) -> list[int]:
    """`columns` with the one that a cursor in white space most likely means in front."""
    if cursor == 0:
        return columns
    reached = [column for column in columns if column <= cursor]
    return reached + [column for column in reversed(columns) if column > cursor]


def _segment_starts(line: str) -> list[int]:
    """Where tactics may begin on `line`: its content, and behind each opener."""
    starts = [_content_column(line)]
    for found in _OPENER.finditer(line):
        rest = line[found.end() :]
        if rest.strip():
            starts.append(found.end() + len(rest) - len(rest.lstrip()))
    return [start for start in dict.fromkeys(starts) if start <= len(line)]


def _closed_behind(before: str, after: str) -> bool:
    """Whether `after` goes on with a bracket that `before` has opened."""
    opened = [c for c in before if c in _CLOSERS.values()]
    closed = [_CLOSERS[c] for c in before if c in _CLOSERS]
    following = after.lstrip()[:1]
    if following == ",":
        return len(opened) > len(closed)
    opener = _CLOSERS.get(following)
    return opener is not None and opened.count(opener) > closed.count(opener)


def _content_indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _content_column(line: str) -> int:
    """The column of what follows a line's bullets."""
    found = _BULLETS.match(line)
    return found.end() if found else 0


def _bullet_columns(line: str) -> set[int]:
    """The columns of a line's first bullet and of what follows its bullets."""
    return {_content_indent(line), _content_column(line)}


def _below(number: int, line: str, indent: int) -> Site:
    """On a line of its own below `line`, its trailing space taken away."""
    return Site(_span(number, len(line.rstrip()), len(line)), "\n" + " " * indent, indent)


def _span(line: int, start: int, end: int) -> Range:
    return Range(Position(line, start), Position(line, end))


def _covering(pattern: re.Pattern[str], line: str, column: int) -> re.Match[str] | None:
    """The match of `pattern` that `column` is in, or that ends where only space is before it."""
    for found in pattern.finditer(line):
        if found.start() <= column <= found.end() or (
            found.end() < column and not line[found.end() :].strip()
        ):
            return found
    return None
