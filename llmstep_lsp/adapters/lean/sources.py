"""Owns which Lean files a person means by files and folders, and what they are called."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from llmstep_lsp.adapters.lean.toolchain import project_of
from llmstep_lsp.domain.extraction import Source
from llmstep_lsp.errors import InputError

_NO_SOURCE = "lakefile.lean"


def find_sources(paths: Sequence[Path]) -> list[Source]:
    """The files among `paths` and the Lean files below the folders among them, each once.

    A file of a Lake project is called by its path from the project's root, another one as it was named.

    Raises:
        InputError: there is no such file or folder, or no Lean file.
    """
    found = {file.resolve(): file for path in paths for file in _below(path)}
    if not found:
        raise InputError(f"There is no Lean file in {', '.join(map(str, paths))}.")
    return [Source(path, _name(path, named)) for path, named in found.items()]


def _below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        for file in sorted(path.rglob("*.lean")):
            # `.lake` holds what the project depends on, and what was built.
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if file.is_file() and not hidden and file.name != _NO_SOURCE:
                yield file
    else:
        raise InputError(f"{path} does not exist. Name Lean files, or folders with some.")


def _name(path: Path, named: Path) -> str:
    project = project_of(path.parent)
    return (path.relative_to(project) if project else named).as_posix()
