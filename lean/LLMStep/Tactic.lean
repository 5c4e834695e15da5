import Lean.Meta.Tactic.TryThis
import LLMStep.Check

/-!
# The tactic `llmstep`

Owns what a person meets who writes `llmstep` into a proof: how generators are asked, in which order
the steps that Lean accepts are shown, and what is said if there are none.  It changes nothing in
the proof.

Generators live in a child process, which is asked through the parameter of `suggest`, so that a
test can answer in its place.
-/

open Lean Elab Meta Tactic

namespace LLMStep

/-- How many steps `llmstep` shows at most. -/
register_option llmstep.count : Nat := {
  defValue := 8
  descr := "(llmstep) how many steps are shown at most"
}

/-- How many seconds generators may take to propose steps, and then Lean to check them. -/
register_option llmstep.seconds : Nat := {
  defValue := 5
  descr := "(llmstep) how many seconds generators may take to propose steps, and then Lean to check them"
}

/-- The language model that `llmstep` asks; if empty, the one that llmstep-lsp is configured for. -/
register_option llmstep.model : String := {
  defValue := ""
  descr := "(llmstep) the language model to ask; if empty, what is configured for llmstep-lsp"
}

/-- The program that proposes steps for `llmstep`: a path, or a name that is found on PATH. -/
register_option llmstep.program : String := {
  defValue := "llmstep-lsp"
  descr := "(llmstep) the program that proposes steps: a path, or a name that is found on PATH"
}

initialize registerTraceClass `llmstep

/-! ## Asking a child process -/

/-- Whether nobody waits any more for what is being elaborated. -/
private def cancelled : CoreM (BaseIO Bool) :=
  return (← read).cancelTk?.elim (return false) (·.isSet)

/-- How much longer than generators the child process may take, to start and to end. -/
private def childMilliseconds := 3000

private def pipes : IO.Process.StdioConfig := { stdin := .piped, stdout := .piped, stderr := .piped }

/-- The exit code of `child`, once it has `finished` to write.  If it is `late` before, the child is
killed, and there is none. -/
private partial def exitCode? {config : IO.Process.StdioConfig} (child : IO.Process.Child config)
    (finished late : BaseIO Bool) : IO (Option UInt32) := do
  if ← finished then
    if let some code ← child.tryWait then
      return code
  if ← late then
    try child.kill catch _ => pure () -- It has just ended by itself.
    discard child.wait
    return none
  IO.sleep 10
  exitCode? child finished late

/-- What `child` writes to its standard output and error, given `input`, and its exit code; none if it
did not end before it was `late`. -/
private def answerOf? (child : IO.Process.Child pipes) (input : String) (late : BaseIO Bool) :
    IO (Option (String × String × UInt32)) := do
  let (stdin, child) ← child.takeStdin
  -- Each pipe is served on its own, because it holds less than what may be said.
  discard <| IO.asTask (prio := .dedicated) do
    stdin.putStr input
    stdin.flush
  let output ← IO.asTask child.stdout.readToEnd .dedicated
  let errors ← IO.asTask child.stderr.readToEnd .dedicated
  let finished := return (← IO.hasFinished output) && (← IO.hasFinished errors)
  let some code ← exitCode? child finished late | return none
  return (← IO.ofExcept output.get, ← IO.ofExcept errors.get, code)

private def cannotStart (program : String) : MessageData :=
  m!"llmstep: `{program}` cannot be started. Install it by `pip install llmstep-lsp`, or say where \
    it is by `set_option llmstep.program \"/path/to/llmstep-lsp\"`."

