import Lean.Elab.Tactic.Basic
import Lean.Meta.AbstractMVars
import Lean.Meta.Tactic.TryThis
import Lean.Parser.Tactic
import LLMStep.Guard
import LLMStep.Protocol

/-!
# Judging candidates

Owns how a candidate becomes a verdict: parse exactly one tactic sequence, refuse by syntax, run it
from the saved state under its own limits, and look at what it has put for the goals.  Candidates of
a batch run in parallel and know nothing of each other.

A candidate acts as if it stood in the tactic block, except that nothing recovers from an error, and
that the kernel checks at once the declarations it adds and the terms it completes for the goals.
The proof as a whole is not checked: that `finishes` holds outside of the block, the caller confirms
by elaborating the declaration.
-/

open Lean Elab Meta

namespace LLMStep

/-- A goal without what makes equal goals look different: how many hypotheses it has, and its
statement, closed under these and its metavariables. -/
structure Shape where
  /-- The number of hypotheses. -/
  hypotheses : Nat
  /-- The hypotheses and the target as one closed term. -/
  statement : Expr

private instance : BEq Shape where
  beq a b := a.hypotheses == b.hypotheses && a.statement.equal b.statement

/-- The state that every candidate starts from. -/
structure Start where
  /-- Where the goals come from; its metavariable context is the one that they live in. -/
  context : ContextInfo
  /-- All goals of the tactic block, the first one first. -/
  goals : List MVarId
  /-- The declaration that is being proved. -/
  declaration? : Option Name
  /-- The variables by which the declaration can be used in its own proof. -/
  recursive : FVarIdSet
  /-- The shapes of the goals. -/
  shapes : List Shape

/-- How long each candidate may run. -/
structure Limits where
  /-- In the unit of the option `maxHeartbeats`; 0 means no limit. -/
  maxHeartbeats : Nat
  /-- By the clock. -/
  maxMilliseconds : Nat

private def shapesOf (goals : List MVarId) : MetaM (List Shape) :=
  goals.mapM fun goal => goal.withContext do
    let lctx ← instantiateLCtxMVars (← getLCtx)
    let target ← instantiateMVars (← goal.getType)
    let closed := lctx.mkForall lctx.getFVars target (usedLetOnly := false)
    return { hypotheses := lctx.getFVars.size, statement := (← abstractMVars closed).expr }

/-- The state that a candidate meets where `goals` are to be proved. -/
def Start.of (context : ContextInfo) (goals : List MVarId) : IO Start :=
  context.runMetaM {} do
    let mut recursive : FVarIdSet := {}
    let mut names := #[]
    for goal in goals do
      let { lctx, .. } ← goal.getDecl
      for decl in lctx do
        if decl.isAuxDecl && !recursive.contains decl.fvarId then
          recursive := recursive.insert decl.fvarId
          names := names.push <| (lctx.auxDeclToFullName.get? decl.fvarId).getD decl.userName
    let declaration? := context.parentDecl? <|> names[0]?
    let context := { context with
      parentDecl? := declaration?
      -- What a candidate makes Lean do must be done when the candidate is judged.
      options := Elab.async.set context.options false }
    return { context, goals, declaration?, recursive, shapes := ← shapesOf goals }

/-- The tactic sequence that is the whole of `text`, or why there is none.  Its later lines are
indented relative to column 0. -/
private def parse (context : ContextInfo) (text : String) : Except String Syntax := do
  if text.length > maxLength then
    throw s!"it is longer than {maxLength} characters"
  let input := Parser.mkInputContext text "<candidate>"
  let { env, options, currNamespace, openDecls, .. } := context
  let state := Parser.Tactic.tacticSeq.fn.run input { env, options, currNamespace, openDecls }
    (Parser.getTokenTable env) (Parser.mkParserState text)
  if state.hasError then
    throw (state.toErrorMsg input)
  if state.pos.byteIdx < text.utf8ByteSize then
    throw ((state.mkError "end of input").toErrorMsg input)
  return state.stxStack.back

/-! ## What a proof rests on -/

/-- Imported constants that are known to rest on nothing that is unproved.  They stay so as long as
this process lives, since it never changes its imports. -/
private initialize proved : IO.Ref NameSet ← IO.mkRef {}

