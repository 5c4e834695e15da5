"""Owns files of pairs in Parquet, whose columns are named as the fields of `Pair`."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from cattrs import BaseValidationError, structure

from llmstep_lsp.domain.pairs import Pair
from llmstep_lsp.errors import InputError

MAGIC = b"PAR1"
"""What every such file begins with."""

# So many are held in memory at once.
_ROWS = 5000


def require() -> Any:
    """The library that reads and writes Parquet.

    Raises:
        InputError: it is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise InputError(
            "Parquet needs pyarrow: pip install 'llmstep-lsp[data]'; or name a file of JSON lines (.jsonl)."
        ) from error
    return pyarrow


def read(file: Path) -> Iterator[Pair]:
    """The pairs of `file`; columns that a pair does not have are left out.

    Raises:
        InputError: it cannot be read, a row is no pair, or pyarrow is not installed.
    """
    arrow = require()
    try:
        with arrow.parquet.ParquetFile(file) as opened:
            for batch in opened.iter_batches(batch_size=_ROWS):
                for row in batch.to_pylist():
                    yield structure(row, Pair)
    except (OSError, arrow.ArrowException) as error:
        raise InputError(f"{file} cannot be read: {error}.") from error
    except (TypeError, ValueError, BaseValidationError) as error:
        raise InputError(
            f"{file} holds no pairs: it needs the columns `state_before`, `tactic` and `state_after`."
        ) from error


def write(file: Path, pairs: Iterable[Pair]) -> None:
    """Write `pairs` to `file`, which must not be there or is replaced.

    Raises:
        InputError: pyarrow is not installed.
        OSError: it cannot be written.
    """
    arrow = require()
    text, number = arrow.string(), arrow.int64()
    schema = arrow.schema(
        {
            "state_before": text,
            "tactic": text,
            "state_after": text,
            "declaration": text,
            "file": text,
            "line": number,
            "column": number,
            "context": text,
            "premises": arrow.list_(text),
        }
    )
    waiting = iter(pairs)
    with arrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while rows := [asdict(pair) for pair in islice(waiting, _ROWS)]:
            writer.write_table(arrow.Table.from_pylist(rows, schema))