/-- Asks the program that the option names. -/
def askChild (request : GenerateRequest) : CoreM GenerateAnswer := do
  let program := llmstep.program.get (← getOptions)
  let cancelled ← cancelled
  let deadline := (← IO.monoMsNow) + request.seconds * 1000 + childMilliseconds
  let late := return (← cancelled) || (← IO.monoMsNow) > deadline
  let child ← try
      IO.Process.spawn { pipes with cmd := program, args := #["generate"], setsid := true }
    catch error => throwError m!"{cannotStart program}\n{error.toMessageData}"
  let ended? ← answerOf? child (toJson request).compress late
  Core.checkInterrupted
  let some (output, errors, code) := ended?
    | throwError "llmstep: `{program}` did not answer in time, and was stopped. More time is given \
        by `set_option llmstep.seconds {2 * request.seconds}`."
  -- Where a process is forked first, this is how the child says that there is no such program.
  if code == 255 && errors.startsWith "could not execute external process" then
    throwError cannotStart program
  unless code == 0 do
    throwError "llmstep: `{program}` failed with exit code {code}.\n{errors}"
  match Json.parse output >>= fromJson? with
  | .error error =>
    throwError "llmstep: `{program}` gave no answer that can be read. Its version and that of the \
      Lean package `llmstep` must fit.\n{error}"
  | .ok answer =>
    unless answer.version == protocolVersion do
      throwError "llmstep: `{program}` speaks version {answer.version} of the protocol, but the Lean \
        package `llmstep` speaks {protocolVersion}. Update the older one."
    return answer

/-! ## Showing what Lean accepts -/

/-- A candidate and what Lean says of it. -/
private structure Step where
  candidate : Candidate
  verdict : Verdict

/-- The symbol of the steps that are shown, and their order. -/
private def symbols : List (Status × String) := [(.finishes, "🎉"), (.closes, "✓"), (.advances, "→")]

private def Step.symbol (step : Step) : String := (symbols.lookup step.verdict.status).getD ""

/-- The better step comes first.  A step without a score counts as one of an average model. -/
private def order (a b : Step) : Ordering :=
  let rank (step : Step) := symbols.findIdx (·.1 == step.verdict.status)
  let score (step : Step) := step.candidate.score?.getD (-1)
  compare (rank a) (rank b)
    |>.then (compare a.verdict.goals.size b.verdict.goals.size)
    |>.then (compareOfLessAndBEq (score b) (score a))
    |>.then (compare a.candidate.text.length b.candidate.text.length)
    |>.then (compare a.candidate.text b.candidate.text)

/-- The accepted steps, best first; of several that lead to the same goals only the best.  Which
proof of a goal to keep is the person's choice, so each of those stays. -/
private def ranked (steps : Array Step) : Array Step := Id.run do
  let mut kept := #[]
  for step in steps.toList.mergeSort (order · · |>.isLE) do
    let same (other : Step) := other.candidate.text == step.candidate.text ||
      step.verdict.status == .advances && other.verdict.goals == step.verdict.goals
    unless step.symbol.isEmpty || kept.any same do
      kept := kept.push step
  return kept

/-- The goals that remain, without what was there `before`, each line after a line break. -/
private def remaining (before : Array String) (step : Step) : String :=
  let known := before.toList.flatMap (·.splitOn "\n")
  let new := step.verdict.goals.toList.flatMap (·.splitOn "\n") |>.filter fun line =>
    line.startsWith "⊢" || !known.contains line
  String.join (new.map ("\n  " ++ ·))

/-- A step in the words of Lean's "Try this"; its later lines are indented to `column`. -/
private def suggestion (before : Array String) (column : Nat) (step : Step) : TryThis.Suggestion :=
  let text := step.candidate.text
  let words := (text.replace "\n" " ").splitOn " " |>.filter (!·.isEmpty)
  { suggestion := .string (text.replace "\n" ("\n".pushn ' ' column))
    preInfo? := s!"{step.symbol} "
    postInfo? := remaining before step
    messageData? := m!"{text}"
    toCodeActionTitle? := some fun _ => s!"llmstep: {step.symbol} {" ".intercalate words}" }

/-- The verdicts on `candidates` from the state at hand, given by Lean within `seconds`. -/
private def judged (goals : List MVarId) (candidates : Array Candidate) (seconds : Nat) :
    TacticM (Array Step) := do
  let milliseconds := seconds * 1000
  let context : ContextInfo :=
    { ← CommandContextInfo.save with parentDecl? := ← Term.getDeclName? }
  let limits : Limits := {
    maxHeartbeats := maxHeartbeats.get (← getOptions)
    -- One that takes too long leaves as much time for the others.
    maxMilliseconds := milliseconds / 2 }
  let cancelled ← cancelled
  let deadline := (← IO.monoMsNow) + milliseconds
  let late := return (← cancelled) || (← IO.monoMsNow) > deadline
  let verdicts ← judgeAll (← Start.of context goals) limits (candidates.map (·.text)) late
  Core.checkInterrupted
  return candidates.zipWith Step.mk verdicts

private def traceStep (step : Step) : CoreM Unit := do
  let { candidate, verdict } := step
  let status ← ofExcept (toJson verdict.status).getStr?
  let reason := if verdict.reason.isEmpty then m!"" else indentD verdict.reason
  trace[llmstep] "{status} ({candidate.source}): {candidate.text}{reason}"

/-- The text before `ref`; Lean 4.26 renamed what gives it. -/
private def textBefore (map : FileMap) (ref : Syntax) : String := by
  first
  | exact String.Pos.Raw.extract map.source 0 (ref.getPos?.getD 0)
  | exact map.source.extract 0 (ref.getPos?.getD 0)

/-- Asks for candidates that begin with `start`, and shows those that Lean accepts from the state at
hand, best first, as what may be written in place of the tactic. -/
def suggest (ask : GenerateRequest → CoreM GenerateAnswer) (start : String) : TacticM Unit := do
  discard getMainGoal
  let goals ← getUnsolvedGoals
  let texts ← goals.toArray.mapM fun goal => return toString (← ppGoal goal)
  let options ← getOptions
  let count := llmstep.count.get options
  let seconds := llmstep.seconds.get options
  let model := llmstep.model.get options
  let ref ← getRef
  let map ← getFileMap
  let answer ← ask {
    goals := texts
    «prefix» := start
    context := textBefore map ref
    -- Lean refuses most of what language models propose.
    count := 4 * count
    seconds
    model? := if model.isEmpty then none else some model }
  for failure in answer.failures do
    logWarning m!"llmstep: {failure}"
  let (candidates, others) := answer.candidates.partition (·.text.startsWith start)
  let refusal : Verdict := { status := .refused, reason := s!"it does not begin with `{start}`" }
  let steps := (← judged goals candidates seconds) ++ others.map (Step.mk · refusal)
  for step in steps do
    traceStep step
  let shown := (ranked steps).take count
  if steps.isEmpty then
    logInfo "llmstep: no step was proposed."
  else if shown.isEmpty then
    logInfo m!"llmstep: Lean accepts no step out of {steps.size} that were proposed. \
      `set_option trace.llmstep true` tells why."
  else
    let { column, .. } := map.toPosition (ref.getPos?.getD 0)
    TryThis.addSuggestions ref (shown.map (suggestion texts column))

end LLMStep

open LLMStep in
/-- `llmstep` shows next steps of the proof that Lean has accepted here, the best first: 🎉 proves
all goals, ✓ closes the first one, → leaves the goals that are shown.  A click or the code action
writes the step in place of `llmstep`, which by itself changes nothing.

`llmstep "simp"` shows steps that begin with `simp`.

The steps are proposed by the program `llmstep-lsp`.  The options `llmstep.count`,
`llmstep.seconds`, `llmstep.model` and `llmstep.program` say how; `trace.llmstep` shows what Lean
says of every proposed step. -/
elab "llmstep" start:(ppSpace str)? : tactic =>
  suggest askChild (start.elim "" (·.getString))