/-- Whether `name` proves nothing or trusts the compiler.  Axioms that were there when the candidate
`start`ed are their authors' business. -/
private def isUnproved (start : Start) (name : Name) (info : ConstantInfo) : Bool :=
  [``sorryAx, `Lean.ofReduceBool, `Lean.ofReduceNat, `Lean.trustCompiler].contains name ||
  name.components.contains `_native || info.isUnsafe ||
  (info matches .axiomInfo _) && !start.context.env.contains name

private def constantsOf (info : ConstantInfo) : Array Name :=
  info.type.getUsedConstants ++ match info with
    | .defnInfo v => v.value.getUsedConstants
    | .thmInfo v => v.value.getUsedConstants
    | .opaqueInfo v => v.value.getUsedConstants
    | .inductInfo v => v.ctors.toArray
    | _ => #[]

/-- The first unproved constant that is reached from `names`, and all that are reached before it.
What was there before the candidate is itself looked at, and what it rests on only if `through`. -/
private partial def unproved? (start : Start) (env : Environment) (through : Bool) (seen : NameSet)
    (reached : Array Name) : List Name → Option Name × Array Name
  | [] => (none, reached)
  | name :: names =>
    if seen.contains name then
      unproved? start env through seen reached names
    else match env.find? name with
      | none => unproved? start env through (seen.insert name) reached names
      | some info =>
        if isUnproved start name info then
          (some name, reached)
        else if !through && start.context.env.contains name then
          unproved? start env through (seen.insert name) reached names
        else
          unproved? start env through (seen.insert name) (reached.push name)
            ((constantsOf info).toList ++ names)

/-- What was put for `goals`, also for those parts of it that still miss something. -/
private partial def termsOf (goals : List MVarId) : StateT MVarIdSet MetaM (Array Expr) := do
  let mut found := #[]
  for goal in goals do
    unless (← get).contains goal do
      modify (·.insert goal)
      let term ← instantiateMVars (.mvar goal)
      found := found.push term
      for mvar in (term.collectMVars {}).result do
        if let some delayed ← getDelayedMVarAssignment? mvar then
          found := found ++ (← termsOf [delayed.mvarIdPending])
  return found

/-- Why what was put for the goals is no proof of them, if it is none.  A step that leaves goals may use
lemmas that are still to be proved; a proof may not. -/
private def noProof? (start : Start) (finishes : Bool) : MetaM (Option String) := do
  let terms ← (termsOf start.goals).run' {}
  let used := terms.foldl (init := ({} : NameSet)) fun used term =>
    term.getUsedConstants.foldl .insert used
  if let some name := start.declaration? then
    if used.contains name || terms.any (·.hasAnyFVar start.recursive.contains) then
      return s!"it uses `{privateToUserName name}`, which is being proved"
  let seen := start.shapes.foldl (init := ← proved.get) fun seen shape =>
    shape.statement.getUsedConstants.foldl .insert seen
  let env ← getEnv
  let (found?, reached) := unproved? start env finishes seen #[] used.toList
  if let some name := found? then
    return s!"it rests on `{name}`"
  let imported := reached.filter fun name => (env.getModuleIdxFor? name).isSome
  proved.modify fun known => imported.foldl .insert known
  return none

/-- Has the kernel check what was put for `goal`, unless it still misses something. -/
private def checkByKernel (start : Start) (goal : MVarId) : MetaM Unit := do
  let value ← instantiateMVars (.mvar goal)
  unless value.hasMVar do goal.withContext do
    let variables := (← getLCtx).getFVars
    let type ← mkForallFVars variables (← instantiateMVars (← goal.getType))
    let value ← mkLambdaFVars variables value
    let levelParams := (collectLevelParams (collectLevelParams {} type) value).params.toList
    unless type.hasMVar || value.hasMVar do
      -- Under the name of the declaration, as the environment of a proof may demand.
      let name := start.declaration?.getD .anonymous ++ `_llmstep
      withoutModifyingEnv <| addDecl <|
        .defnDecl { name, levelParams, type, value, hints := .opaque, safety := .safe }

/-! ## Running one candidate -/

/-- The text of a proposal; before Lean 4.25, one proposal held several. -/
private def proposed (proposal : Tactic.TryThis.TryThisInfo) : Array String := by
  first
  | exact #[proposal.edit.newText]
  | exact proposal.suggestionTexts.map (·.1)

/-- The steps that Lean proposed while it elaborated ("Try this"). -/
private def proposals (context : ContextInfo) : CoreM (Array String) := do
  let mut found := #[]
  for tree in ← getInfoTrees do
    let tree := InfoTree.context (.commandCtx context.toCommandContextInfo) tree
    found := tree.foldInfo (init := found) fun _ info found =>
      match info with
      | .ofCustomInfo info => match info.value.get? Tactic.TryThis.TryThisInfo with
        | some proposal => found ++ proposed proposal
        | none => found
      | _ => found
  return found

/-- Runs the candidate `stx` and judges what it did. -/
private def run (start : Start) (stx : Syntax) : TermElabM Verdict := do
  let some goal := start.goals.head? | return { status := .rejected, reason := "no goals are left here" }
  let goals ← Tactic.run goal <| Tactic.withoutRecover do
    Tactic.setGoals start.goals
    Tactic.evalTactic stx
    Term.synthesizeSyntheticMVarsNoPostponing
  let log ← Core.getMessageLog
  if let some error := log.toArray.find? (·.severity == .error) then
    return { status := .rejected, reason := ← error.data.toString }
  if let some reason ← noProof? start goals.isEmpty then
    return { status := .refused, reason }
  for goal in start.goals do
    checkByKernel start goal
  let shapes ← shapesOf goals
  if shapes == start.shapes then
    return { status := .refused, reason := "it leaves the goals as they were" }
  return {
    status :=
      if goals.isEmpty then .finishes
      else if shapes == start.shapes.tail then .closes
      else .advances
    goals := ← goals.toArray.mapM fun goal => return toString (← ppGoal goal)
    messages := ← log.toArray.mapM (·.data.toString)
    proposals := ← proposals start.context }

/-- Runs `x` and returns whatever it throws, also what tactics must let pass: limits reached, and
being told to stop. -/
private def catchAll (x : MetaM α) : MetaM (Except Exception α) :=
  fun context state coreContext coreState => (x context state coreContext coreState).toBaseIO

private def elaborate (start : Start) (limits : Limits) (stop : IO.CancelToken) (text : String)
    (stx : Syntax) : MetaM Verdict := do
  let levels := start.shapes.foldl (init := {}) fun found shape =>
    collectLevelParams found shape.statement
  -- A proof may only add lemmas whose names begin with that of the declaration.
  let named (x : TermElabM Verdict) := start.declaration?.elim x (Term.withDeclName · x)
  let judged ← catchAll <|
    withTheReader Core.Context ({ · with
      fileName := "<candidate>"
      fileMap := .ofString text
      maxHeartbeats := limits.maxHeartbeats * 1000
      cancelTk? := some stop }) <|
    withCurrHeartbeats <|
    Term.TermElabM.run' (named (run start stx)) (ctx := { errToSorry := false })
      (s := { levelNames := levels.params.toList })
  match judged with
  | .ok verdict => return verdict
  | .error error =>
    if error.isInterrupt then
      return { status := .unknown, reason := s!"Lean was stopped after {limits.maxMilliseconds} ms" }
    let status := if error.isRuntime then .unknown else .rejected
    return { status, reason := ← (← addMessageContext error.toMessageData).toString }

/-- The verdict on one candidate.  It ends soon after `stop` is set. -/
private def judge (start : Start) (limits : Limits) (stop : IO.CancelToken) (text : String) :
    BaseIO Verdict := do
  let began ← IO.monoMsNow
  let heartbeats ← IO.getNumHeartbeats
  let verdict ← match parse start.context text with
    | .error reason => pure { status := .rejected, reason }
    | .ok stx => match refusal? start.context.env stx with
      | some reason => pure { status := .refused, reason }
      | none =>
        match ← (start.context.runMetaM {} (elaborate start limits stop text stx)).toBaseIO with
        | .ok verdict => pure verdict
        | .error error => pure { status := .unknown, reason := toString error }
  return { verdict with
    heartbeats := ((← IO.getNumHeartbeats) - heartbeats) / 1000
    milliseconds := (← IO.monoMsNow) - began }

/-! ## Running a batch -/

/-- How long a candidate that is told to stop may take to do so before it is left to itself. -/
private def graceMilliseconds := 1000

/-- A candidate under way. -/
private structure Job where
  /-- When it was started, if it was. -/
  began? : IO.Ref (Option Nat)
  /-- Tells it to stop. -/
  stop : IO.CancelToken
  /-- Its verdict. -/
  answer : IO.Promise Verdict

private def Job.start (start : Start) (limits : Limits) (text : String) : BaseIO Job := do
  let job : Job :=
    { began? := ← IO.mkRef none, stop := ← IO.CancelToken.new, answer := ← IO.Promise.new }
  discard <| BaseIO.asTask do
    job.began?.set (← IO.monoMsNow)
    job.answer.resolve (← judge start limits job.stop text)
  return job

/-- Stops what runs too long, and everything once `cancelled`, until all jobs have an answer. -/
private partial def watch (jobs : Array Job) (limits : Limits) (cancelled : BaseIO Bool) : BaseIO Unit := do
  let jobs ← jobs.filterM fun job => return !(← job.answer.isResolved)
  unless jobs.isEmpty do
    let cancel ← cancelled
    let now ← IO.monoMsNow
    for job in jobs do
      let elapsed := now - ((← job.began?.get).getD now)
      if cancel || elapsed > limits.maxMilliseconds then
        job.stop.set
      if elapsed > limits.maxMilliseconds + graceMilliseconds then
        job.answer.resolve { status := .unknown, reason := "Lean does not stop", milliseconds := elapsed }
    IO.sleep 5
    watch jobs limits cancelled

/-- The verdicts on `candidates`, in their order.  They run in parallel, each from `start` and under
its own limits; once `cancelled` they all stop. -/
def judgeAll (start : Start) (limits : Limits) (candidates : Array String)
    (cancelled : BaseIO Bool := return false) : BaseIO (Array Verdict) := do
  let jobs ← candidates.mapM (Job.start start limits ·)
  -- A thread of its own: it has to run while candidates occupy all others.
  discard <| BaseIO.asTask (prio := .dedicated) (watch jobs limits cancelled)
  jobs.mapM fun job => IO.wait job.answer.result!

end LLMStep
