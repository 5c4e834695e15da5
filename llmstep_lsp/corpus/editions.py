"""Owns new editions of a sheet: the same tasks, with other names for all that the sheet defines."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from llmstep_lsp.corpus.sheets import Sheet, Task
from llmstep_lsp.corpus.words import FUNCTION_WORDS, KNOWN_WORDS, TYPE_WORDS

_NAME = re.compile(r"[^\W\d][\w']*")


@dataclass(frozen=True)
class Edition(Sheet):
    """A sheet, and what its names stand for: `renaming` tells the new name of each old one."""

    renaming: Mapping[str, str] = field(default_factory=dict)

    def reworded(self, text: str) -> str:
        """`text` of the old sheet in the new names."""
        return reworded(text, self.renaming)


def edition(sheet: Sheet, rng: random.Random) -> Edition:
    """`sheet` with other names for its types, functions and lemmas."""
    known = [word for words in KNOWN_WORDS.values() for word in words]
    words = rng.sample(sorted({*FUNCTION_WORDS, *known}), len(sheet.definitions))
    renaming = dict(zip(sheet.definitions, words, strict=True))
    renaming |= dict(zip(sheet.types, rng.sample(TYPE_WORDS, len(sheet.types)), strict=True))
    for task in sheet.tasks:
        parts = [renaming.get(part, part) for part in task.name.split("_")]
        name = "_".join(parts)
        while name in renaming.values():
            name += "'"
        renaming[task.name] = name

    def rename(task: Task) -> Task:
        return replace(
            task,
            name=renaming[task.name],
            statement=reworded(task.statement, renaming),
            about=reworded(task.about, renaming),
            uses=tuple(renaming[name] for name in task.uses),
        )

    return Edition(
        sheet.name,
        reworded(sheet.opening, renaming),
        tuple(map(rename, sheet.tasks)),
        tuple(renaming[name] for name in sheet.definitions),
        tuple(renaming[name] for name in sheet.types),
        sheet.namespace,
        renaming=renaming,
    )


def reworded(text: str, renaming: Mapping[str, str]) -> str:
    """`text` with new names, each part of a name with dots for itself."""
    return _NAME.sub(lambda found: renaming.get(found.group(), found.group()), text)
