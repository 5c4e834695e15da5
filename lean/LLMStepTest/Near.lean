import Lean.Elab.Tactic.Basic
import LLMStep.Retrieve

/-!
# A tactic that looks lemmas up where it stands

Owns how a test asks for lemmas.
-/

open Lean Elab Tactic

namespace LLMStepTest

/-- `near [a, b]` fails unless the lemma nearest to the goal is `a`, and the next one `b`. -/
elab "near" " [" expected:ident,* "]" : tactic => do
  let expected := expected.getElems.map (·.getId)
  let found ← LLMStep.nearestLemmas (← getMainGoal) expected.size (return false)
  unless found == expected do
    throwError "{found}"

end LLMStepTest
