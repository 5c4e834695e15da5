"""Owns which kind of file pairs are read from, by what the file begins with."""

from collections.abc import Iterator
from pathlib import Path

from llmstep_lsp.adapters.pairs import json_lines, leandojo, parquet
from llmstep_lsp.domain.pairs import Pair
from llmstep_lsp.errors import InputError

_LOOKED_AT = 64


def read_pairs(path: Path) -> Iterator[Pair]:
    """The pairs of a file: our JSON lines, Parquet with the same columns, or LeanDojo Benchmark 4.

    Raises:
        InputError: it cannot be read, or is none of these.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Name a file of pairs.") from error
    if start.startswith(parquet.MAGIC):
        yield from parquet.read(path)
    elif start.lstrip().startswith(b"["):
        yield from leandojo.read(path)
    else:
        yield from json_lines.read(path)
