"""Owns the exact text that a candidate, or several, become at a site."""

import re
from collections.abc import Sequence
from dataclasses import replace

from llmstep_lsp.domain.model import Site, Snapshot
from llmstep_lsp.domain.text import Edit, Position, Range, apply, offset, position

_INDENT = 2
_OPENS_BLOCK = re.compile(r"(?<![\w.'])by\Z|=>\Z")
_CONTENT = re.compile(r"\s*(?:[·.] +)*")


def normalise(text: str) -> str:
    """A candidate's text without surrounding space, its later lines relative to its first."""
    found = text.replace("\r\n", "\n").strip("\n").rstrip().split("\n")
    indent = len(found[0]) - len(found[0].lstrip())
    rest = [line[indent:] if not line[:indent].strip() else line.lstrip() for line in found[1:]]
    return "\n".join([found[0].strip(), *(line.rstrip() for line in rest)])


def indented(text: str, column: int) -> str:
    """`text` with its later lines moved right by `column`."""
    return text.replace("\n", "\n" + " " * column)


def insertion(site: Site, candidate: str) -> Edit:
    """The edit that puts `candidate` at `site`, with LF line ends."""
    return Edit(site.range, site.lead + indented(candidate, site.column) + site.tail)


def inserted(snapshot: Snapshot, site: Site, candidate: str, pad: str = "") -> tuple[str, Range]:
    """The text with `candidate` at `site` and `pad` behind it, and where the candidate stands."""
    body = indented(candidate, site.column)
    text = apply(snapshot.text, Edit(site.range, site.lead + body + pad + site.tail))
    start = offset(snapshot.text, site.range.start) + len(site.lead)
    return text, Range(position(text, start), position(text, start + len(body)))


def joined(snapshot: Snapshot, site: Site, steps: Sequence[str]) -> str:
    """`steps` as one candidate for `site`: one below the other, or on one line in a block that is on one."""
    return ("; " if _within_line(snapshot, site) else "\n").join(steps)


def following(snapshot: Snapshot, site: Site, steps: Sequence[str]) -> tuple[Snapshot, Site]:
    """`snapshot` with `steps` at `site`, and where the next one goes behind them."""
    text, place = inserted(snapshot, site, joined(snapshot, site, steps))
    if _within_line(snapshot, site):
        lead, column = "; ", place.end.column + len("; ")
    else:
        lead, column = "\n" + " " * site.column, site.column
    return replace(snapshot, text=text), Site(Range(place.end, place.end), lead, column)


def on_new_line(snapshot: Snapshot, site: Site) -> Site | None:
    """`site` moved to a line of its own, if `by` or `=>` stands before it: for what has several lines."""
    before = _before(snapshot, site)
    if "\n" in site.lead or not _OPENS_BLOCK.search(before):
        return None
    line = site.range.start.line
    kept = min(site.range.start.column, len(before))
    content = _CONTENT.match(before)
    column = (content.end() if content else 0) + _INDENT
    lead = before[kept:] + "\n" + " " * column
    return replace(site, range=Range(Position(line, kept), site.range.end), lead=lead, column=column)


def _within_line(snapshot: Snapshot, site: Site) -> bool:
    """Whether a tactic stands before `site` on its line, so that a block of lines cannot begin there."""
    return "\n" not in site.lead and _before(snapshot, site).endswith((";", "<;>"))


def _before(snapshot: Snapshot, site: Site) -> str:
    """The line up to what is put at `site`, without space at its end."""
    start = site.range.start
    return (snapshot.text.split("\n")[start.line][: start.column] + site.lead).rstrip()
