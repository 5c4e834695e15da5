import LLMStep.Tactic

/-!
# The tactic `llmstep` with a scripted generator

Owns how a test says what is proposed to it.
-/

open Lean Elab Tactic

namespace LLMStepTest

/-- A proposed step, and how unlikely it is, if the generator says so. -/
syntax candidate := str (" cost " num)?

private def candidateOf : TSyntax ``candidate → LLMStep.Candidate
  | `(candidate| $text:str cost $number) =>
    { text := text.getString, source := "test", score? := some (-number.getNat.toFloat) }
  | `(candidate| $text:str) => { text := text.getString, source := "test" }
  | _ => { text := "", source := "" }

/-- `offer "prefix"? [candidate, …]` is `llmstep "prefix"?` for which these candidates are proposed. -/
elab "offer" start:(ppSpace str)? " [" candidates:candidate,* "]" : tactic =>
  LLMStep.suggest (start := start.elim "" (·.getString)) fun _ =>
    return { candidates := candidates.getElems.map candidateOf }

end LLMStepTest
