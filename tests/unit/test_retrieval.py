"""What of a file may help with a goal."""

from hypothesis import given
from hypothesis import strategies as st

from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.retrieval import Declaration, declarations, nearest

FILE = """/-- Twice; theorem fake : True -/
@[simp] def double : Nat → Nat
  | 0 => 0
  | n + 1 => double n + 2

inductive Tree (α : Type) where
  | leaf
  | node (l r : Tree α)

theorem double_zero : double 0 = 0 := rfl
/-- About trees. -/
theorem leaf_eq (t : Tree Nat) (h : t = .leaf) : .leaf = t := by
  rw [h]
private lemma double_one : double 1 = 2 := by
  decide

example (n : Nat) : double n = 2 * n := by
  """


def near(goal: str) -> list[str]:
    return [one.name for one in nearest(parse_goal(goal), declarations(FILE))]


def test_each_declaration_with_its_statement_and_all_its_text() -> None:
    found = declarations(FILE)
    assert [(one.keyword, one.name) for one in found] == [
        ("def", "double"),
        ("inductive", "Tree"),
        ("theorem", "double_zero"),
        ("theorem", "leaf_eq"),
        ("lemma", "double_one"),
    ]
    assert found[0].text == "@[simp] def double : Nat → Nat\n  | 0 => 0\n  | n + 1 => double n + 2"
    assert found[3] == Declaration(
        "theorem",
        "leaf_eq",
        "(t : Tree Nat) (h : t = .leaf) : .leaf = t",
        "theorem leaf_eq (t : Tree Nat) (h : t = .leaf) : .leaf = t := by\n  rw [h]",
    )


def test_the_nearest_share_the_rarest_names() -> None:
    assert near("n : Nat\n⊢ double n = 2 * n") == ["double", "double_one", "double_zero", "leaf_eq"]
    assert near("t : Tree Nat\n⊢ t.leaf = t") == ["Tree", "leaf_eq"]


def test_the_names_of_hypotheses_make_nothing_near() -> None:
    assert near("t h : Int\n⊢ t = h") == []


def test_the_declaration_that_is_proved_is_left_out() -> None:
    assert declarations("theorem t : p := by\n  ") == []


@given(st.text(alphabet="theorm def:=\n -/by(x)", max_size=60))
def test_any_text_has_declarations_that_are_parts_of_it(text: str) -> None:
    assert all(one.text in text and one.statement in text for one in declarations(text))
