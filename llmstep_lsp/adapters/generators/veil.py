"""Owns the veil over names of a file and a goal: a model sees of each what kind of thing it is, and a number.

So a small model need not copy names, nor can it learn by heart what somebody's `append` does.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from llmstep_lsp.domain.retrieval import Declaration

# A part of a name between dots: `Row.size`, `r.size` and, in its namespace, `size` are one function.
_PART = re.compile(r"[^\W\d][\w'!?₀-₉]*")
# Lean knows no such sign, and it is no letter for a byte, as which tokenizers would read it.
_SIGN = "◆"
_VEILED = re.compile(rf"{_SIGN}\w*")
_KINDS = {"theorem": "l", "lemma": "l", "inductive": "t", "structure": "t", "class": "t"}
_DEFINITION = "d"
_VARIABLE = "v"


@dataclass(frozen=True)
class Veil:
    """The placeholder for each name that the model is not to see."""

    placeholders: Mapping[str, str]

    def hide(self, text: str) -> str:
        """`text` with placeholders for names."""
        return _PART.sub(lambda found: self.placeholders.get(found.group(), found.group()), text)

    def show(self, text: str) -> str | None:
        """`text` with names for placeholders; None if one of them stands for nothing."""
        names = {placeholder: name for name, placeholder in self.placeholders.items()}
        if any(one not in names for one in _VEILED.findall(text)):
            return None
        return _VEILED.sub(lambda found: names[found.group()], text)


def veil_over(declared: Iterable[Declaration], variables: Iterable[str] = ()) -> Veil:
    """The veil over the names of `declared` and `variables`, which are numbered by kind in their order."""
    placeholders: dict[str, str] = {}
    counts: dict[str, int] = {}
    kinds = [(one.name.rpartition(".")[2], _KINDS.get(one.keyword, _DEFINITION)) for one in declared]
    for name, kind in [*kinds, *((variable, _VARIABLE) for variable in variables)]:
        if _PART.fullmatch(name) and name not in placeholders:
            counts[kind] = counts.get(kind, 0) + 1
            placeholders[name] = f"{_SIGN}{kind}{counts[kind]}"
    return Veil(placeholders)


def all_placeholders(most: int) -> tuple[str, ...]:
    """The placeholders that `most` things of each kind may have."""
    kinds = sorted({_DEFINITION, _VARIABLE, *_KINDS.values()})
    return tuple(chain.from_iterable((f"{_SIGN}{kind}{i}" for i in range(1, most + 1)) for kind in kinds))
