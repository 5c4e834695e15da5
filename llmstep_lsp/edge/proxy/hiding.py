"""Owns that the editor never hears of documents that are ours alone, though Lean knows them."""

from collections.abc import Collection
from typing import Any

_URIS = ("uri", "targetUri")
# Where the parts of an answer have them: a symbol its location, an edit its document, a call its end.
_NESTED = ("location", "textDocument", "from", "to")


def without(answer: Any, hidden: Collection[str]) -> Any:
    """`answer` without places, symbols and edits in documents whose URI is in `hidden`."""
    if isinstance(answer, list):
        return [without(part, hidden) for part in answer if not _is_in(part, hidden)]
    if isinstance(answer, dict):
        return {key: without(part, hidden) for key, part in answer.items() if key not in hidden}
    return answer


def _is_in(part: Any, hidden: Collection[str]) -> bool:
    if not isinstance(part, dict):
        return False
    places = [part, *(part[key] for key in _NESTED if isinstance(part.get(key), dict))]
    return any(
        place.get(key) in hidden for place in places for key in _URIS if isinstance(place.get(key), str)
    )
