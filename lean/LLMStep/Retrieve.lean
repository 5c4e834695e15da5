import Lean.AddDecl
import Lean.Linter.Deprecated
import Lean.Meta.Instances
import Lean.Meta.Tactic.Util
import Lean.Util.FoldConsts
import Lean.Util.Sorry

/-!
# Lemmas of the library that are near a goal

Owns which imported theorems may help with a goal, and in which order.  A lemma is near if its
statement and the goal mention the same constants, and not many others; a constant counts the more,
the fewer lemmas mention it.  Terms are not unified, so a lemma that is near may not apply.

The library is indexed once, beside whatever else Lean does: what is looked for can then be found
without going through all of it.
-/

open Lean Meta

namespace LLMStep

/-! ## The index -/

/-- Which imported lemmas mention which constants. -/
private structure Index where
  /-- The lemmas.  Those of a module stand behind all those of the modules that it imports, so the
  basic ones come first. -/
  lemmas : Array ConstantInfo
  /-- The positions in `lemmas` of those that mention a constant, by its `place`. -/
  mentions : Array (Array Nat)

private def places : UInt32 := 262144

/-- Where to look a constant up.  That two share a place is rare, and then they seem less rare than
they are. -/
private def place (constant : Name) : Nat := (constant.hash.toUInt32 % places).toNat

/-- The last parts of names that Lean gives to theorems of its own about every inductive type. -/
private def generated : List String := ["injEq", "noConfusion", "sizeOf_spec"]

/-- Parts of names of lemmas that only serve tactics. -/
private def internal : List Name := [`Lean, `Omega, `Simproc, `Tactic]

/-- Whether a person would use a constant as a lemma, as far as that is known at once. -/
private def isLemma (env : Environment) (info : ConstantInfo) : Bool :=
  (match info with
    | .thmInfo _ => true
    -- What a module says to those that may not see its proofs.
    | .axiomInfo _ => wasOriginallyTheorem env info.name
    | _ => false) &&
  match info.name with
  | .str space last =>
    !generated.contains last && !info.name.isInternalDetail && !isPrivateName info.name &&
      !space.components.any internal.contains
  | _ => false

