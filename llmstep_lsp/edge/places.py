"""Owns how a command line names places in files: FILE:LINE:COL, counted from 1, or every `sorry`."""

import re
from pathlib import Path

import typer

from llmstep_lsp.domain.model import Snapshot
from llmstep_lsp.domain.sites import sorries
from llmstep_lsp.domain.text import Position, lines, to_lf
from llmstep_lsp.errors import InputError

_PLACE = re.compile(r"(.+?)(?::(\d+))?(?::(\d+))?")


def places(place: str, *, every: bool) -> tuple[Path, Snapshot, list[Position]]:
    """The file that `place` names, what is in it, and the positions meant; without a column, a line's end.

    That there is no `sorry`, if `every` one is meant, is said on standard error.

    Raises:
        typer.BadParameter: `place` is not written as it must be.
        InputError: the file cannot be read, or has no such position.
    """
    file, line, column = _parsed(place, every=every)
    text = _text(file)
    positions = sorries(text) if every else [_position(file, text, line, column)]
    if not positions:
        typer.echo(f"There is no `sorry` in {file}.", err=True)
    return file, Snapshot(file.absolute().as_uri(), 0, text), positions


def _parsed(place: str, *, every: bool) -> tuple[Path, int, int | None]:
    """The file, the line and the column (from 0) that `place` names."""
    found = _PLACE.fullmatch(place)
    name, line, column = found.groups() if found else (place, None, None)
    if every and line is not None:
        raise typer.BadParameter(f"--all takes every `sorry` of the file: leave out the line of {place}")
    if every:
        return Path(place), 0, None
    if line is None:
        raise typer.BadParameter(f"{place} names no line: say FILE:LINE or FILE:LINE:COL, or FILE --all")
    if int(line) < 1 or column == "0":
        raise typer.BadParameter(f"{place}: lines and columns count from 1")
    return Path(name), int(line) - 1, None if column is None else int(column) - 1


def _text(file: Path) -> str:
    try:
        return to_lf(file.read_bytes().decode("utf-8"))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file} is not UTF-8 text (byte {error.start}); Lean could not read it either."
        ) from error


def _position(file: Path, text: str, line: int, column: int | None) -> Position:
    found = lines(text)
    if line >= len(found):
        raise InputError(f"{file} has {len(found)} lines; there is no line {line + 1}.")
    length = len(found[line])
    if column is not None and column > length:
        raise InputError(
            f"Line {line + 1} of {file} has {length} characters; there is no column {column + 1}."
        )
    return Position(line, length if column is None else column)
