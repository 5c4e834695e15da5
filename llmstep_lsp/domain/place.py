"""Owns which part of a document an answer depends on: where Lean sees the same, what it said still holds."""

from dataclasses import dataclass
from hashlib import blake2b

from llmstep_lsp.domain.commands import command_at
from llmstep_lsp.domain.model import Site, Snapshot
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.domain.text import Position


@dataclass(frozen=True)
class Place:
    """Where a step is wanted; `seen` is a digest of all that Lean is shown to judge one.

    That is the text down to the end of the command around the sites, so edits below it leave a place
    as it is, and an edit that is undone brings it back.
    """

    uri: str
    sites: tuple[Site, ...]
    seen: bytes
    prefix: str = ""


def place_at(snapshot: Snapshot, cursor: Position, prefix: str = "") -> Place:
    """The place that `cursor` means; without sites where it means none."""
    sites = tuple(sites_at(snapshot.text, cursor))
    return Place(snapshot.uri, sites, _seen(snapshot.text, sites), prefix)


def holds(place: Place, snapshot: Snapshot) -> bool:
    """Whether Lean would still be shown the same at `place` of its document."""
    return _seen(snapshot.text, place.sites) == place.seen


def _seen(text: str, sites: tuple[Site, ...]) -> bytes:
    last = max(
        (command_at(text, line).last for line in {site.range.start.line for site in sites}), default=-1
    )
    return blake2b("\n".join(text.split("\n")[: last + 1]).encode(), digest_size=16).digest()
