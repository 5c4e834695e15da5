"""Owns the folder of an evaluation: what it is of, and what came of each theorem by now."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from cattrs import BaseValidationError, structure, unstructure

from llmstep_lsp.errors import InputError
from llmstep_lsp.evaluation.record import Outcome, Record


class Kept(Protocol):
    """What came of something that was measured; what has failed is measured again."""

    @property
    def key(self) -> Any:
        """What tells it from the others."""

    @property
    def outcome(self) -> Outcome:
        """What came of it."""


_Kept = TypeVar("_Kept", bound=Kept)


class Records(Generic[_Kept]):
    """A folder of records of one `kind`, a dataclass.

    `records` are those that were made with the same settings, failed ones left out.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], kind: type[_Kept]) -> None:
        """Open it, or make it.

        Raises:
            InputError: it is of an evaluation with other settings, or cannot be used.
        """
        self._path = path
        self._file = path / "records.jsonl"
        try:
            path.mkdir(parents=True, exist_ok=True)
            require_settings(path, dict(settings))
            found = [line for line in _lines(self._file) if line.endswith("\n")]  # else it was interrupted
            records = [structure(json.loads(line), kind) for line in found]
        except OSError as error:
            raise InputError(f"{path} cannot be used: {error}.") from error
        except (ValueError, TypeError, BaseValidationError) as error:
            raise InputError(f"{path} cannot be read: remove it, or choose another --out.") from error
        self.records: dict[Any, _Kept] = {
            one.key: one for one in records if one.outcome is not Outcome.FAILED
        }
        self._write("records.jsonl", "".join(map(_line, self.records.values())))

    def add(self, record: _Kept) -> None:
        """Keep `record`."""
        self.records[record.key] = record
        with self._file.open("a", encoding="utf-8") as opened:
            opened.write(_line(record))

    def _write(self, name: str, text: str) -> None:
        new = self._path / f"{name}.new"
        new.write_text(text, encoding="utf-8")
        new.replace(self._path / name)


class Folder(Records[Record]):
    """The folder of an evaluation of theorems."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        """As `Records` says."""
        super().__init__(path, settings, Record)


def require_settings(path: Path, settings: dict[str, Any], of: str = "evaluation") -> None:
    """Keep `settings` in the folder `path` of an `of`, unless others are there.

    Raises:
        InputError: others are.
    """
    file = path / "settings.json"
    if not file.exists():
        file.write_text(json.dumps(settings, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        return
    kept = json.loads(file.read_text(encoding="utf-8"))
    if other := [name for name in settings if kept.get(name) != settings[name]]:
        said = "; ".join(f"{name} was {kept.get(name)} and is {settings[name]}" for name in other)
        raise InputError(f"{path} is of another {of} ({said}): choose another --out, or remove it.")


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []


def _line(record: Kept) -> str:
    return json.dumps(unstructure(record), ensure_ascii=False) + "\n"
