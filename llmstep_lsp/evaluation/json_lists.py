"""Owns how theorems are read from JSON: miniF2F's statements, and LeanDojo's theorems in their files."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cattrs import BaseValidationError, structure

from llmstep_lsp.domain.lexing import mask
from llmstep_lsp.domain.text import Position, offset, to_lf
from llmstep_lsp.errors import InputError

_SORRY = " := by\n  sorry\n"
# Where the statements are meant to be read; without it, a name that is not known would be a variable.
_MATHLIB = "import Mathlib\n\nopen BigOperators Real Nat Topology Rat\n"
_STRICT = "set_option autoImplicit false\n\n"
_ASSIGNED = re.compile(r"[([{⟨⦃]|[)\]}⟩⦄]|:=")
_OPENERS = "([{⟨⦃"


@dataclass(frozen=True)
class Listed:
    """A theorem that `file` tells of in `line`, from 1; `text`, as of `path`, ends with its `sorry`."""

    name: str
    file: str
    line: int
    path: Path
    text: str


@dataclass(frozen=True)
class _Statement:
    """A line of miniF2F's list."""

    full_name: str
    statement: str


@dataclass(frozen=True)
class _Traced:
    """A theorem of LeanDojo's; lines and columns from 1, `end` behind its proof."""

    file_path: str
    full_name: str
    start: tuple[int, int]
    end: tuple[int, int]


def statements(file: Path, root: Path) -> Iterator[Listed]:
    """The theorems of `file`, in a text that imports Mathlib if the project `root` has it.

    Raises:
        InputError: it cannot be read.
    """
    header = (_MATHLIB if (root / ".lake/packages/mathlib").is_dir() else "") + _STRICT
    for number, line in enumerate(_read(file).splitlines(), 1):
        try:
            said = structure(json.loads(line), _Statement)
        except (ValueError, TypeError, BaseValidationError) as error:
            raise InputError(
                f"Line {number} of {file} is no theorem: an object with `full_name` and `statement` is."
            ) from error
        text = header + to_lf(said.statement).strip() + _SORRY
        yield Listed(said.full_name, str(file), number, root / f"{file.stem}.lean", text)


def traced(file: Path, root: Path) -> Iterator[Listed]:
    """The theorems of `file`, each in its own file below `root` as far as its statement.

    Raises:
        InputError: it, or a file that it names, cannot be read.
    """
    try:
        found = structure(json.loads(_read(file)), tuple[_Traced, ...])
    except (ValueError, TypeError, BaseValidationError) as error:
        raise InputError(
            f"{file} is no list of theorems as LeanDojo's, with `file_path`, `full_name`, `start` and `end`."
        ) from error
    for one in found:
        path = root / one.file_path
        text = to_lf(_read(path))
        start, end = (offset(text, Position(line - 1, column - 1)) for line, column in (one.start, one.end))
        statement = _statement(text[start:end])
        yield Listed(one.full_name, one.file_path, one.start[0], path, text[:start] + statement + _SORRY)


def _statement(theorem: str) -> str:
    """`theorem` up to the `:=` outside of brackets that its proof stands behind."""
    depth = 0
    for found in _ASSIGNED.finditer(mask(theorem)):
        if found[0] != ":=":
            depth += 1 if found[0] in _OPENERS else -1
        elif depth == 0:
            return theorem[: found.start()].rstrip()
    return theorem  # a proof by cases, `| 0 => …`; Lean will not read what is made of it


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} cannot be read: {error}. If it belongs to a repository, name that by --root."
        ) from error
