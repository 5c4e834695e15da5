"""Owns what is said of steps that were shown to a person, and of which one was taken."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["codeAction", "inlineCompletion", "completion"]
"""Where steps are shown, in the words of the protocol."""


@dataclass(frozen=True)
class Shown:
    """A step that was shown: who proposed it, its mean token log-probability, and what it leaves to prove.

    `status` is that of a `Verdict`; `goals` are those after the step.
    """

    text: str
    source: str
    score: float | None
    status: str
    goals: tuple[str, ...]


@dataclass(frozen=True)
class Offer:
    """Steps that were shown together, at a place of `file`, a name without its folder.

    They are for `goals[0]` and start with `prefix`; `context` is the end of the file's text before
    them.  `asked` says whether the person asked for them.
    """

    kind: Kind
    asked: bool
    file: str
    goals: tuple[str, ...]
    prefix: str
    context: str
    suggestions: tuple[Shown, ...]


@dataclass(frozen=True)
class Record:
    """An offer, when it was made (ISO 8601, UTC), and the index of the suggestion that was taken, if any."""

    id: str
    time: str
    offer: Offer
    accepted: int | None
