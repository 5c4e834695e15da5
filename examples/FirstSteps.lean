/-!
# First steps with llmstep-lsp

Every `sorry` below is a place to ask at.  In an editor, put the cursor on one and open
the code actions; in a terminal, run

    llmstep-lsp suggest examples/FirstSteps.lean --all
-/

/-- A hypothesis that is there already. -/
theorem swap (p q : Prop) (hp : p) (hq : q) : q ∧ p := by
  sorry

/-- Arithmetic. -/
theorem below_double (a b : Nat) (h : a < b) : 2 * a + 1 < 2 * b := by
  sorry

/-- Cases on a disjunction: the first goal of two. -/
theorem or_swap (p q : Prop) (h : p ∨ q) : q ∨ p := by
  cases h with
  | inl hp => sorry
  | inr hq => sorry

/-- Twice a number, by recursion. -/
def double : Nat → Nat
  | 0 => 0
  | n + 1 => double n + 2

/-- A proof by induction over a definition of this file. -/
theorem double_eq (n : Nat) : double n = 2 * n := by
  sorry

/-- A lemma of this file helps. -/
theorem double_add (m n : Nat) : double (m + n) = double m + double n := by
  sorry

/-- A tree with values at its nodes. -/
inductive Tree (α : Type) where
  | leaf
  | node (left : Tree α) (value : α) (right : Tree α)

namespace Tree

/-- The tree seen in a mirror. -/
def mirror {α : Type} : Tree α → Tree α
  | leaf => leaf
  | node l v r => node r.mirror v l.mirror

/-- How many values a tree has. -/
def size {α : Type} : Tree α → Nat
  | leaf => 0
  | node l _ r => l.size + 1 + r.size

theorem mirror_mirror {α : Type} (t : Tree α) : t.mirror.mirror = t := by
  sorry

theorem size_mirror {α : Type} (t : Tree α) : t.mirror.size = t.size := by
  sorry

end Tree

/-- Not every step finishes: this one is yours to go on from. -/
theorem exists_between (a b : Nat) (h : a + 1 < b) : ∃ c, a < c ∧ c < b := by
  sorry
