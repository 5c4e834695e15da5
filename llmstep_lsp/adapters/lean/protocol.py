"""Owns the shapes of `LLMStep.Protocol`, the Lean package's side of which has the words about them.

A field's name in JSON is the same in camel case; an optional field may be absent or null.
`lean/LLMStepTest/protocol.json` has an example of each shape, and both sides are tested by it.
"""

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from cattrs import BaseValidationError, Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from llmstep_lsp.domain.model import Status

VERSION = 1


@dataclass(frozen=True)
class Place:
    """A position of the language server protocol; `character` counts UTF-16 units."""

    line: int
    character: int


@dataclass(frozen=True)
class StateRequest:
    """Asks for the goals at a position."""

    pos: Place
    version: int = field(default=VERSION, kw_only=True)


@dataclass(frozen=True)
class HypothesisShape:
    """One hypothesis of a goal, printed."""

    name: str
    type: str
    is_instance: bool
    value: str | None = None


@dataclass(frozen=True)
class GoalShape:
    """One goal, in parts and as a whole."""

    hypotheses: tuple[HypothesisShape, ...]
    target: str
    text: str
    case: str | None = None


@dataclass(frozen=True)
class StateAnswer:
    """The goals at a position."""

    goals: tuple[GoalShape, ...]
    before: bool
    declaration: str | None = None
    version: int = field(default=VERSION, kw_only=True)


@dataclass(frozen=True)
class CheckRequest:
    """Asks for a verdict on each candidate; heartbeats are those of the option `maxHeartbeats`."""

    pos: Place
    candidates: tuple[str, ...]
    max_heartbeats: int
    max_milliseconds: int
    version: int = field(default=VERSION, kw_only=True)


@dataclass(frozen=True)
class VerdictShape:
    """A status, what remains, and what it took."""

    status: Status
    goals: tuple[str, ...]
    reason: str
    messages: tuple[str, ...]
    proposals: tuple[str, ...]
    heartbeats: int
    milliseconds: int


@dataclass(frozen=True)
class CheckAnswer:
    """The verdicts on the candidates, in their order."""

    verdicts: tuple[VerdictShape, ...]
    version: int = field(default=VERSION, kw_only=True)


@dataclass(frozen=True)
class LemmasRequest:
    """Asks for up to `count` lemmas that may help with the first goal at a position."""

    pos: Place
    count: int
    max_milliseconds: int
    version: int = field(default=VERSION, kw_only=True)


@dataclass(frozen=True)
class LemmasAnswer:
    """The names of lemmas that may help, the nearest to the goal first."""

    lemmas: tuple[str, ...]
    version: int = field(default=VERSION, kw_only=True)


@dataclass(frozen=True)
class GenerateRequest:
    """Asks the generators for candidates."""

    goals: tuple[str, ...]
    prefix: str
    context: str
    count: int
    seconds: int
    model: str | None = None
    version: int = field(default=VERSION, kw_only=True)


@dataclass(frozen=True)
class CandidateShape:
    """A step that a generator proposes; `score` is its mean token log-probability."""

    text: str
    source: str
    score: float | None = None


@dataclass(frozen=True)
class GenerateAnswer:
    """What the generators propose, and which of them failed."""

    candidates: tuple[CandidateShape, ...]
    failures: tuple[str, ...]
    version: int = field(default=VERSION, kw_only=True)


_Shape = TypeVar("_Shape")
_SHAPES = (
    Place, StateRequest, HypothesisShape, GoalShape, StateAnswer, CheckRequest, VerdictShape, CheckAnswer,
    LemmasRequest, LemmasAnswer, GenerateRequest, CandidateShape, GenerateAnswer,
)  # fmt: skip


def to_json(shape: Any) -> dict[str, Any]:
    """The JSON object of one of the shapes."""
    found: dict[str, Any] = _converter().unstructure(shape)
    return found


def from_json(found: Any, shape: type[_Shape]) -> _Shape:
    """The shape that a JSON value has.

    Raises:
        ValueError: it has another one, or speaks another version.
    """
    try:
        if found.get("version") != getattr(shape, "version", None):
            raise ValueError(f"version {found.get('version')} of the protocol; this is {VERSION}")
        read: _Shape = _converter().structure(found, shape)
    except (BaseValidationError, AttributeError) as error:
        raise ValueError(f"not a {shape.__name__}: {json.dumps(found)[:200]}") from error
    return read


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@cache
def _converter() -> Converter:
    converter = Converter()
    for shape in _SHAPES:
        names: dict[str, Any] = {name: override(rename=_camel(name)) for name in shape.__dataclass_fields__}
        converter.register_structure_hook(
            shape, make_dict_structure_fn(shape, converter, _cattrs_forbid_extra_keys=True, **names)
        )
        converter.register_unstructure_hook(shape, make_dict_unstructure_fn(shape, converter, **names))
    return converter
