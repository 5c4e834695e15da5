import LLMStepTest.Expect

/-! Candidates that are refused, before they are run or by what they have put for the goal. -/

set_option linter.unusedVariables false

/-- Code of the user may expand to `sorry`; its proof is refused all the same. -/
macro "cheat" : tactic => `(tactic| exact sorryAx _ true)

example (a b : Nat) (h : a < b) : a + 1 ≤ b := by
  expect refused "sorry"
  expect refused "exact sorry"
  expect refused "exact (by sorry)"
  expect refused "first | omega | sorry"
  expect refused "admit"
  expect refused "stop rfl"
  expect refused "exact sorryAx _ true"
  expect refused "cheat"
  expect refused "native_decide"
  expect refused "decide +native"
  expect refused "decide (config := { native := true })"
  expect refused "bv_decide"
  expect refused "skip"
  expect refused "refine ?_"
  expect refused "exact _example a b h"
  expect refused "set_option maxRecDepth 10000 in omega"
  expect refused "sleep 100000"
  expect refused "omega -- done"
  expect finishes "omega"
  omega

example : 1 = 1 := by
  expect refused "run_tac IO.FS.writeFile \"TRACE\" \"x\""
  expect refused "open Lean in run_tac IO.FS.writeFile \"TRACE\" \"x\""
  expect refused "exact by_elab return default"
  expect refused "exact (fun _ => rfl) (include_str \"x\")"
  expect refused "exact unsafe rfl"
  expect refused "exact (fun _ => rfl) `(tactic| skip)"
  expect refused "exact $x"
  expect refused "exact (let rec @[implemented_by f] f : Nat := 1; rfl)"
  expect refused "simp (config := id {})"
  expect refused "simp (maxSteps := id 1)"
  rfl

/--
info: {"status": "refused",
 "reason": "it uses `self`, which is being proved",
 "proposals": [],
 "milliseconds": 0,
 "messages": [],
 "heartbeats": 0,
 "goals": []}
-/
#guard_msgs in
theorem self (n : Nat) : n + 0 = n := by
  explain "exact self n"
  rfl
