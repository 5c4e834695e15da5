"""Owns which of the steps that were shown were taken, and which turned down."""

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from urllib.parse import unquote, urlparse

from llmstep_lsp.domain.model import Suggestion
from llmstep_lsp.domain.offer import Kind, Offer, Record, Shown
from llmstep_lsp.domain.text import Range, offset
from llmstep_lsp.service.suggest import Answer, Request

# Characters: more than any model is shown of a file.
_CONTEXT = 4000


def offer_of(
    request: Request, answer: Answer, shown: Sequence[Suggestion], kind: Kind, *, asked: bool
) -> Offer:
    """What is kept of showing `shown`, some of the `answer`: no path, and a part of the file's text alone."""
    text = request.snapshot.text
    place = shown[0].edit.range if shown else Range(request.position, request.position)
    before, replaced = (
        text[: offset(text, place.start)],
        text[offset(text, place.start) : offset(text, place.end)],
    )
    # A half-typed step is replaced by what begins like it; `sorry` is not.
    begun = replaced if all(one.candidate.text.startswith(replaced) for one in shown) else ""
    return Offer(
        kind,
        asked,
        PurePosixPath(unquote(urlparse(request.snapshot.uri).path)).name,
        tuple(goal.text for goal in answer.goals),
        request.prefix or begun,
        before[-_CONTEXT:],
        tuple(_shown(one) for one in shown),
    )


class Journal:
    """Tells `keep` of each offer once it is known what became of it.

    An offer that is not taken is turned down when the next one of its kind comes for its document, or
    the document closes; it is kept then only if the person had asked.
    """

    def __init__(self, keep: Callable[[Record], None]) -> None:
        self._keep = keep
        self._open: dict[tuple[str, Kind], Record] = {}

    def offered(self, uri: str, offer: Offer) -> str:
        """Note that `offer` is shown for document `uri`; returns an id for `accepted`."""
        self._turn_down((uri, offer.kind))
        record = Record(uuid.uuid4().hex, datetime.now(UTC).isoformat(timespec="seconds"), offer, None)
        self._open[uri, offer.kind] = record
        return record.id

    def accepted(self, offer: str, index: int) -> None:
        """Note that suggestion `index` of the offer with that id was taken; only the first time counts."""
        for place, record in self._open.items():
            if record.id == offer and 0 <= index < len(record.offer.suggestions):
                del self._open[place]
                self._keep(Record(record.id, record.time, record.offer, index))
                return

    def closed(self, uri: str) -> None:
        """Note that nobody can take what was shown for document `uri` any more."""
        for place in [place for place in self._open if place[0] == uri]:
            self._turn_down(place)

    def close(self) -> None:
        """Note that the session ends."""
        for place in list(self._open):
            self._turn_down(place)

    def _turn_down(self, place: tuple[str, Kind]) -> None:
        record = self._open.pop(place, None)
        if record and record.offer.asked:
            self._keep(record)


def _shown(suggestion: Suggestion) -> Shown:
    return Shown(
        suggestion.candidate.text,
        suggestion.candidate.source,
        suggestion.candidate.score,
        suggestion.verdict.status.value,
        tuple(goal.text for goal in suggestion.verdict.goals),
    )
