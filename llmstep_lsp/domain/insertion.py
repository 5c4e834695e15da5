"""Owns the exact text that a candidate becomes at a site."""

from llmstep_lsp.domain.model import Site, Snapshot
from llmstep_lsp.domain.text import Edit, Range, apply, offset, position


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
