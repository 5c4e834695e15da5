from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Candidate, Goal, Status, Suggestion, Verdict
from llmstep_lsp.domain.search import Frontier, Node, Step, children
from llmstep_lsp.domain.text import Edit, Position, Range

NOWHERE = Edit(Range(Position(0, 0), Position(0, 0)), "")
P, Q, R = parse_goal("⊢ p"), parse_goal("⊢ q"), parse_goal("⊢ r")
ROOT = Node((P,))


def suggestion(text: str, status: Status, *goals: Goal, score: float | None = None) -> Suggestion:
    return Suggestion(Candidate(text, "test", score), Verdict(status, goals), NOWHERE)


def advance(text: str, *goals: Goal, score: float | None = None) -> Suggestion:
    return suggestion(text, Status.ADVANCES, *goals, score=score)


def popped(frontier: Frontier) -> list[Node]:
    return [node for _ in range(len(frontier)) if (node := frontier.pop())]


def test_children_remember_the_way_and_add_up_the_scores_of_its_steps() -> None:
    (first,) = children(ROOT, [advance("intro h", Q, score=-0.25)])
    (second,) = children(first, [advance("simp", R)])
    steps = (Step("intro h", (P,), (Q,)), Step("simp", (Q,), (R,)))
    assert second == Node((R,), steps, -1.25)  # without a log-probability a step counts as one in e


def test_of_steps_to_the_same_goals_the_best_is_kept() -> None:
    found = [advance("simp_all", Q, score=-2.0), advance("simp", Q, score=-0.5), advance("intro", R)]
    assert [child.steps[-1].text for child in children(ROOT, found)] == ["simp", "intro"]


def test_beside_a_step_that_closes_the_goal_nothing_else_is_tried_and_it_costs_nothing() -> None:
    node = Node((P, Q), (), -1.5)
    found = [advance("simp", R, Q), suggestion("omega", Status.CLOSES, Q, score=-0.5)]
    assert children(node, found) == [Node((Q,), (Step("omega", (P, Q), (Q,)),), -1.5)]


def test_unless_goals_share_what_is_not_known_yet() -> None:
    witness, rest = parse_goal("case w\n⊢ Nat"), parse_goal("case h\n⊢ ?w < 3")
    found = [suggestion("exact 5", Status.CLOSES, rest), advance("cases x", witness, witness, rest)]
    assert [child.score for child in children(Node((witness, rest)), found)] == [-1.0, -1.0]
    partial = (parse_goal("xs : List Nat\n⊢ xs.head? = xs[0]?"), Q)  # those are names
    assert len(children(Node(partial), [suggestion("rfl", Status.CLOSES, Q), advance("simp", R, Q)])) == 1


def test_the_best_score_is_expanded_first_then_fewer_goals_then_fewer_steps_then_the_earlier() -> None:
    step = Step("simp", (P,), (Q,))
    expected = [
        Node((P, Q), (step,) * 3, score=-0.5),
        Node((P,), (step,), score=-1.0),
        Node((Q,), (step,), score=-1.0),
        Node((R,), (step,) * 2, score=-1.0),
        Node((P, R), (step,), score=-1.0),
    ]
    frontier = Frontier(ROOT)
    assert frontier.pop() == ROOT
    for node in [expected[3], expected[4], expected[1], expected[2], expected[0]]:
        frontier.add(node)
    assert frontier.best == expected[0]
    assert popped(frontier) == [expected[0], *expected[2:]]  # the root's state was expanded before


def test_a_state_is_open_once_by_the_best_way_to_it() -> None:
    step = Step("simp", (P,), (Q,))
    worse, better, longer = (
        Node((Q,), (step,), -2.0),
        Node((Q,), (step,), -1.0),
        Node((Q,), (step,) * 2, -1.0),
    )
    for order in ([worse, better, longer], [longer, worse, better]):
        frontier = Frontier(ROOT)
        frontier.pop()
        for node in order:
            frontier.add(node)
        assert popped(frontier) == [better]


def test_an_expanded_state_is_not_opened_again() -> None:
    frontier = Frontier(ROOT)
    frontier.pop()
    frontier.add(Node((P,), (Step("rw [h]", (Q,), (P,)),), -3.0))
    assert (len(frontier), frontier.best, frontier.pop()) == (0, None, None)
