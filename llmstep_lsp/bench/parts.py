"""Owns the parts of `llmstep-lsp bench all`: each is measured once, and kept as soon as it is known."""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from cattrs import BaseValidationError, structure, unstructure

from llmstep_lsp.bench.circumstances import now
from llmstep_lsp.errors import InputError, LlmstepError
from llmstep_lsp.evaluation.folder import require_settings

Figures = TypeVar("Figures")


@dataclass(frozen=True)
class Part(Generic[Figures]):
    """What is measured: figures of the class `kind`, by `measure`, or nothing, and `without` says why."""

    name: str
    kind: type[Figures]
    measure: Callable[[], Figures]
    without: str = ""


@dataclass(frozen=True)
class Result(Generic[Figures]):
    """What came of a part: `figures`, or the `reason` why there are none, which may be that it has `failed`.

    It was measured at `date`, in UTC, in so many `seconds`; `load` is how many processes wanted to run
    before, on average over a minute.
    """

    part: str
    date: str
    seconds: float
    load: float
    figures: Figures | None
    reason: str = ""
    failed: bool = False


class Parts:
    """The folder of a report; what was measured with the same settings is not measured again."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Open it, or make it.

        Raises:
            InputError: it is of other settings, or cannot be used.
        """
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            require_settings(folder, dict(settings), "benchmark")
        except OSError as error:
            raise InputError(f"{folder} cannot be used: {error}.") from error
        except ValueError as error:
            raise self._unreadable from error

    def result(self, part: Part[Figures], progress: Callable[[str], None]) -> Result[Figures]:
        """What came of `part` now or before; one that fails has not been, the next time.

        Raises:
            InputError: what came of it before cannot be read.
        """
        if part.without:
            return Result(part.name, now(), 0.0, 0.0, None, part.without)
        if known := self._known(part):
            progress(f"{part.name}: measured before")
            return known
        progress(part.name)
        date, load, since = now(), round(os.getloadavg()[0], 1), time.monotonic()
        try:
            figures, reason = part.measure(), ""
        except Exception as error:  # noqa: BLE001  # the other parts still count
            figures, reason = None, _reason(error)
            progress(f"{part.name} failed: {reason}")
        seconds = round(time.monotonic() - since, 1)
        found = Result(part.name, date, seconds, load, figures, reason, failed=figures is None)
        if not found.failed:
            self.write(f"{part.name}.json", json_of(found))
        return found

    def write(self, name: str, text: str) -> None:
        """Put a file into the folder, or nothing if that is interrupted."""
        new = self._folder / f"{name}.new"
        new.write_text(text, encoding="utf-8")
        new.replace(self._folder / name)

    def _known(self, part: Part[Figures]) -> Result[Figures] | None:
        file = self._folder / f"{part.name}.json"
        if not file.exists():
            return None
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            return Result(**{**kept, "figures": structure(kept["figures"], part.kind)})
        except (OSError, ValueError, TypeError, KeyError, BaseValidationError) as error:
            raise self._unreadable from error

    @property
    def _unreadable(self) -> InputError:
        return InputError(f"{self._folder} cannot be read: remove it, or choose another --out.")


def json_of(found: Any) -> str:
    """A dataclass as the text of a file."""
    return json.dumps(unstructure(found), ensure_ascii=False, indent=2) + "\n"


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) if isinstance(error, LlmstepError) else f"{type(error).__name__}: {error}"
