"""Owns the order of suggestions, and which of them say the same."""

from llmstep_lsp.domain.model import Status, Suggestion

# What a step without a log-probability counts as: one in e per token, an average model's word.
UNSCORED = -1.0

_ORDER = [Status.FINISHES, Status.CLOSES, Status.ADVANCES]


def rank(suggestions: list[Suggestion]) -> list[Suggestion]:
    """Best first; of several that lead to the same goals only the best.

    Steps that close a goal all lead to the same goals, but which proof to keep is the
    person's choice, so each of those stays.
    """
    kept: dict[object, Suggestion] = {}
    for suggestion in sorted(suggestions, key=_key):
        advances = suggestion.verdict.status is Status.ADVANCES
        kept.setdefault(suggestion.verdict.goals if advances else suggestion.candidate.text, suggestion)
    return list(kept.values())


def _key(suggestion: Suggestion) -> tuple[int, int, float, int, int, str]:
    candidate, verdict = suggestion.candidate, suggestion.verdict
    score = UNSCORED if candidate.score is None else candidate.score
    # Times are noisy, so only whole seconds count.
    cost = int(verdict.milliseconds // 1000)
    return (
        _ORDER.index(verdict.status),
        len(verdict.goals),
        -score,
        cost,
        len(candidate.text),
        candidate.text,
    )
