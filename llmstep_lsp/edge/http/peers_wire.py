"""Owns the shapes of LLMSTEP's protocol and of LeanCopilot's external generators.

Sources: `python/server.py` and `python/suggest.py` of wellecks/llmstep;
`LeanCopilot/Models/External.lean` and `python/server.py` of lean-dojo/LeanCopilot.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.edge.http.reading import text
from llmstep_lsp.edge.http.refusals import RefusedError


@dataclass(frozen=True)
class Wanted:
    """Steps for `goals`, the texts of Lean, that start with `prefix`; `context` is the file above."""

    goals: tuple[str, ...]
    prefix: str
    context: str = ""


def from_llmstep(body: Mapping[str, Any]) -> Wanted:
    """What LLMSTEP's tactic wants.

    Raises:
        RefusedError: something is missing or is no text.
    """
    context = body.get("context")
    return Wanted(
        (text(body.get("tactic_state"), "tactic_state"),),
        text(body.get("prefix"), "prefix"),
        "" if context is None else text(context, "context"),
    )


def to_llmstep(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """The steps for LLMSTEP's tactic, the best first."""
    return {"suggestions": [candidate.text for candidate in _best_first(candidates)]}


def from_leancopilot(body: Mapping[str, Any], served: str) -> Wanted:
    """What LeanCopilot wants of the model `served`.  It writes an empty line before each further goal.

    Raises:
        RefusedError: it is for another model, or something is missing or is no text.
    """
    name = text(body.get("name"), "name")
    if name != served:
        raise RefusedError(404, f"There is no model {name!r} here; there is {served!r}.")
    prefix = body.get("prefix")
    goals = text(body.get("input"), "input").strip("\n").split("\n\n")
    return Wanted(tuple(goals), "" if prefix is None else text(prefix, "prefix"))


def to_leancopilot(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """The steps for LeanCopilot, the best first.

    Its proof search multiplies scores as probabilities of success, so they must be above 0
    and at most 1.  A score here is the geometric mean of the probabilities of the step's
    tokens, so that long steps have a chance; 1 where the model does not tell, as with its own
    servers for such models.
    """
    outputs = [
        {"output": candidate.text, "score": _probability(candidate.score)}
        for candidate in _best_first(candidates)
    ]
    return {"outputs": outputs}


def _probability(score: float | None) -> float:
    return 1.0 if score is None else math.exp(score)


def _best_first(candidates: Sequence[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: -_probability(candidate.score))
