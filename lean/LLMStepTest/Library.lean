/-!
# A library of lemmas

Owns what the tests of retrieval find: lemmas about `Odd`, some of which nobody should use.
-/

set_option warn.sorry false

namespace LLMStepTest

/-- What no other library speaks of. -/
def Odd (n : Nat) : Prop := n % 2 = 1

/-- The same for a list. -/
def AllOdd (ns : List Nat) : Prop := ∀ n ∈ ns, Odd n

/-- The predecessor of an odd number. -/
structure Half where
  /-- A number. -/
  value : Nat
  /-- It is odd. -/
  odd : Odd value

theorem odd_one : Odd 1 := rfl

theorem odd_add_two {n : Nat} (h : Odd n) : Odd (n + 2) := by
  unfold Odd at *
  omega

theorem allOdd_nil : AllOdd [] := nofun

theorem odd_of_allOdd {n : Nat} {ns : List Nat} (h : AllOdd ns) (member : n ∈ ns) : Odd n := h n member

theorem unproved (n : Nat) : Odd (n + 2) := sorry

@[deprecated odd_add_two (since := "2025-01-01")]
theorem odd_plus_two {n : Nat} (h : Odd n) : Odd (n + 2) := odd_add_two h

private theorem hidden : Odd 3 := rfl

theorem Tactic.odd_three : Odd 3 := hidden

instance decidable : Decidable (Odd n) := inferInstanceAs (Decidable (n % 2 = 1))

instance someOdd : Nonempty (∃ n, Odd n) := ⟨1, rfl⟩

end LLMStepTest
