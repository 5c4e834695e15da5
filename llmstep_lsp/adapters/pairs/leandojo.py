"""Owns how LeanDojo Benchmark 4 is read: a list of theorems with the tactics that were traced in each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cattrs import BaseValidationError, structure

from llmstep_lsp.domain.pairs import Pair
from llmstep_lsp.errors import InputError

_FINISHED = "no goals"


@dataclass(frozen=True)
class _Premise:
    full_name: str


@dataclass(frozen=True)
class _Tactic:
    """`annotated_tactic` is its text with marks around premises, and these."""

    tactic: str
    annotated_tactic: tuple[str, tuple[_Premise, ...]]
    state_before: str
    state_after: str


@dataclass(frozen=True)
class _Theorem:
    full_name: str
    file_path: str
    traced_tactics: tuple[_Tactic, ...]


def read(file: Path) -> Iterator[Pair]:
    """The pairs of `file`.

    It does not tell where a tactic begins, so lines and columns are 0, and there is no context; later
    lines of a tactic are indented as in its file.

    Raises:
        InputError: it cannot be read, or is not LeanDojo's.
    """
    try:
        theorems = structure(json.loads(file.read_text(encoding="utf-8")), tuple[_Theorem, ...])
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error}.") from error
    except (ValueError, TypeError, KeyError, BaseValidationError) as error:
        raise InputError(
            f"{file} is neither a file of pairs nor LeanDojo Benchmark 4, a list of theorems with "
            "`full_name`, `file_path` and `traced_tactics`."
        ) from error
    for theorem in theorems:
        for traced in theorem.traced_tactics:
            yield _pair(theorem, traced)


def _pair(theorem: _Theorem, traced: _Tactic) -> Pair:
    _, premises = traced.annotated_tactic
    return Pair(
        traced.state_before,
        traced.tactic,
        "" if traced.state_after == _FINISHED else traced.state_after,
        theorem.full_name,
        theorem.file_path,
        premises=tuple(dict.fromkeys(premise.full_name for premise in premises)),
    )
