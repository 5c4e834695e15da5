"""Owns how an answer is printed for people: a table."""

from pathlib import Path

from rich.table import Table
from rich.text import Text

from llmstep_lsp.domain.model import Suggestion
from llmstep_lsp.domain.text import Position
from llmstep_lsp.edge.output import output
from llmstep_lsp.edge.wording import SYMBOLS, remaining
from llmstep_lsp.service.suggest import Answer


def print_answer(file: Path, position: Position, answer: Answer) -> None:
    """Print the answer for a person."""
    console = output()
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
