"""Owns the directory of a run: which run it is, and that no other process trains there."""

import hashlib
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from llmstep_lsp.domain.recipe import Example, Run
from llmstep_lsp.errors import InputError
from llmstep_lsp.training.protocol import (
    CHECKPOINTS,
    CONVERTED,
    EXAMPLES,
    MODEL,
    RUN,
    TOKENIZER,
    example_lines,
    read_run,
    write_run,
)

if sys.platform != "win32":
    import fcntl

_LOCK = "lock"
_UNFINISHED = f"{EXAMPLES}.unfinished"


@contextmanager
def alone(directory: Path) -> Iterator[int]:
    """Make `directory`, and keep other trainings out of it; yields a descriptor that does so while open.

    Raises:
        InputError: another process trains there, it cannot be made, or it is used otherwise.
    """
    if not (directory / RUN).is_file() and directory.exists() and _used(directory):
        raise InputError(f"{directory} holds something else: name another --out, or empty it.")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / _LOCK).open("w")
    except OSError as error:
        raise InputError(f"{directory} cannot be written: {error.strerror}.") from error
    with lock:
        if sys.platform != "win32":
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(
                    f"Another process trains in {directory}: wait for its end, or name another --out."
                ) from error
            except OSError:  # a file system without locks
                pass
        yield lock.fileno()


def prepare(directory: Path, run: Run, examples: Iterable[Example]) -> None:
    """Write `run` with its examples into `directory`, or see that they are there.

    A run of which nothing was kept makes room for another one.

    Raises:
        InputError: there are no examples, they cannot be read or written, or there is another run.
    """
    unfinished = directory / _UNFINISHED
    digest = hashlib.sha256()
    try:
        with unfinished.open("wb") as opened:
            for line in example_lines(examples):
                digest.update(line.encode())
                opened.write(line.encode())
            if not opened.tell():
                raise InputError("There is no pair in these files: name files of pairs, as `extract` writes.")
        chosen = replace(run, examples=digest.hexdigest())
        if (directory / MODEL).is_dir() or any(directory.glob(f"{CHECKPOINTS}/*")):
            _check_same(directory, chosen)
        else:
            shutil.rmtree(directory / TOKENIZER, ignore_errors=True)  # it may be another one
        unfinished.replace(directory / EXAMPLES)
        write_run(directory, chosen)
    except OSError as error:
        raise InputError(f"{directory} cannot be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def finished(directory: Path, run: Run) -> bool:
    """Whether all that `run` makes is there."""
    wanted = (MODEL, CONVERTED) if run.quantization else (MODEL,)
    return all((directory / name).is_dir() for name in wanted)


def _used(directory: Path) -> bool:
    """Whether there is more than the beginning of a run."""
    if not directory.is_dir():
        return True
    return any(file.name not in {_LOCK, EXAMPLES, _UNFINISHED} for file in directory.iterdir())


def _check_same(directory: Path, run: Run) -> None:
    """Raise `InputError` if the run in `directory` is another one."""
    try:
        there = read_run(directory)
    except ValueError as error:
        raise InputError(f"{error}: name another --out.") from error
    if different := "; ".join(_differences(there, run)):
        raise InputError(
            f"{directory} holds another run, with {different}: name another --out, or say the same."
        )


def _differences(there: Run, here: Run) -> Iterator[str]:
    """What another run was made with, for a person."""
    if there.examples != here.examples:
        yield "other pairs"
    if there.prompt != here.prompt:
        yield "another prompt format"
    if there.model != here.model:
        yield f"the model {there.model}"
    if there.quantization != here.quantization:
        yield f"--quantization {there.quantization}"
    now = asdict(here.recipe)
    for name, value in asdict(there.recipe).items():
        if value != now[name]:
            option = f"--{name.replace('_', '-')}"
            yield f"no {option}" if value is None else f"{option} {value}"
