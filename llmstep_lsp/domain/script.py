"""Owns how the steps of a proof are written down for people: one below the other, or with bullets."""

from collections.abc import Iterator, Sequence

from llmstep_lsp.domain.insertion import indented
from llmstep_lsp.domain.search import Step

_BULLET = "· "


def structured(steps: Sequence[Step], goals: int) -> str | None:
    """The proof of so many `goals`, the part of each under a bullet wherever there are several.

    None if that cannot be told from the numbers of goals: a step did more than work on the first one.
    """
    remaining = iter(steps)
    try:
        return "\n".join(_proofs(remaining, goals))
    except ValueError:
        return None


def _proofs(steps: Iterator[Step], goals: int) -> list[str]:
    """What `steps` begin with that proves the first `goals`.

    Raises:
        ValueError: it cannot be told.
    """
    if goals == 1:
        return _proof(steps)
    return [_BULLET + indented("\n".join(_proof(steps)), len(_BULLET)) for _ in range(goals)]


def _proof(steps: Iterator[Step]) -> list[str]:
    """What `steps` begin with that proves the first goal; raises as `_proofs`."""
    step = next(steps, None)
    left = len(step.after) - (len(step.before) - 1) if step else -1
    if step is None or left < 0:
        raise ValueError
    return [step.text, *_proofs(steps, left)]
