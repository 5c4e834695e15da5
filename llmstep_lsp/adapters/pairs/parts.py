"""Owns the pairs of each file that is done, in a folder beside the output, and the output made of them.

A part is complete or not there: it is written elsewhere and renamed into its place.  Its first line
says what it holds; the other ones are pairs.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from cattrs import BaseValidationError, structure

from llmstep_lsp.adapters.pairs import json_lines, parquet
from llmstep_lsp.domain.extraction import Counts, Extracted, Failure, Source, Summary
from llmstep_lsp.errors import InputError


@dataclass(frozen=True)
class _Head:
    """What a part holds, and the digest of what it was read from."""

    file: str
    digest: str
    counts: Counts


class Parts:
    """The parts of an output, and the output."""

    def __init__(self, out: Path) -> None:
        """Where they are.

        Raises:
            InputError: `out` is to be Parquet, but pyarrow is not installed; or nothing can be written there.
        """
        self._out = out
        self._folder = out.with_name(f"{out.name}.parts")
        self.failures = out.with_name(f"{out.name}.failures.jsonl")
        self._parquet = out.suffix == ".parquet"
        if self._parquet:
            parquet.require()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def find(self, source: Source, digest: str) -> Counts | None:
        """How much is in the part of `source`, if it was read from what has this digest."""
        try:
            with self._part(source).open(encoding="utf-8") as opened:
                head = structure(json.loads(opened.readline()), _Head)
        except (OSError, ValueError, TypeError, BaseValidationError):
            return None  # it is read again
        return head.counts if head.digest == digest else None

    def put(self, source: Source, digest: str, extracted: Extracted) -> None:
        """Keep what was read from `source`.

        Raises:
            InputError: it cannot be written.
        """
        head = _Head(source.name, digest, extracted.counts)
        pairs = (f"{json_lines.write_line(pair)}\n" for pair in extracted.pairs)
        self._write_lines(self._part(source), [_line(head), *pairs])

    def write(self, summary: Summary) -> None:
        """Write the pairs of all that is done to the output, and list beside it what failed, if anything did.

        Raises:
            InputError: it cannot be written.
        """
        lines = (line for source in summary.done for line in self._lines(source))
        if self._parquet:
            unfinished = _unfinished(self._out)
            try:
                parquet.write(unfinished, map(json_lines.read_line, lines))
                unfinished.replace(self._out)
            except OSError as error:
                raise self._unwritable(error) from error
        else:
            self._write_lines(self._out, lines)
        self.failures.unlink(missing_ok=True)
        if summary.failures:
            self._write_lines(self.failures, map(_line, summary.failures))

    def _part(self, source: Source) -> Path:
        return self._folder / f"{hashlib.sha256(str(source.path).encode()).hexdigest()[:24]}.jsonl"

    def _lines(self, source: Source) -> Iterator[str]:
        with self._part(source).open(encoding="utf-8") as opened:
            next(opened)
            yield from opened

    def _write_lines(self, file: Path, lines: Iterable[str]) -> None:
        unfinished = _unfinished(file)
        try:
            with unfinished.open("w", encoding="utf-8") as opened:
                opened.writelines(lines)
            unfinished.replace(file)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(
            f"{self._out} cannot be written: {error.strerror}. Make room there, or name another --out; "
            "files that are done are remembered."
        )


def _line(said: _Head | Failure) -> str:
    return f"{json.dumps(asdict(said), ensure_ascii=False)}\n"


def _unfinished(file: Path) -> Path:
    return file.with_name(f"{file.name}.unfinished")
