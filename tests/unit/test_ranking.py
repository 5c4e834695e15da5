from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Candidate, Goal, Status, Suggestion, Verdict
from llmstep_lsp.domain.ranking import rank
from llmstep_lsp.domain.text import Edit, Position, Range

NOWHERE = Edit(Range(Position(0, 0), Position(0, 0)), "")
P, Q = parse_goal("⊢ p"), parse_goal("⊢ q")


def suggestion(
    text: str, status: Status, goals: tuple[Goal, ...] = (), score: float | None = None, ms: float = 10
) -> Suggestion:
    return Suggestion(Candidate(text, "test", score), Verdict(status, goals, milliseconds=ms), NOWHERE)


def test_best_first() -> None:
    expected = [
        suggestion("probable", Status.FINISHES, score=-0.1),
        suggestion("unscored", Status.FINISHES),
        suggestion("unscored and longer", Status.FINISHES),
        suggestion("slow", Status.FINISHES, ms=1000),
        suggestion("improbable", Status.FINISHES, score=-3),
        suggestion("closes", Status.CLOSES, (Q,)),
        suggestion("one", Status.ADVANCES, (P,)),
        suggestion("two", Status.ADVANCES, (P, Q)),
    ]
    assert rank(expected[::-1]) == expected


def test_of_steps_to_the_same_goals_the_best_stays() -> None:
    short, long = suggestion("simp", Status.ADVANCES, (P,)), suggestion("simp [h]", Status.ADVANCES, (P,))
    assert rank([long, short]) == [short]


def test_several_ways_to_close_a_goal_stay() -> None:
    both = [suggestion("rfl", Status.FINISHES), suggestion("omega", Status.FINISHES)]
    assert rank(both) == both
