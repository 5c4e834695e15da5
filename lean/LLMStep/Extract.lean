import Lean.Elab.Frontend

/-!
# Reading the steps of proofs out of a file

Owns which steps a file has, and what is told of each of them: where it stands, the goals before and
after it, and the constants that it names.  The file is elaborated as it is, with its own header; it
need not import anything of ours.

A step is an item of a tactic block, wherever the block is: below a bullet, a `case` or an alternative
of `induction`, or behind `by` in a term.  What parentheses, `<;>` and tactics that try or repeat
others hold is a part of their step and none by itself, since it runs as often as they like.  A step
that nevertheless runs several times, as below an alternative for many cases, counts the first time.
-/

open Lean Elab

namespace LLMStep

/-- A step that Lean has accepted.  Positions are bytes of the file's text, whose lines end with LF. -/
structure Step where
  /-- Where it begins. -/
  start : Nat
  /-- Where it ends, without white space and comments behind it. -/
  stop : Nat
  /-- Where its tactic block begins: the column of this is the one that Lean measured its later lines by. -/
  block : Nat
  /-- Where the declaration that it belongs to begins. -/
  above : Nat
  /-- The full name of what is being proved; empty if Lean does not tell. -/
  declaration : String
  /-- All goals before it, exactly as Lean shows them. -/
  before : Array String
  /-- All goals after it. -/
  after : Array String
  /-- The full names of the constants that its text names, each once, in their order. -/
  premises : Array String
  deriving ToJson

/-- What was read from a file. -/
structure Extracted where
  /-- The steps, in the order of the text. -/
  steps : Array Step := #[]
  /-- How many more steps say `sorry`. -/
  sorries : Nat := 0
  /-- How many more steps belong to a command with errors. -/
  errors : Nat := 0
  deriving ToJson

/-! ## Where steps are -/

/-- A step as it is written. -/
private structure Site where
  stx : Syntax
  start : Nat
  stop : Nat
  block : Nat
  above : Nat

/-- Words of tactics that run what they hold as often as they like. -/
private def combinators : List String :=
  ["<;>", "first", "try", "repeat", "repeat'", "repeat1", "repeat1'", "iterate", "all_goals", "any_goals",
   "solve", "attempt_all", "attempt_all_par", "fail_if_success", "success_if_fail_with_msg"]

/-- Words by which a proof is given up. -/
private def givingUp : List String := ["sorry", "admit", "stop"]

private def holds (words : List String) : Syntax → Bool
  | .atom _ text => words.contains text
  | _ => false

/-- Whether what `stx` holds are parts of a step, and none by themselves. -/
private def isWhole (stx : Syntax) : Bool :=
  stx.isOfKind ``Parser.Tactic.paren || stx.getArgs.any (holds combinators)

/-- The tactics of a block; none if `stx` is none. -/
private def items (stx : Syntax) : Array Syntax :=
  if stx.isOfKind ``Parser.Tactic.tacticSeq1Indented then stx[0].getSepArgs
  else if stx.isOfKind ``Parser.Tactic.tacticSeqBracketed then stx[1].getSepArgs
  else #[]

/-- The steps in `stx`. -/
private partial def sites (above : Nat) (stx : Syntax) : Array Site := Id.run do
  if isWhole stx then
    return #[]
  let above := match stx.isOfKind ``Parser.Command.declaration, stx.getPos? with
    | true, some start => start.byteIdx
    | _, _ => above
  let mut found := #[]
  let items := items stx
  for item in items do
    if let (some block, some start, some stop) := (items[0]!.getPos?, item.getPos?, item.getTailPos?) then
      found := found.push
        { stx := item, start := start.byteIdx, stop := stop.byteIdx, block := block.byteIdx, above }
  for part in stx.getArgs do
    found := found ++ sites above part
  return found

/-! ## What Lean knows of them -/

/-- A run of a tactic. -/
private structure Run where
  context : ContextInfo
  info : TacticInfo

/-- A constant that is named at a place. -/
private structure Mention where
  start : Nat
  stop : Nat
  name : Name

private def Site.isAt (site : Site) (stx : Syntax) : Bool :=
  stx.getPos?.map (·.byteIdx) == some site.start && stx.getTailPos?.map (·.byteIdx) == some site.stop

/-- Whether `stx`, which Lean ran, is what stands at the site, and nothing that a macro made of it. -/
private def Site.isRunBy (site : Site) (stx : Syntax) : Bool :=
  site.isAt stx && (stx.getKind == site.stx.getKind || site.stx.isOfKind choiceKind)

/-- The constant that an identifier stands for, such as `Nat.succ`, `.succ` or `n.succ`. -/
private def mention? (info : TermInfo) : Option Mention := do
  guard <| info.stx.isIdent || info.stx.isOfKind ``Parser.Term.dotIdent
  let .original (pos := start) .. := info.stx.getHeadInfo | none
  let stop ← info.stx.getTailPos?
  let name ← info.expr.getAppFn.constName?
  return { start := start.byteIdx, stop := stop.byteIdx, name }

