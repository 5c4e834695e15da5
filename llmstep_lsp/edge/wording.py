"""Owns how suggestions read, the same in every editor and in the terminal."""

from llmstep_lsp.domain.model import Status, Suggestion

SYMBOLS = {Status.FINISHES: "🎉", Status.CLOSES: "✓", Status.ADVANCES: "→"}
_MAX_TACTIC = 60


def remaining(suggestion: Suggestion) -> str:
    """What is left to prove after it, in one line."""
    goals = suggestion.verdict.goals
    if suggestion.verdict.status is Status.FINISHES:
        return "no goals"
    if suggestion.verdict.status is Status.CLOSES:
        return f"goal closed, {len(goals)} left" if goals else "goal closed"
    first = " ".join(goals[0].target.split()) if goals else ""
    return f"{len(goals)} goal{'s' if len(goals) > 1 else ''}: ⊢ {shortened(first)}"


def titled(suggestion: Suggestion, *, score: bool) -> str:
    """Its status, the step, what is left to prove if anything is, and its score if it is asked for."""
    step = f"{SYMBOLS[suggestion.verdict.status]} {shortened(suggestion.candidate.text)}"
    notes = [remaining(suggestion)] if suggestion.verdict.goals else []
    if score and suggestion.candidate.score is not None:
        notes.append(f"{suggestion.candidate.score:.2f}")
    return f"{step} ({'; '.join(notes)})" if notes else step


def shortened(text: str) -> str:
    """`text` on one line, with its middle left out if it is long."""
    line = " ".join(text.split())
    if len(line) <= _MAX_TACTIC:
        return line
    half = (_MAX_TACTIC - 1) // 2
    return f"{line[:half]}…{line[-half:]}"
