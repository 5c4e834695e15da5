import textwrap

from hypothesis import given
from hypothesis import strategies as st

from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.script import structured
from llmstep_lsp.domain.search import Step

GOAL = parse_goal("⊢ p")


def proof(*steps: tuple[str, int], goals: int = 1) -> list[Step]:
    """Steps by their texts and the numbers of goals that each makes of the first one."""
    found = []
    for text, made in steps:
        after = goals - 1 + made
        found.append(Step(text, (GOAL,) * goals, (GOAL,) * after))
        goals = after
    return found


def lines(text: str) -> str:
    return textwrap.dedent(text).strip("\n")


def test_one_goal_at_a_time_needs_no_bullets() -> None:
    assert structured(proof(("intro h", 1), ("simp", 1), ("omega", 0)), 1) == "intro h\nsimp\nomega"


def test_each_of_several_goals_gets_a_bullet() -> None:
    steps = proof(("constructor", 2), ("intro h", 1), ("exact h", 0), ("simp", 0))
    assert structured(steps, 1) == lines("""
        constructor
        · intro h
          exact h
        · simp
        """)


def test_bullets_nest_and_steps_of_several_lines_keep_their_shape() -> None:
    steps = proof(
        ("cases h", 2),
        ("constructor", 2),
        ("rfl", 0),
        ("induction n with\n| zero => simp\n| succ n ih =>\n  omega", 0),
        ("skip", 1),
        ("omega", 0),
    )
    assert structured(steps, 1) == lines("""
        cases h
        · constructor
          · rfl
          · induction n with
            | zero => simp
            | succ n ih =>
              omega
        · skip
          omega
        """)


def test_several_goals_at_the_start_get_bullets_too() -> None:
    assert structured(proof(("rfl", 0), ("simp", 0), goals=2), 2) == "· rfl\n· simp"
    # … but only those that the proof is for
    assert structured(proof(("rfl", 0), goals=2), 1) == "rfl"


def test_a_step_that_closes_several_goals_fits_under_no_bullet() -> None:
    assert structured(proof(("constructor", 2), ("all_goals simp", -1)), 1) is None
    assert structured(proof(("constructor", 2), ("simp", 0)), 1) is None


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[str, int]]:
    """The steps of a whole proof of one goal, in order."""
    steps: list[tuple[str, int]] = []
    left = 1
    while left:
        made = draw(st.integers(0, 3 if len(steps) < 12 else 0))
        left += made - 1
        continuation = draw(st.sampled_from(["", "\n| a => b", "\n  c\nd"]))
        steps.append((f"step{len(steps)}{continuation}", made))
    return steps


@given(trees())
def test_structured_has_the_steps_of_the_flat_proof_in_order(steps: list[tuple[str, int]]) -> None:
    text = structured(proof(*steps), 1)
    assert text is not None
    flat = "\n".join(text for text, _ in steps)
    assert [line.lstrip(" ·") for line in text.split("\n")] == [line.lstrip() for line in flat.split("\n")]
    # A step stands under as many bullets as goals with siblings lead to it.
    assert text.count("· ") == sum(made for _, made in steps if made > 1)