/-- The first run of each tactic that is written in the file, by where it begins, and what is mentioned. -/
private def known (tree : InfoTree) : Std.HashMap Nat (Array Run) × Array Mention :=
  tree.foldInfo (init := ({}, #[])) fun context info (runs, mentions) =>
    match info with
    | .ofTacticInfo info =>
      match info.stx.getHeadInfo with
      | .original (pos := start) .. =>
        (runs.alter start.byteIdx fun known? => some ((known?.getD #[]).push { context, info }), mentions)
      | _ => (runs, mentions)
    | .ofTermInfo info => (runs, (mention? info).elim mentions mentions.push)
    | _ => (runs, mentions)

private def shown (context : ContextInfo) (mctx : MetavarContext) (goals : List MVarId) :
    IO (Array String) :=
  { context with mctx }.runMetaM {} do
    goals.toArray.mapM fun goal => return toString (← Meta.ppGoal goal)

/-- What is told of the step at `site`. -/
private def stepOf (site : Site) (run : Run) (mentions : Array Mention) : IO Step := do
  let { context, info } := run
  let mentioned := mentions.filter fun mention => site.start ≤ mention.start && mention.stop ≤ site.stop
  let names := mentioned.qsort (·.start < ·.start) |>.map fun mention =>
    toString (privateToUserName mention.name)
  return {
    start := site.start
    stop := site.stop
    block := site.block
    above := site.above
    declaration := context.parentDecl?.elim "" fun name => toString (privateToUserName name)
    before := ← shown context info.mctxBefore info.goalsBefore
    after := ← shown context info.mctxAfter info.goalsAfter
    premises := names.toList.eraseDups.toArray }

/-! ## Files -/

/-- Whether no step of the command `stx` may be believed: it has errors, or hides them. -/
private def hasErrors (stx : Syntax) (errors : Array Nat) (start stop : Nat) : Bool :=
  stx.hasMissing || (stx.find? (·.isOfKind `Lean.guardMsgsCmd)).isSome ||
  errors.any fun error => start ≤ error && error < stop

/-- Adds the steps of the command that is written from `start` to before `stop`. -/
private def Extracted.add (extracted : Extracted) (tree : InfoTree) (command : Syntax) (start stop : Nat)
    (errors : Array Nat) : IO Extracted := do
  let (runs, mentions) := known tree
  let wrong := hasErrors command errors start stop
  let mut extracted := extracted
  let mut seen : Std.HashSet (Nat × Nat) := {}
  for site in (sites start command).qsort (·.start < ·.start) do
    let run? := (runs.getD site.start #[]).find? (site.isRunBy ·.info.stx)
    if let (some run, false) := (run?, seen.contains (site.start, site.stop)) then
      seen := seen.insert (site.start, site.stop)
      if wrong then
        extracted := { extracted with errors := extracted.errors + 1 }
      else if (site.stx.find? (holds givingUp)).isSome then
        extracted := { extracted with sorries := extracted.sorries + 1 }
      else
        extracted := { extracted with steps := extracted.steps.push (← stepOf site run mentions) }
  return extracted

/-- The command that a tree tells of, as it was written. -/
private partial def commandOf? : InfoTree → Option Syntax
  | .context _ tree => commandOf? tree
  | .node (.ofCommandInfo info) _ => some info.stx
  | _ => none

private def errorsOf (messages : MessageLog) (map : FileMap) : Array Nat :=
  messages.toArray.filter (·.severity == .error) |>.map fun message => (map.ofPosition message.pos).byteIdx

/-- The steps of a file with this text, elaborated under `setup`.  Fails if its imports do. -/
def extract (file text : String) (setup : ModuleSetup) : IO Extracted := do
  let input := Parser.mkInputContext text file
  let (header, state, messages) ← Parser.parseHeader input
  -- As in Lean's server, so that goals show the same numbers of unknown universes.
  let options := Elab.async.set setup.options.toOptions true
  let (env, messages) ← processHeader header options messages input (trustLevel := 1024)
    (plugins := setup.plugins) (leakEnv := true) (mainModule := setup.name)
  if let some error := messages.toArray.find? (·.severity == .error) then
    throw <| .userError (← error.data.toString)
  let start := Command.mkState env messages (← Language.Lean.reparseOptions options)
  let start := { start with infoState.enabled := true }
  let { commandState, commands, .. } ← IO.processCommands input state start
  let errors := errorsOf commandState.messages input.fileMap
  let starts := commands.filterMap fun command => command.getPos?.map (·.byteIdx)
  let mut extracted := {}
  for tree in commandState.infoState.trees do
    if let some command := commandOf? tree then
      if let some start := command.getPos?.map (·.byteIdx) then
        let stop := (starts.find? (· > start)).getD (text.utf8ByteSize + 1)
        extracted ← extracted.add tree command start stop errors
  return extracted

/-- Reads a file and writes what was extracted as JSON: `FILE OUT [SETUP]`, where `SETUP` is what
`lake setup-file` says of the file.  Without it the file is a module of the current folder. -/
unsafe def extractMain : List String → IO UInt32
  | file :: out :: setup? => do
    enableInitializersExecution
    let setup ← match setup? with
      | setup :: _ => ModuleSetup.load setup
      | [] => pure { name := ← moduleNameOfFileName file none }
    setup.dynlibs.forM (loadDynlib ·)
    let extracted ← extract file (← IO.FS.readFile file).crlfToLf setup
    IO.FS.writeFile out (toJson extracted).compress
    return 0
  | _ => throw <| .userError "usage: FILE OUT [SETUP]"

end LLMStep
