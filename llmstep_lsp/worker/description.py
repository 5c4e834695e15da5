"""Owns the file that lies beside a converted model and says what its engine must know of it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cattrs.preconf.json import make_converter

FILE = "llmstep.json"

PROMPT = "prompt.toml"
"""Lies beside a model, converted or not, that was trained to be asked in the format that it says."""


@dataclass(frozen=True)
class Description:
    """What was converted, and how it is run.

    `model` is the name of the original, by which the format of prompts is chosen.
    `encoder` says whether an encoder reads the prompt, `bytes` whether tokens are bytes, so
    that there is no tokenizer.json.  `context`, `start` and `ends` are as those of `Reader`;
    `end` is the name of the end token.
    """

    model: str
    encoder: bool
    bytes: bool
    parameters: int
    context: int | None
    start: int | None
    ends: tuple[int, ...]
    end: str


_converter = make_converter()


def write(directory: Path, description: Description) -> None:
    """Put `description` into `directory`."""
    (directory / FILE).write_text(json.dumps(asdict(description), indent=1) + "\n", encoding="utf-8")


def read(directory: Path) -> Description:
    """The description in `directory`.

    Raises:
        OSError: there is none.
        ValueError: it is none.
    """
    text = (directory / FILE).read_text(encoding="utf-8")
    try:
        return _converter.loads(text, Description)
    except Exception as error:  # cattrs collects whatever its hooks raise
        raise ValueError(f"{directory / FILE} describes no model") from error
