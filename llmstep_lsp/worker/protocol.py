"""Owns what the language server and its model worker say to each other: one JSON object a line.

The worker first writes `Ready` or `Fatal`, then one `Answer` or `Failure` for each
`Request`, in their order; a cancelled request is answered by a `Failure`.  The end of
its standard input ends the worker at once.  A dataclass's fields are the keys on the
line.  This module imports no torch, so both sides share it.
"""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Request:
    """Ask for at most `count` continuations of `prompt`: the greedy one and samples.

    A continuation ends at the model's own end token, before the first of the strings
    `stop`, or after `max_new_tokens`.  `temperature` 0 asks for the greedy one alone.
    The same request gets the same answer: `seed` starts the samples.
    """

    id: int
    prompt: str
    count: int
    max_new_tokens: int
    temperature: float
    seed: int
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cancel:
    """Stop working on the request with the id `cancel`; nothing happens if it is done."""

    cancel: int


@dataclass(frozen=True)
class Model:
    """What was loaded: its parameters (a count) and context (tokens; None: no limit is known)."""

    model: str
    device: str
    dtype: str
    parameters: int
    context: int | None


@dataclass(frozen=True)
class Ready:
    """The model is loaded."""

    ready: Model


@dataclass(frozen=True)
class Fatal:
    """The worker ends: a message for a person."""

    fatal: str


@dataclass(frozen=True)
class Continuation:
    """What follows the prompt; `score` is the mean untempered log-probability of its tokens.

    The token that ends it counts too.
    """

    text: str
    score: float


@dataclass(frozen=True)
class Answer:
    """Distinct continuations, best score first."""

    id: int
    candidates: tuple[Continuation, ...]


@dataclass(frozen=True)
class Failure:
    """The request was cancelled or could not be answered; `error` says why, for a person."""

    id: int
    error: str


Order = Request | Cancel
Reply = Ready | Fatal | Answer | Failure


def line(message: Order | Reply) -> bytes:
    """The line that says `message`; ASCII, so that any string of Python's survives it."""
    return json.dumps(asdict(message), allow_nan=False).encode() + b"\n"


def read_order(text: bytes) -> Order:
    """What the language server says in one line.

    Raises:
        ValueError: it says nothing of this protocol.
    """
    match json.loads(text):
        case {"cancel": int(id_)}:
            return Cancel(id_)
        case {
            "id": int(id_),
            "prompt": str(prompt),
            "count": int(count),
            "max_new_tokens": int(max_new_tokens),
            "temperature": int() | float() as temperature,
            "seed": int(seed),
            "stop": [*stop],
        }:
            return Request(id_, prompt, count, max_new_tokens, temperature, seed, tuple(map(str, stop)))
        case other:
            raise ValueError(f"not an order to the model worker: {other!r}")


def read_reply(text: bytes) -> Reply:
    """What the worker says in one line.

    Raises:
        ValueError: it says nothing of this protocol.
    """
    match json.loads(text):
        case {
            "ready": {
                "model": str(model),
                "device": str(device),
                "dtype": str(dtype),
                "parameters": int(parameters),
                "context": int() | None as context,
            }
        }:
            return Ready(Model(model, device, dtype, parameters, context))
        case {"fatal": str(message)}:
            return Fatal(message)
        case {"id": int(id_), "candidates": [*candidates]}:
            return Answer(id_, tuple(map(_continuation, candidates)))
        case {"id": int(id_), "error": str(message)}:
            return Failure(id_, message)
        case other:
            raise ValueError(f"not a reply of the model worker: {other!r}")


def _continuation(value: object) -> Continuation:
    match value:
        case {"text": str(text), "score": int() | float() as score}:
            return Continuation(text, score)
        case _:
            raise ValueError(f"not a continuation: {value!r}")
