"""Owns the list of theorems to prove, as it is read from Lean files or from JSON.

Each is a Lean text with one `sorry`, the declarations with others taken out: they are not proved either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmstep_lsp.adapters.lean.sources import find_sources
from llmstep_lsp.domain.alone import alone
from llmstep_lsp.domain.commands import command_at
from llmstep_lsp.domain.model import Snapshot
from llmstep_lsp.domain.sites import sorries
from llmstep_lsp.domain.text import Position, to_lf
from llmstep_lsp.errors import InputError
from llmstep_lsp.evaluation import json_lists


@dataclass(frozen=True)
class Theorem:
    """What is proved in place of the `sorry` at `place` of `snapshot`; there is none if `place` is None.

    `file` and `line`, from 1, say where the theorem was read; it has no `name` if it is an example.
    """

    name: str
    file: str
    line: int
    snapshot: Snapshot
    place: Position | None

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from the others."""
        return self.file, self.line


def read_theorems(paths: Sequence[Path], root: Path) -> list[Theorem]:
    """The theorems of `paths`: Lean files, folders of such, `.jsonl` as miniF2F's, `.json` as LeanDojo's.

    What JSON tells of belongs to the project `root`.

    Raises:
        InputError: a path cannot be read, or there is no theorem at all.
    """
    lists = [path for path in paths if path.suffix in {".json", ".jsonl"}]
    found = [theorem for path in lists for theorem in _listed(path, root.absolute())]
    if files := [path for path in paths if path not in lists]:
        for source in find_sources(files):
            found += _in_file(source.path, source.name)
    if not found:
        raise InputError(
            f"There is no `sorry` in {', '.join(map(str, paths))}, so there is nothing to prove."
        )
    return list({theorem.key: theorem for theorem in found}.values())


def _in_file(path: Path, name: str) -> Iterator[Theorem]:
    try:
        text = to_lf(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    commands = {command_at(text, place.line): place for place in reversed(sorries(text))}
    for command, place in sorted(commands.items(), key=lambda item: item[1]):
        snapshot = Snapshot(path.as_uri(), 0, alone(text, place.line))
        yield Theorem(command.name, name, place.line + 1, snapshot, _only_sorry(snapshot.text))


def _listed(path: Path, root: Path) -> Iterator[Theorem]:
    read = json_lists.statements if path.suffix == ".jsonl" else json_lists.traced
    for listed in read(path, root):
        text = alone(listed.text, listed.text.count("\n") - 1)  # its `sorry` is on the last line
        snapshot = Snapshot(listed.path.as_uri(), 0, text)
        yield Theorem(listed.name, listed.file, listed.line, snapshot, _only_sorry(text))


def _only_sorry(text: str) -> Position | None:
    found = sorries(text)
    return found[0] if len(found) == 1 else None
