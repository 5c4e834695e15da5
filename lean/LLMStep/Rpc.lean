import Lean.Server.FileWorker.RequestHandling
import LLMStep.Check
import LLMStep.Retrieve

/-!
# The RPC methods

Owns how a position of the document becomes a state: goals are read where Lean's own editors read
them, so a declaration that is still being elaborated answers as soon as its tactic is done.
-/

open Lean Elab Meta Server RequestM

namespace LLMStep

/-- Calls `answer` with what Lean knows of the tactic block at `pos`, when it knows it. -/
private def withGoalsAt (version : Nat) (pos : Lsp.Position) (answer : GoalsAtResult → RequestM α) :
    RequestM (RequestTask α) := do
  unless version == protocolVersion do
    throw <| .invalidParams
      s!"llmstep protocol {version} was asked for, but the Lean package speaks {protocolVersion}"
  let doc ← readDoc
  let found := FileWorker.findGoalsAt? doc (doc.meta.text.lspPosToUtf8Pos pos)
  mapTaskCostly found fun
    | some (state :: _) => answer state
    | _ => throw <| .invalidParams s!"no tactic block at {pos.line}:{pos.character}"

/-- Where candidates start from at the tactic that `state` tells of. -/
private def startOf (state : GoalsAtResult) : IO Start :=
  let { ctxInfo, tacticInfo, useAfter, .. } := state
  if useAfter then
    Start.of { ctxInfo with mctx := tacticInfo.mctxAfter } tacticInfo.goalsAfter
  else
    Start.of { ctxInfo with mctx := tacticInfo.mctxBefore } tacticInfo.goalsBefore

/-- The hypotheses that Lean shows, printed. -/
private def hypotheses : MetaM (Array Hypothesis) := do
  let mut found := #[]
  for decl in ← getLCtx do
    unless decl.isImplementationDetail do
      found := found.push {
        name := toString decl.userName.simpMacroScopes
        type := toString (← ppExpr decl.type)
        value? := ← decl.value?.mapM fun value => return toString (← ppExpr value)
        isInstance := (← isClass? decl.type).isSome }
  return found

/-- A goal in the words of the protocol. -/
private def printed (goal : MVarId) : MetaM Goal := do
  let { lctx, localInstances, type, userName, .. } ← goal.getDecl
  let lctx := (← instantiateLCtxMVars lctx).sanitizeNames.run' { options := ← getOptions }
  withLCtx lctx localInstances do
    return {
      case? := if userName.isAnonymous then none else some (toString userName.eraseMacroScopes)
      hypotheses := ← hypotheses
      target := toString (← ppExpr (← instantiateMVars type))
      text := toString (← ppGoal goal) }

/-- The goals at a position, and the declaration that they belong to.  Whoever asks for them may ask
for lemmas next, so these are made ready. -/
@[server_rpc_method]
def proofState (request : StateRequest) : RequestM (RequestTask StateAnswer) :=
  withGoalsAt request.version request.pos fun state => do
    let start ← startOf state
    prepareLemmas start.context.env
    return {
      goals := ← start.context.runMetaM {} (start.goals.toArray.mapM printed)
      declaration? := start.declaration?.map fun name => toString (privateToUserName name)
      before := !state.useAfter }

/-- Verdicts on candidates for the state at a position.  Cancelling the request stops them all. -/
@[server_rpc_method]
def check (request : CheckRequest) : RequestM (RequestTask CheckAnswer) :=
  withGoalsAt request.version request.pos fun state => do
    let cancel := (← read).cancelTk
    let limits : Limits := { request with }
    let verdicts ← judgeAll (← startOf state) limits request.candidates cancel.wasCancelled
    checkCancelled
    return { verdicts }

/-- Lemmas of the imported library that may help with the first goal at a position. -/
@[server_rpc_method]
def lemmas (request : LemmasRequest) : RequestM (RequestTask LemmasAnswer) :=
  withGoalsAt request.version request.pos fun state => do
    let cancel := (← read).cancelTk
    let deadline := (← IO.monoMsNow) + request.maxMilliseconds
    let late := return (← cancel.wasCancelled) || (← IO.monoMsNow) > deadline
    let start ← startOf state
    let some goal := start.goals.head? | return { lemmas := #[] }
    let names ← start.context.runMetaM {} (nearestLemmas goal request.count late)
    checkCancelled
    return { lemmas := names.map toString }

end LLMStep
