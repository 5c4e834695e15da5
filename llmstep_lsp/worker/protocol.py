"""Owns what the language server and its model worker say to each other: one JSON object a line.

The worker first writes `Ready` or `Fatal`.  To each `Request` it answers with `Found` for
each continuation, as they come, and then `Done` or `Failed`; several requests may be
answered at a time.  A cancelled request is answered by `Failed`.  The end of its standard
input ends the worker at once.  `kind` names the dataclass, the other keys are its fields.
This module imports no torch, so both sides share it.
"""

import json
from dataclasses import dataclass
from typing import Any, cast

from cattrs.preconf.json import make_converter
from cattrs.strategies import configure_tagged_union

from llmstep_lsp.domain.completion import Completion, Continuation, Model


@dataclass(frozen=True)
class Request:
    """Ask for a completion."""

    id: int
    completion: Completion


@dataclass(frozen=True)
class Cancel:
    """Stop working on the request `id`; nothing happens if it is done."""

    id: int


@dataclass(frozen=True)
class Ready:
    """The model is loaded."""

    model: Model


@dataclass(frozen=True)
class Fatal:
    """The worker ends: a message for a person."""

    message: str


@dataclass(frozen=True)
class Found:
    """A continuation for the request `id`, which no other for it equals."""

    id: int
    continuation: Continuation


@dataclass(frozen=True)
class Done:
    """All continuations for the request `id` are found; the engine took `milliseconds` for them."""

    id: int
    milliseconds: float


@dataclass(frozen=True)
class Failed:
    """The request `id` was cancelled or could not be answered; `error` says why, for a person."""

    id: int
    error: str


Order = Request | Cancel
Reply = Ready | Fatal | Found | Done | Failed

_converter = make_converter()
for _union in (Order, Reply):
    configure_tagged_union(_union, _converter, tag_name="kind")


def line(message: Order | Reply) -> bytes:
    """The line that says `message`; ASCII, so that any string of Python's survives it."""
    kind = Order if isinstance(message, Order) else Reply
    return json.dumps(_converter.unstructure(message, kind), allow_nan=False).encode() + b"\n"


def read_order(text: bytes) -> Order:
    """What the language server says in one line.

    Raises:
        ValueError: it says nothing of this protocol.
    """
    return cast("Order", _read(text, Order))


def read_reply(text: bytes) -> Reply:
    """What the worker says in one line.

    Raises:
        ValueError: it says nothing of this protocol.
    """
    return cast("Reply", _read(text, Reply))


def _read(text: bytes, kind: Any) -> object:
    message = json.loads(text)
    try:
        return _converter.structure(message, kind)
    except Exception as error:  # cattrs collects whatever its hooks raise
        raise ValueError(f"not of the protocol: {text[:200]!r}") from error
