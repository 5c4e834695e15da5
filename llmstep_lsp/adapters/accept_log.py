"""Owns the file of accepted and rejected steps: one JSON object a line, which only its owner may read.

    {"version": 1, "id": text, "time": text, "file": text, "kind": text, "asked": bool, "goals": [text],
     "prefix": text, "context": text, "accepted": number or null,
     "suggestions": [{"text": text, "source": text, "score": number or null, "status": text,
                      "goals": [text]}]}

What the fields mean, `domain.offer` says.
"""

import errno
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmstep_lsp.domain.offer import Offer, Record, Shown
from llmstep_lsp.errors import InputError

_log = logging.getLogger(__name__)

_VERSION = 1


class AcceptLog:
    """Appends records to `file`; what goes wrong is logged, once as long as it stays the same."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._complaint = ""

    def keep(self, record: Record) -> None:
        """Append `record`; never fails."""
        try:
            _append(self._file, _line(record))
            self._complaint = ""
        except OSError as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                _log.warning(
                    "The log of accepted steps, %s, cannot be written (%s), so they are not kept. Free some "
                    "space, or let LLMSTEP_ACCEPT_LOG_FILE name another file.",
                    self._file,
                    error.strerror,
                )


def read_accept_log(file: Path) -> Iterator[Record]:
    """The records in `file`; lines that cannot be read are left out, and a warning says how many.

    Raises:
        InputError: the file cannot be read.
    """
    broken = 0
    try:
        with file.open("rb") as lines:
            for line in lines:
                try:
                    yield _record(json.loads(line))
                except ValueError:
                    broken += 1
    except OSError as error:
        raise InputError(
            f"The log of accepted steps, {file}, cannot be read ({error.strerror}); it is written where the "
            "setting `acceptLog` is on."
        ) from error
    if broken:
        _log.warning("%d lines of %s cannot be read and were left out.", broken, file)


def clear_accept_log(file: Path) -> None:
    """Remove `file`.

    Raises:
        InputError: it cannot be removed.
    """
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{file} cannot be removed ({error.strerror}): remove it yourself.") from error


def _append(file: Path, line: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Not buffered: one call writes it all, so that lines of several processes do not mix.
    with open(file, "ab+", buffering=0, opener=_private) as opened:
        if (size := opened.seek(0, os.SEEK_END)) and os.pread(opened.fileno(), 1, size - 1) != b"\n":
            line = b"\n" + line  # the disk was full in mid-line
        if opened.write(line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _line(record: Record) -> bytes:
    shape = {"version": _VERSION, "id": record.id, "time": record.time, **asdict(record.offer)}
    return json.dumps({**shape, "accepted": record.accepted}).encode() + b"\n"


def _record(data: Any) -> Record:
    """The record that `data` is.

    Raises:
        ValueError: it is none, or one of another version.
    """
    match data:
        case {
            "version": 1,
            "id": str(name),
            "time": str(time),
            "kind": "codeAction" | "inlineCompletion" | "completion" as kind,
            "asked": bool(asked),
            "file": str(file),
            "goals": [*goals],
            "prefix": str(prefix),
            "context": str(context),
            "suggestions": [*suggestions],
            "accepted": int() | None as accepted,
        } if accepted is None or 0 <= accepted < len(suggestions):
            shown = tuple(_shown(one) for one in suggestions)
            return Record(
                name, time, Offer(kind, asked, file, _texts(goals), prefix, context, shown), accepted
            )
    raise ValueError(f"this is no record: {data!r:.80}")


def _shown(data: Any) -> Shown:
    match data:
        case {
            "text": str(text),
            "source": str(source),
            "score": float() | int() | None as score,
            "status": str(status),
            "goals": [*goals],
        }:
            return Shown(text, source, score, status, _texts(goals))
    raise ValueError(f"this is no suggestion: {data!r:.80}")


def _texts(values: list[Any]) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"these are not texts: {values!r:.80}")
    return tuple(values)
