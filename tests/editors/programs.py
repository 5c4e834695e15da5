"""Owns where the editors are that `make test-editors` installs."""

import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

FOLDER = Path(sys.prefix) / "editors"
"""What is not a Python package, nor one of Debian's."""


def program(*names: str | Path) -> Path:
    """The first of `names` that is here: a name on the PATH or in the environment, or a path."""
    for name in names:
        found = shutil.which(name) or shutil.which(name, path=str(Path(sys.prefix) / "bin"))
        if found:
            return Path(found)
    return missing(names[0])


def missing(what: str | Path) -> NoReturn:
    """Fail, and say what to do about it."""
    pytest.fail(f"{what} is missing. Run `make test-editors`, which installs it.")
