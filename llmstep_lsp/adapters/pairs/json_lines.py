"""Owns files of pairs with one JSON object a line, named as the fields of `Pair`."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from cattrs import ClassValidationError, structure

from llmstep_lsp.domain.pairs import Pair
from llmstep_lsp.errors import InputError


def write_line(pair: Pair) -> str:
    """`pair` as a line, without the line's end."""
    return json.dumps(asdict(pair), ensure_ascii=False)


def read_line(line: str) -> Pair:
    """The pair that `line` is.

    Raises:
        ValueError: it is none.
    """
    try:
        return structure(json.loads(line), Pair)
    except (TypeError, ClassValidationError) as error:
        raise ValueError("no pair") from error


def read(file: Path) -> Iterator[Pair]:
    """The pairs of `file`; fields that a pair does not have are left out.

    Raises:
        InputError: it cannot be read, or a line is no pair.
    """
    try:
        with file.open(encoding="utf-8") as opened:
            for number, line in enumerate(opened, 1):
                yield _pair(file, number, line)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.") from error


def _pair(file: Path, number: int, line: str) -> Pair:
    try:
        return read_line(line)
    except ValueError as error:
        raise InputError(
            f"Line {number} of {file} is no pair: it needs `state_before`, `tactic` and `state_after`."
        ) from error
