"""Owns what is learned from and what is kept for tests: the rule, and how it is checked.

Two texts are alike if they differ only in names.  A goal about definitions of its own file belongs to
the part that the *shape of these definitions* is in, so that a model is tested on functions that it has
never seen, whatever they are called; any other goal to the part of its own shape.
"""

import hashlib
import re
from typing import Literal

Part = Literal["train", "validation", "test"]

_TOKEN = re.compile(r"[^\W\d][\w'!?₀-₉]*(?:\.[^\W\d][\w'!?₀-₉]*)*|\d+|[^\w\s]+")
_WORDS = frozenset([
    "inductive", "where", "def", "theorem", "lemma", "example", "by", "fun", "if", "then", "else",
    "match", "with", "let", "have", "show", "from", "forall", "exists", "Nat", "Int", "Bool", "List",
    "Prop", "Type", "Option", "Unit", "String", "true", "false", "True", "False", "max", "min",
])  # fmt: skip
# Of twenty shapes, how many go to each part.
_TEST, _VALIDATION, _PARTS = 3, 1, 20


def shape(text: str) -> str:
    """`text` with a number for each name that is not Lean's own, in the order in which they first occur.

    Of a name with dots each part is a name.
    """
    numbers: dict[str, int] = {}
    shaped: list[str] = []
    for token in _TOKEN.findall(text):
        names = token.split(".") if token[0].isalpha() or token[0] == "_" else [token]
        for name in names:
            known = name in _WORDS or not (name[0].isalpha() or name[0] == "_")
            shaped.append(name if known else f"#{numbers.setdefault(name, len(numbers))}")
    return " ".join(shaped)


def part(about: str, statement: str) -> Part:
    """The part of a goal with this statement about these definitions, which may be empty."""
    digest = hashlib.sha256(shape(about or statement).encode()).digest()
    number = int.from_bytes(digest[:8]) % _PARTS
    if number < _TEST:
        return "test"
    return "validation" if number < _TEST + _VALIDATION else "train"
