import Lean.Data.Lsp.Basic

/-!
# The shapes of the RPC methods and of `llmstep-lsp generate`

Owns what llmstep-lsp and Lean say to each other.  The names of the fields are those of the JSON
objects; an optional field `x?` is `x` there, and absent or null if there is nothing to say.  Every
request names the version of the protocol that it speaks, and gets an error if it is another one.

`LLMStepTest/protocol.json` holds examples of all shapes, which the tests of both sides read: what
is written there is what is said.
-/

open Lean

namespace LLMStep

/-- The version of these shapes; it changes when one of them does. -/
def protocolVersion := 1

/-- Asks for the goals at a position. -/
structure StateRequest where
  /-- The version of the protocol that the caller speaks. -/
  version : Nat
  /-- A position in a tactic block; at the start of a tactic the state is the one before it. -/
  pos : Lsp.Position
  deriving FromJson, ToJson

/-- One hypothesis of a goal, printed. -/
structure Hypothesis where
  /-- Its name, with a dagger if it cannot be written in a proof. -/
  name : String
  /-- Its type. -/
  type : String
  /-- Its value, if it is a `let` variable. -/
  value? : Option String := none
  /-- Whether its type is a class. -/
  isInstance : Bool
  deriving FromJson, ToJson

/-- One goal, in parts and as a whole. -/
structure Goal where
  /-- Its case name, if it has one. -/
  case? : Option String := none
  /-- Its hypotheses, in order. -/
  hypotheses : Array Hypothesis
  /-- What is to be shown, without the turnstile. -/
  target : String
  /-- All of it, exactly as Lean shows it. -/
  text : String
  deriving FromJson, ToJson

/-- The goals at a position. -/
structure StateAnswer where
  /-- The version of the protocol. -/
  version : Nat := protocolVersion
  /-- All goals of the tactic block; none, if nothing is left to prove there. -/
  goals : Array Goal
  /-- The full name of the declaration that is being proved. -/
  declaration? : Option String
  /-- Whether the state is the one before the tactic at the position, not the one after it. -/
  before : Bool
  deriving FromJson, ToJson

/-- Asks for a verdict on each of several candidates, all from the state at one position. -/
structure CheckRequest where
  /-- The version of the protocol that the caller speaks. -/
  version : Nat
  /-- The position, as in `StateRequest`. -/
  pos : Lsp.Position
  /-- Tactic sequences whose later lines are indented relative to column 0. -/
  candidates : Array String
  /-- The limit of each candidate in the unit of the option `maxHeartbeats`; 0 means none. -/
  maxHeartbeats : Nat
  /-- The limit of each candidate by the clock, from when it is started. -/
  maxMilliseconds : Nat
  deriving FromJson, ToJson

/-- What Lean says of a candidate. -/
inductive Status where
  /-- No goal of the tactic block remains.  The block is all that was looked at: whether the
  declaration is proved, the caller must confirm by elaborating it. -/
  | finishes
  /-- The first goal is closed, and the others are as they were. -/
  | closes
  /-- Lean accepts it, and the goals have changed in some other way. -/
  | advances
  /-- Lean reports an error. -/
  | rejected
  /-- It is not a proof step that anybody may be shown, whether or not Lean accepts it. -/
  | refused
  /-- A limit was reached, so nothing is known. -/
  | unknown
  deriving BEq, Repr, Inhabited, FromJson, ToJson

/-- A status, what remains, and what it took. -/
structure Verdict where
  /-- What Lean says. -/
  status : Status
  /-- The goals that remain in the block, exactly as Lean shows them, if Lean accepts it. -/
  goals : Array String := #[]
  /-- Why it is rejected, refused or unknown. -/
  reason : String := ""
  /-- Everything that the candidate made Lean say. -/
  messages : Array String := #[]
  /-- Steps that Lean itself proposed meanwhile ("Try this"). -/
  proposals : Array String := #[]
  /-- What it took, in the unit of the option `maxHeartbeats`. -/
  heartbeats : Nat := 0
  /-- What it took by the clock. -/
  milliseconds : Nat := 0
  deriving Inhabited, FromJson, ToJson

/-- The verdicts on the candidates. -/
structure CheckAnswer where
  /-- The version of the protocol. -/
  version : Nat := protocolVersion
  /-- One verdict for each candidate, in the order of the candidates. -/
  verdicts : Array Verdict
  deriving FromJson, ToJson

/-- Asks for lemmas that may help with the first goal at a position. -/
structure LemmasRequest where
  /-- The version of the protocol that the caller speaks. -/
  version : Nat
  /-- The position, as in `StateRequest`. -/
  pos : Lsp.Position
  /-- How many are wanted at most. -/
  count : Nat
  /-- When to answer with what was found, by the clock. -/
  maxMilliseconds : Nat
  deriving FromJson, ToJson

/-- Lemmas that may help. -/
structure LemmasAnswer where
  /-- The version of the protocol. -/
  version : Nat := protocolVersion
  /-- Their full names, the nearest to the goal first. -/
  lemmas : Array String
  deriving FromJson, ToJson

/-- Asks generators for candidates: the standard input of `llmstep-lsp generate`. -/
structure GenerateRequest where
  /-- The version of the protocol that the caller speaks. -/
  version : Nat := protocolVersion
  /-- All goals of the tactic block, the first one first, exactly as Lean shows them. -/
  goals : Array String
  /-- What every candidate must start with; it may be empty. -/
  «prefix» : String
  /-- The text of the file before the tactic. -/
  context : String
  /-- How many candidates are wanted. -/
  count : Nat
  /-- How long generators may take. -/
  seconds : Nat
  /-- The language model to ask; what is configured, if there is none. -/
  model? : Option String := none
  deriving FromJson, ToJson

/-- A proof step that somebody proposes. -/
structure Candidate where
  /-- A tactic sequence whose later lines are indented relative to column 0. -/
  text : String
  /-- The generator that it comes from. -/
  source : String
  /-- The mean log-probability of its tokens. -/
  score? : Option Float := none
  deriving FromJson, ToJson

/-- The candidates, and which generators failed: the standard output of `llmstep-lsp generate`. -/
structure GenerateAnswer where
  /-- The version of the protocol. -/
  version : Nat := protocolVersion
  /-- The candidates, in no order. -/
  candidates : Array Candidate
  /-- What happened to each generator that failed, and what to do, in a sentence. -/
  failures : Array String := #[]
  deriving FromJson, ToJson

end LLMStep
