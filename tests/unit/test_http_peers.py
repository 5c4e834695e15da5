"""What LLMSTEP's tactic and LeanCopilot say, and what they are told."""

import math
from typing import Any

import pytest

from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.edge.http.peers_wire import (
    Wanted,
    from_leancopilot,
    from_llmstep,
    to_leancopilot,
    to_llmstep,
)
from llmstep_lsp.edge.http.refusals import RefusedError

STEPS = [Candidate("omega", "m"), Candidate("simp", "m", -1.0), Candidate("rfl", "m", -0.25)]


def test_llmstep_sends_a_goal_a_prefix_and_perhaps_the_file() -> None:
    body = {"tactic_state": "⊢ p", "prefix": "exact", "context": "import Mathlib\n"}
    assert from_llmstep(body) == Wanted(("⊢ p",), "exact", "import Mathlib\n")
    del body["context"]
    assert from_llmstep(body) == Wanted(("⊢ p",), "exact", "")


@pytest.mark.parametrize("body", [{}, {"tactic_state": "⊢ p"}, {"tactic_state": "⊢ p", "prefix": 1}])
def test_an_incomplete_request_of_llmstep_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="must be a string"):
        from_llmstep(body)


def test_llmstep_gets_the_best_first() -> None:
    assert to_llmstep(STEPS) == {"suggestions": ["omega", "rfl", "simp"]}


def test_leancopilot_sends_all_goals_as_one_text() -> None:
    assert from_leancopilot({"name": "m", "input": "⊢ p", "prefix": "rw"}, "m") == Wanted(("⊢ p",), "rw")
    # Its own tactic writes an empty line before the first of several goals, too, if it does not trim.
    several = {"name": "m", "input": "\n\ncase a\n⊢ p\n\n⊢ q", "prefix": None}
    assert from_leancopilot(several, "m") == Wanted(("case a\n⊢ p", "⊢ q"), "")


def test_leancopilot_meets_the_model_that_it_names_or_none() -> None:
    with pytest.raises(RefusedError, match=r"There is no model 'gpt4' here; there is 'm'\.") as refused:
        from_leancopilot({"name": "gpt4", "input": "⊢ p", "prefix": ""}, "m")
    assert refused.value.status == 404


def test_leancopilot_gets_probabilities() -> None:
    assert to_leancopilot(STEPS) == {
        "outputs": [
            {"output": "omega", "score": 1.0},
            {"output": "rfl", "score": math.exp(-0.25)},
            {"output": "simp", "score": math.exp(-1.0)},
        ]
    }
