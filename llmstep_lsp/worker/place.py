"""Owns where a model is: a directory here, or a name on the Hugging Face hub.

Imports nothing heavy, so that a wrong name is told at once.
"""

import re
from pathlib import Path

# `name` or `organisation/name`.
_HUB_ID = re.compile(r"\w[\w.-]*(/[\w.-]+)?")


class LoadError(Exception):
    """The model cannot be loaded; the message is for a person."""


def is_local(name: str) -> bool:
    """Whether `name` is a model directory, rather than a name on the hub.

    Raises:
        LoadError: it can be neither.
    """
    place = Path(name)
    if place.is_dir():
        if (place / "config.json").is_file():
            return True
        raise LoadError(
            f"The directory {name} holds no model (it has no config.json): "
            "name a directory that `save_pretrained` or `hf download` wrote."
        )
    if place.exists():
        raise LoadError(f"{name} is a file: name the directory of the model.")
    if _HUB_ID.fullmatch(name):
        return False
    raise LoadError(
        f"There is no directory {name}: name a model directory, or a model of the Hugging Face hub."
    )
