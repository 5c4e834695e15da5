"""Owns the tokens of a step, and the prefixes that have so many of them.

A token is a name with its dots (`Nat.succ_le`, `h.1`, `?_`, `simp?`), a number, a string, one of
Lean's symbols of several characters (`:=`, `<;>`), or any other character but a blank.
"""

import re

from llmstep_lsp.domain.insertion import normalise
from llmstep_lsp.domain.lexing import opaque

_PART = r"(?:[^\W\d][\w'!?₀-₉]*|«[^»\n]*»)"
_TOKEN = re.compile(
    rf"""
      r?"(?:[^"\\]|\\.)*"
    | \??{_PART}(?:\.(?:{_PART}|\d+))*
    | 0[xXbBoO][0-9a-fA-F]+ | \d+(?:\.\d+)?
    | <;> | := | => | <\| | \|>\.? | <-> | -> | <- | \.\.\.? | == | != | <= | >= | && | \|\| | \+\+ | ::
    | \S
    """,
    re.VERBOSE | re.DOTALL,
)


def prefixes(step: str, longest: int) -> tuple[str, ...]:
    """The beginnings of `step`, which has no comments, with 0, 1, … tokens, up to `longest`."""
    ends = [found.end() for found in _TOKEN.finditer(step)][:longest]
    return ("", *(step[:end] for end in ends))


def plain(step: str) -> str:
    """`step` as a generator would propose it: without comments, and blanks around it."""
    parts: list[str] = []
    at = 0
    for span in opaque(step):
        if span.comment:
            parts += [step[at : span.start], "" if step.startswith("--", span.start) else " "]
            at = span.end
    lines = ("".join(parts) + step[at:]).split("\n")
    return normalise("\n".join(line.rstrip() for line in lines if line.strip()))


def same(one: str, other: str) -> bool:
    """Whether two steps have the same text but for white space."""
    return one.split() == other.split()
