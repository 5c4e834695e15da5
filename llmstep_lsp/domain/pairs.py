"""Owns what is learned from: a step of a proof, the state it met and the state it left."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """One step of a proof that Lean has accepted: `tactic` where the goals were `state_before`.

    States are goals as Lean shows them, the focused one first, an empty line between two of
    them; a finished one is empty.  `line` and `column` (from 1, in code points) are where the
    tactic begins in `file`.  `context` is the end of the file's text above the declaration
    that is being proved, and `premises` are the constants that the tactic names, in full.
    """

    state_before: str
    tactic: str
    state_after: str
    declaration: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    context: str = ""
    premises: tuple[str, ...] = ()


CONTEXT_CHARACTERS = 4000
"""How much of a file's text a pair keeps at most, from its end."""


def first_goal(state: str) -> str:
    """The focused goal of `state`; empty if there is none."""
    return state.partition("\n\n")[0]
