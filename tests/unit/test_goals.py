from llmstep_lsp.domain.goals import parse_goal, same_goals
from llmstep_lsp.domain.model import Hypothesis

TEXT = """case succ.left
α : Type u_1
inst✝ : Inhabited α
x y : α
n : Nat := 3
h : ∀ (z : α),
    z = x
⊢ (match n with
    | 0 => x) =
    y"""


def test_parse_goal() -> None:
    goal = parse_goal(TEXT)
    assert goal.text == TEXT
    assert goal.case == "succ.left"
    assert goal.hypotheses == (
        Hypothesis(("α",), "Type u_1"),
        Hypothesis(("inst✝",), "Inhabited α"),
        Hypothesis(("x", "y"), "α"),
        Hypothesis(("n",), "Nat", "3"),
        Hypothesis(("h",), "∀ (z : α),\n    z = x"),
    )
    assert goal.target == "(match n with\n    | 0 => x) =\n    y"


def test_a_goal_of_conv() -> None:
    assert parse_goal("h : a = b\n| a + 0").target == "a + 0"


def test_goals_are_the_same_but_for_the_numbers_of_metavariables() -> None:
    one, other = parse_goal("⊢ f ?m.12 = ?w"), parse_goal("⊢ f ?m.97 = ?w")
    assert same_goals((one,), (other,))
    assert not same_goals((one,), (parse_goal("⊢ g ?m.12 = ?w"),))
    assert not same_goals((one,), ())
