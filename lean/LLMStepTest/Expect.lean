import LLMStep.Check

/-!
# Tactics that judge candidates where they stand

Own how a test asks for verdicts: the state is the one of the tactic block in which the test stands.
-/

open Lean Elab Tactic

namespace LLMStepTest

/-- The verdict on a candidate in the state at hand. -/
def verdictOn (candidate : String) : TacticM LLMStep.Verdict := do
  let context : ContextInfo := { ← CommandContextInfo.save with mctx := ← getMCtx }
  let start ← LLMStep.Start.of context (← getUnsolvedGoals)
  let limits := { maxHeartbeats := 20000, maxMilliseconds := 3000 }
  return (← LLMStep.judgeAll start limits #[candidate])[0]!

/-- `expect status "candidate"` fails unless that is the verdict. -/
elab "expect " status:ident candidate:str : tactic => do
  let verdict ← verdictOn candidate.getString
  unless toJson verdict.status == .str status.getId.toString do
    throwErrorAt candidate "{repr verdict.status}: {verdict.reason}"

/-- `explain "candidate"` logs everything but the costs of the verdict. -/
elab "explain " candidate:str : tactic => do
  let verdict ← verdictOn candidate.getString
  logInfoAt candidate <| toJson { verdict with heartbeats := 0, milliseconds := 0 } |>.pretty

end LLMStepTest
