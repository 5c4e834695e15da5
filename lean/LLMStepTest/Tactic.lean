import LLMStepTest.Offer

/-! What `llmstep` shows, and what it says when there is nothing to show. -/

open Lean Elab Tactic

set_option linter.unusedVariables false
set_option llmstep.seconds 10

/-! ## Which steps, and in which order -/

-- Fewer goals, then better scores, then shorter text.  `refine ⟨?_, ?_⟩` leads to the same goals as
-- `and_intros`.
/--
info: Try these:
  [apply] 🎉 exact And.intro hp hq
  [apply] 🎉 exact ⟨hp, hq⟩
  [apply] 🎉 constructor
  · exact hp
  · exact hq
  [apply] → refine ⟨hp, ?_⟩
    ⊢ q
  [apply] → and_intros
    case refine_1
    ⊢ p
    case refine_2
    ⊢ q
  [apply] → constructor
    case left
    ⊢ p
    case right
    ⊢ q
-/
#guard_msgs in
example (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  offer [
    "constructor", "refine ⟨?_, ?_⟩", "and_intros", "refine ⟨hp, ?_⟩" cost 9, "exact hp",
    "constructor\n· exact hp\n· exact hq", "exact And.intro hp hq" cost 0, "exact ⟨hp, hq⟩",
    "exact ⟨hp, hq⟩" cost 3]
  exact ⟨hp, hq⟩

/--
info: Try these:
  [apply] 🎉 all_goals assumption
  [apply] ✓ exact hp
    ⊢ q
  [apply] ✓ assumption
    ⊢ q
  [apply] → case right => exact hq
    ⊢ p
-/
#guard_msgs in
example (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  constructor
  offer ["case right => exact hq", "assumption" cost 2, "exact hp", "all_goals assumption"]
  all_goals assumption

-- What remains is told by what is new in it.
/--
info: Try these:
  [apply] → intro n
    n : Nat
    ⊢ n = n ∧ p
  [apply] → have h : p ∨ q := .inl hp
    h : p ∨ q
    ⊢ ∀ (n : Nat), n = n ∧ p
-/
#guard_msgs in
example (p q : Prop) (hp : p) (hq : q) : ∀ n : Nat, n = n ∧ p := by
  offer ["intro n", "have h : p ∨ q := .inl hp"]
  exact fun _ => ⟨rfl, hp⟩

/--
info: Try these:
  [apply] 🎉 rfl
-/
#guard_msgs in
example (n : Nat) : n = n := by
  set_option llmstep.count 1 in
  offer ["rfl", "simp"]
  rfl

/--
info: Try these:
  [apply] 🎉 simp
  [apply] 🎉 simp only
-/
#guard_msgs in
example (n : Nat) : n = n := by
  offer "simp" ["rfl", "simp", "simp only", "exact (by simp)"]
  rfl

-- A step's own messages stay with it.
/--
info: Try these:
  [apply] 🎉 show_term exact ⟨hp, hq⟩
  [apply] 🎉 first | (trace "!"; done) | (trace_state; exact ⟨hp, hq⟩)
-/
#guard_msgs in
example (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  offer ["show_term exact ⟨hp, hq⟩", "first | (trace \"!\"; done) | (trace_state; exact ⟨hp, hq⟩)"]
  exact ⟨hp, hq⟩

/-! ## Nothing to show -/

/--
info: llmstep: Lean accepts no step out of 4 that were proposed. `set_option trace.llmstep true` tells why.
---
info: llmstep: no step was proposed.
-/
#guard_msgs in
example (n : Nat) : n + 0 = n := by
  offer ["frobnicate", "sorry", "skip", "exact m"]
  offer []
  rfl

/-- error: No goals to be solved -/
#guard_msgs in
example : True := by
  trivial
  offer []

/--
info: Try these:
  [apply] 🎉 exact rfl
---
trace: [llmstep] refused (test): exact sorry
      `sorry` proves nothing
[llmstep] rejected (test): exact m
      Unknown identifier `m`
[llmstep] finishes (test): exact rfl
[llmstep] refused (test): rfl
      it does not begin with `e`
-/
#guard_msgs in
set_option trace.llmstep true in
example (n : Nat) : n + 0 = n := by
  offer "e" ["rfl", "exact sorry", "exact m", "exact rfl"]
  rfl

/--
info: llmstep: Lean accepts no step out of 1 that were proposed. `set_option trace.llmstep true` tells why.
---
trace: [llmstep] unknown (test): iterate 300 (iterate 300 skip)
      maximum recursion depth has been reached
      use `set_option maxRecDepth <num>` to increase limit
      use `set_option diagnostics true` to get diagnostic information
-/
#guard_msgs in
set_option trace.llmstep true in
example (n : Nat) : n + 0 = n := by
  set_option maxRecDepth 50 in
  offer ["iterate 300 (iterate 300 skip)"]
  rfl

/-! ## Asking -/

/-- A generator that fails beside one that does not. -/
elab "offer_after_failure" : tactic =>
  LLMStep.suggest (start := "") fun _ =>
    return { candidates := #[{ text := "rfl", source := "a" }], failures := #["b: nobody answers."] }

/-- No generator can be asked. -/
elab "cannot_ask" : tactic => LLMStep.suggest (start := "") fun _ => throwError "nobody answers"

/-- Shows what is asked, with the last two lines of the context. -/
elab "show_request" start:(ppSpace str)? : tactic =>
  LLMStep.suggest (start := start.elim "" (·.getString)) fun request => do
    let lines := request.context.splitOn "\n"
    let context := "\n".intercalate (lines.drop (lines.length - 2))
    logInfo (toJson { request with context }).pretty
    return { candidates := #[] }

/--
warning: llmstep: b: nobody answers.
---
info: Try these:
  [apply] 🎉 rfl
-/
#guard_msgs in
example (n : Nat) : n + 0 = n := by
  offer_after_failure
  rfl

/-- error: nobody answers -/
#guard_msgs in
example (n : Nat) : n + 0 = n := by
  cannot_ask

/--
info: {"version": 1,
 "seconds": 10,
 "prefix": "",
 "goals":
 ["case left\np : Prop\nh : p\n⊢ p", "case right\np : Prop\nh : p\n⊢ p"],
 "count": 32,
 "context": "  constructor\n  "}
---
info: llmstep: no step was proposed.
-/
#guard_msgs in
example (p : Prop) (h : p) : p ∧ p := by
  constructor
  show_request
  all_goals exact h

set_option llmstep.count 3 in
set_option llmstep.seconds 7 in
set_option llmstep.model "α/β" in
/--
info: {"version": 1,
 "seconds": 7,
 "prefix": "exact \"h",
 "model": "α/β",
 "goals": ["p : Prop\nh : p\n⊢ p"],
 "count": 12,
 "context": "example (p : Prop) (h : p) : p := by\n  "}
---
info: llmstep: no step was proposed.
-/
#guard_msgs in
example (p : Prop) (h : p) : p := by
  show_request "exact \"h"
  exact h