/-- The modules that the file would import without this package. -/
private def modulesOf (env : Environment) : NameSet :=
  let add (imports : Array Import) (found : NameSet) := imports.foldl (init := found) fun found i =>
    if (`LLMStep).isPrefixOf i.module then found else found.insert i.module
  let modules := env.header.moduleNames.zip env.header.moduleData
  -- A module stands behind all that it imports.
  modules.foldr (init := add env.header.imports {}) fun (name, data) found =>
    if found.contains name then add data.imports found else found

/-- How long indexing goes on before it rests as long: candidates are judged meanwhile, and come first. -/
private def turnMilliseconds := 10

private def Index.of (env : Environment) : BaseIO Index := do
  let modules := modulesOf env
  let mut lemmas := #[]
  let mut mentions := .replicate places.toNat #[]
  let mut rested ← IO.monoMsNow
  for name in env.header.moduleNames, data in env.header.moduleData do
    if modules.contains name then
      for info in data.constants do
        if isLemma env info then
          for constant in info.type.getUsedConstants do
            mentions := mentions.modify (place constant) (·.push lemmas.size)
          lemmas := lemmas.push info
      if (← IO.monoMsNow) - rested > turnMilliseconds then
        IO.sleep turnMilliseconds.toUInt32
        rested ← IO.monoMsNow
  return { lemmas, mentions }

/-- The index, once it is begun.  It stays right as long as this process lives, since it never
changes its imports. -/
private initialize begun : IO.Ref (Option (Task Index)) ← IO.mkRef none

/-- Begins to index the library that `env` imports, if nobody has. -/
def prepareLemmas (env : Environment) : BaseIO Unit := do
  if (← begun.get).isNone then
    begun.set (some (← BaseIO.asTask (prio := .dedicated) (Index.of env)))

/-- The index; none if it is not there until it is `late`. -/
private partial def index? (late : BaseIO Bool) : BaseIO (Option Index) := do
  let some index ← begun.get | return none
  if ← IO.hasFinished index then
    return index.get
  if ← late then
    return none
  IO.sleep 5
  index? late

private def Index.mentioning (index : Index) (constant : Name) : Array Nat :=
  index.mentions[place constant]!

/-- How much it says that a lemma mentions `constant`. -/
private def Index.weight (index : Index) (constant : Name) : Float :=
  (index.lemmas.size.toFloat / (index.mentioning constant).size.toFloat).log2

/-! ## Looking up -/

/-- How many lemmas are compared with a goal at most. -/
private def maxCompared := 2000

/-- What a constant counts that only hypotheses mention, compared with one of the target. -/
private def hypothesisFactor := 0.25

/-- The constants of the library that `goal` mentions, the weightiest first, and their weights. -/
private def constantsOf (index : Index) (goal : MVarId) : MetaM (Array (Name × Float)) :=
  goal.withContext do
    let mut found : Std.HashMap Name Float := {}
    for decl in ← getLCtx do
      if !decl.isImplementationDetail && (← isProp decl.type) then
        for constant in (← instantiateMVars decl.type).getUsedConstants do
          found := found.insert constant (hypothesisFactor * index.weight constant)
    for constant in (← instantiateMVars (← goal.getType)).getUsedConstants do
      found := found.insert constant (index.weight constant)
    let known := found.toArray.filter fun (constant, _) => !(index.mentioning constant).isEmpty
    return known.qsort fun (a, weight) (b, other) => weight > other || weight == other && a.quickLt b

/-- The lemmas to compare with a goal that mentions `constants`: first those that mention the first. -/
private def candidates (index : Index) (constants : Array (Name × Float)) : Array ConstantInfo := Id.run do
  let mut seen : Std.HashSet Nat := {}
  let mut found := #[]
  for (constant, _) in constants do
    for number in index.mentioning constant do
      if found.size == maxCompared then
        return found
      if !seen.contains number then
        seen := seen.insert number
        found := found.push index.lemmas[number]!
  return found

/-- A lemma and how near it is: the weight of the constants that it shares with the goal, as a part of
the weight of all that either mentions. -/
private structure Near where
  info : ConstantInfo
  nearness : Float

/-- The nearer lemma comes first; of those that are as near, the simpler one. -/
private def Near.before (a b : Near) : Bool :=
  let depth (lemma : Near) := lemma.info.type.approxDepth
  a.nearness > b.nearness || a.nearness == b.nearness &&
    (depth a < depth b || depth a == depth b && a.info.name.quickLt b.info.name)

/-- How near the lemmas are to a goal that mentions `constants`; only the first ones, if it gets `late`. -/
private def compared (index : Index) (constants : Array (Name × Float)) (late : BaseIO Bool) :
    BaseIO (Array Near) := do
  let mut weights : NameMap Float := {}
  let mut total := 0.0
  for (constant, weight) in constants do
    weights := weights.insert constant weight
    total := total + weight
  let mut found := #[]
  for info in candidates index constants do
    if ← late then
      break
    let mut shared := 0.0
    let mut others := 0.0
    for constant in info.type.getUsedConstants do
      match weights.find? constant with
      | some weight => shared := shared + weight
      | none => others := others + index.weight constant
    found := found.push { info, nearness := shared / (total + others) }
  return found

/-- Whether a person should use a lemma by its name. -/
private def isOffered (env : Environment) (info : ConstantInfo) : Bool :=
  !Linter.isDeprecated env info.name && !isReservedName env info.name &&
  !isInstanceCore env info.name &&
  match info with
  | .thmInfo { value, .. } => !value.hasSorry
  | _ => true

/-- Up to `count` imported lemmas that are near to `goal`, the nearest first; if it gets `late`, of
those that were compared until then. -/
def nearestLemmas (goal : MVarId) (count : Nat) (late : BaseIO Bool) : MetaM (Array Name) := do
  let env ← getEnv
  prepareLemmas env
  let some index ← index? late | return #[]
  let sorted := (← compared index (← constantsOf index goal) late).qsort Near.before
  let mut names := #[]
  for { info, .. } in sorted do
    if names.size == count then
      break
    if isOffered env info then
      names := names.push info.name
  return names

end LLMStep
