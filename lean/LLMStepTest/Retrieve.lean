import LLMStepTest.Library
import LLMStepTest.Near

/-! Which lemmas of the library are near a goal. -/

open LLMStepTest

example (xs ys : List Nat) : (xs ++ ys).length = xs.length + ys.length := by
  near [List.length_append]
  simp

example (a b : Nat) : a + b = b + a := by
  near [Nat.add_comm]
  omega

example (n : Nat) (h : Odd n) : Odd (n + 2) := by
  near [LLMStepTest.odd_add_two, LLMStepTest.odd_one]
  exact odd_add_two h

example : Odd 3 := by
  near [LLMStepTest.odd_one, LLMStepTest.odd_add_two, LLMStepTest.odd_of_allOdd,
    LLMStepTest.Half.mk.inj, LLMStepTest.Half.odd]
  rfl

-- A hypothesis counts, too.
example (n : Nat) (ns : List Nat) (h : AllOdd ns) (member : n ∈ ns) : Odd n := by
  near [LLMStepTest.odd_of_allOdd, LLMStepTest.odd_one]
  exact h n member

-- An instance is found by itself.
example : Nonempty (∃ n, Odd n) := by
  near [Exists.nonempty]
  infer_instance

/-- What no lemma of the library mentions. -/
opaque Unheard : Prop

example (h : Unheard) : Unheard := by
  fail_if_success near [LLMStepTest.odd_one]
  exact h
