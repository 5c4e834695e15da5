"""Owns the JSON of answers, the same for programs in the terminal and in editors."""

from pathlib import Path
from typing import Any

from llmstep_lsp.domain.model import Suggestion
from llmstep_lsp.domain.text import Position
from llmstep_lsp.service.collect import Timings
from llmstep_lsp.service.suggest import Answer


def as_json(file: Path, position: Position, answer: Answer) -> dict[str, Any]:
    """The answer as `--json` prints it; lines and columns from 1, times in milliseconds."""
    return {
        "file": str(file),
        "line": position.line + 1,
        "column": position.column + 1,
        "goals": [goal.text for goal in answer.goals],
        "suggestions": [suggestion_as_json(suggestion) for suggestion in answer.suggestions],
        "timings": timings_as_json(answer.timings),
    }


def suggestion_as_json(suggestion: Suggestion) -> dict[str, Any]:
    """A suggestion as `--json` prints it."""
    return {
        "text": suggestion.candidate.text,
        "verdict": suggestion.verdict.status.value,
        "goals": [goal.text for goal in suggestion.verdict.goals],
        "score": suggestion.candidate.score,
        "source": suggestion.candidate.source,
        "ms": round(suggestion.verdict.milliseconds, 1),
    }


def timings_as_json(timings: Timings) -> dict[str, float]:
    """The milliseconds of each stage."""
    return {
        "goal": round(timings.goal, 1),
        "generate": round(timings.generate, 1),
        "verify": round(timings.verify, 1),
    }
