"""Owns what is known of the state of a session."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from llmstep_lsp.ports import LeanStatus


@dataclass(frozen=True)
class Health:
    """A generator, whether it answered when it was last asked, and if it failed, why."""

    name: str
    state: Literal["not asked yet", "answered", "failed"]
    reason: str = ""


@dataclass(frozen=True)
class Kept:
    """How much is remembered: places of documents, and megabytes on disk, of at most `limit` (0: none)."""

    places: int
    megabytes: float
    limit: int


@dataclass(frozen=True)
class Status:
    """A session: `lean` is None if no document was named, `chosen` are settings that are no defaults.

    Those have their origins with them: `{"lean": "the editor's settings"}`.
    """

    version: str
    lean: LeanStatus | None
    generators: tuple[Health, ...]
    kept: Kept
    chosen: Mapping[str, str]
    log_file: str


def healths(told: Mapping[str, str]) -> tuple[Health, ...]:
    """What is `told` of each generator: "" if it has not been asked, "answered", or why it failed."""
    return tuple(_health(name, said) for name, said in told.items())


def _health(name: str, said: str) -> Health:
    if said in {"", "answered"}:
        return Health(name, "answered" if said else "not asked yet")
    return Health(name, "failed", said)
