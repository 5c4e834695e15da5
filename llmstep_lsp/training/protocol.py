"""Owns what the command line and the process that trains say to each other.

The process gets a directory, which holds `RUN` and `EXAMPLES`, and writes one JSON object a
line: `Said` and `At` as it goes on, at last `Made` or `Fatal`.  The end of its standard input
ends it at once.  This module imports no torch, so both sides share it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cattrs.preconf.json import make_converter
from cattrs.strategies import configure_tagged_union

from llmstep_lsp.domain.recipe import Example, NewModel, Run

RUN, EXAMPLES = "run.json", "examples.jsonl"
"""In the directory of a run: what it is, and what it learns from."""

MODEL, CONVERTED = "model", "ctranslate2"
"""In the directory of a run: the model that it makes, for transformers and for CTranslate2."""

CHECKPOINTS, TOKENIZER = "checkpoints", "tokenizer"
"""In the directory of a run: what is kept to go on, and the tokenizer of a new model."""

LOG, PLOT = "log.jsonl", "loss.png"
"""In the directory of a run: the loss as it went, one JSON object a line, and a picture of it."""


@dataclass(frozen=True)
class Said:
    """Something that a person may want to know."""

    message: str


@dataclass(frozen=True)
class At:
    """So many steps of so many are done, which is this `share` of the time; `loss` is the latest one."""

    step: int
    steps: int
    share: float
    loss: float | None


@dataclass(frozen=True)
class Made:
    """The model is ready."""


@dataclass(frozen=True)
class Fatal:
    """The process ends: a message for a person."""

    message: str


Report = Said | At | Made | Fatal

_converter = make_converter()
_converter.register_structure_hook(
    NewModel | str, lambda said, _: said if isinstance(said, str) else _converter.structure(said, NewModel)
)
configure_tagged_union(Report, _converter, tag_name="kind")


def line(report: Report) -> bytes:
    """The line that says `report`."""
    return json.dumps(_converter.unstructure(report, Report)).encode() + b"\n"


def read_report(text: bytes) -> Report:
    """What the process says in one line.

    Raises:
        ValueError: it says nothing of this protocol.
    """
    try:
        return cast("Report", _converter.structure(json.loads(text), cast("Any", Report)))
    except Exception as error:  # cattrs collects whatever its hooks raise
        raise ValueError(f"not of the protocol: {text[:200]!r}") from error


def write_run(directory: Path, run: Run) -> None:
    """Put `run` into `directory`."""
    text = json.dumps(_converter.unstructure(run), ensure_ascii=False, indent=1)
    (directory / RUN).write_text(f"{text}\n", encoding="utf-8")


def read_run(directory: Path) -> Run:
    """The run in `directory`.

    Raises:
        OSError: there is none.
        ValueError: it is none.
    """
    text = (directory / RUN).read_text(encoding="utf-8")
    try:
        return _converter.loads(text, Run)
    except Exception as error:  # cattrs collects whatever its hooks raise
        raise ValueError(f"{directory / RUN} is no run of this version") from error


def example_lines(examples: Iterable[Example]) -> Iterator[str]:
    """The line of each example, with its end."""
    for example in examples:
        yield f"{json.dumps(_converter.unstructure(example), ensure_ascii=False)}\n"


def read_examples(directory: Path) -> Iterator[Example]:
    """The examples in `directory`."""
    with (directory / EXAMPLES).open(encoding="utf-8") as lines:
        for text in lines:
            yield _converter.structure(json.loads(text), Example)
