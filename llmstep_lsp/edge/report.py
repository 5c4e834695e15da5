"""Owns how an answer is printed: a table for people, one JSON object a position for programs."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmstep_lsp.domain.model import Suggestion
from llmstep_lsp.domain.text import Position
from llmstep_lsp.edge.wording import SYMBOLS, remaining
from llmstep_lsp.service.suggest import Answer


def as_json(file: Path, position: Position, answer: Answer) -> dict[str, Any]:
    """The answer as `--json` prints it; lines and columns from 1, times in milliseconds."""
    return {
        "file": str(file),
        "line": position.line + 1,
        "column": position.column + 1,
        "goals": [goal.text for goal in answer.goals],
        "suggestions": [_suggestion_as_json(suggestion) for suggestion in answer.suggestions],
        "timings": {
            "goal": round(answer.timings.goal, 1),
            "generate": round(answer.timings.generate, 1),
            "verify": round(answer.timings.verify, 1),
        },
    }


def print_answer(file: Path, position: Position, answer: Answer) -> None:
    """Print the answer for a person."""
    console = Console(highlight=False)
    console.print(Text(f"{file}:{position.line + 1}:{position.column + 1}", style="bold"))
    if answer.goals:
        console.print(Text(answer.goals[0].text, style="cyan"))
        if len(answer.goals) > 1:
            console.print(Text(f"and {len(answer.goals) - 1} more", style="dim"))
    if answer.suggestions:
        console.print(_table(answer.suggestions))
    for note in answer.notes:
        console.print(Text(note, style="yellow"))
    timings = answer.timings
    spent = f"goal {timings.goal:.0f} ms, generate {timings.generate:.0f} ms, verify {timings.verify:.0f} ms"
    console.print(Text(spent, style="dim"), end="\n\n")


def _suggestion_as_json(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "text": suggestion.candidate.text,
        "verdict": suggestion.verdict.status.value,
        "goals": [goal.text for goal in suggestion.verdict.goals],
        "score": suggestion.candidate.score,
        "source": suggestion.candidate.source,
        "ms": round(suggestion.verdict.milliseconds, 1),
    }


def _table(suggestions: tuple[Suggestion, ...]) -> Table:
    table = Table(show_header=True, header_style="dim", box=None)
    for heading in ("", "step", "then", "score", "from", "ms"):
        table.add_column(heading, justify="right" if heading in {"score", "ms"} else "left")
    for suggestion in suggestions:
        candidate = suggestion.candidate
        table.add_row(
            SYMBOLS[suggestion.verdict.status],
            Text(candidate.text, style="bold"),
            Text(remaining(suggestion)),
            "" if candidate.score is None else f"{candidate.score:.2f}",
            candidate.source,
            f"{suggestion.verdict.milliseconds:.0f}",
        )
    return table
