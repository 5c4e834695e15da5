import LLMStepTest.Expect

/-! Candidates that Lean judges by running them. -/

set_option linter.unusedVariables false

example (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  expect finishes "exact ⟨hp, hq⟩"
  expect finishes "constructor\n· exact hp\n· exact hq"
  expect finishes "have h : p ∧ q := by\n  constructor <;> assumption\nexact h"
  expect advances "constructor"
  expect advances "refine ⟨?_, ?_⟩"
  expect rejected "exact hp"
  expect rejected "exact"
  expect rejected "frobnicate"
  expect rejected "rfl\n#eval 1"
  expect rejected "rfl)"
  expect unknown "repeat skip"
  expect unknown "repeat' refine id ?_"
  expect unknown "iterate 300 (iterate 300 (iterate 300 skip))"
  constructor
  expect closes "exact hp"
  expect closes "case left => exact hp"
  expect advances "case right => exact hq"
  expect finishes "all_goals assumption"
  all_goals assumption

/--
info: {"status": "closes",
 "reason": "",
 "proposals": [],
 "milliseconds": 0,
 "messages": [],
 "heartbeats": 0,
 "goals": ["case right\np q : Prop\nhp : p\nhq : q\n⊢ q"]}
-/
#guard_msgs in
example (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  constructor
  explain "exact hp"
  all_goals assumption

example (p q : Prop) (h : p ∨ q) : q ∨ p := by
  expect finishes "cases h with\n| inl a => exact .inr a\n| inr b =>\n  exact .inl b"
  expect rejected "cases h with\n| inl a => exact a\n| inr b => exact .inl b"
  exact h.symm

example (n : Nat) : let m := n; (∀ k : Nat, k + m = m + k) ∧ m = n := by
  expect advances "intro m"
  intro m
  expect advances "refine ⟨fun k => ?_, rfl⟩"
  expect finishes "exact ⟨fun k => Nat.add_comm k m, rfl⟩"
  exact ⟨fun k => Nat.add_comm k m, rfl⟩

example (n : Nat) : (match n with | 0 => 0 | _ => 0) = 0 := by
  expect advances "split"
  expect finishes "split <;> rfl"
  split <;> rfl

example (α β : Prop) (hα : α) : ∀ _ : β, α := by
  expect advances "intro hβ"
  expect finishes "exact fun _ => ‹α›"
  exact fun _ => hα
