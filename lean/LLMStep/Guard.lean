import Lean.Parser.Extension

/-!
# What is refused before anything is elaborated

Owns which candidates are never run, by their parsed syntax.  Candidates are data from strangers,
and elaborating one can run code that it contains.

Covered is what Lean itself offers to a tactic block: code that runs at elaboration time
(`run_tac`, `by_elab`, `unsafe`, and the values of configuration options, which Lean evaluates),
reading files (`include_str`), trusting the compiler (`native_decide`, `bv_decide`), giving up
(`sorry`, `admit`, `stop`), changing options or attributes, functions of the candidate's own
(`let rec`), syntax as data, and every command.

Allowed are all other kinds of syntax, also those that Mathlib or the user declare.  A macro or
tactic of the user is the user's code, and so is what it expands to: it was running in this file
before anybody proposed to use it.  What a candidate hands to it is parsed and searched here
first.  Nothing can be smuggled past by expansion into a proof: terms that rest on `sorry` or
on the compiler are found in the elaborated proof again, by `LLMStep.Check`.  Not covered is a
tactic of the user that reads a string or a term which it is given as a program, and runs it.
-/

open Lean Parser

namespace LLMStep

/-- A candidate that is longer is not parsed. -/
def maxLength := 4000

/-- Words that are refused wherever they are parsed as keywords, and why.  Keywords are steadier
between versions of Lean than the names of the nodes in which they stand. -/
private def refusedKeywords : List (String × String) :=
  ["sorry", "admit", "stop"].map (·, "proves nothing") ++
  ["native_decide", "bv_decide", "bv_decide?", "bv_check"].map (·, "rests on the compiler") ++
  ["run_tac", "run_conv", "by_elab", "unsafe", "dbg_trace", "idbg", "plausible", "slim_check",
   "with_panel_widgets"].map (·, "can run code") ++
  ["include_str", "polyrith"].map (·, "reads what is outside of the proof") ++
  ["sleep"].map (·, "cannot be interrupted") ++
  ["llmstep"].map (·, "asks for steps, and is none") ++
  ["set_option", "@["].map (·, "changes what Lean does")

/-- Kinds of syntax that are refused but have no keyword of their own, and why. -/
private def refusedKinds : List (SyntaxNodeKind × String) :=
  [(`Lean.Parser.Term.letRecDecls, "`let rec` declares a function"),
   (`Lean.Parser.Term.whereDecls, "`where` declares a function")]

/-- The kinds that may occur in the value of a configuration option: it is evaluated as a program,
so it has to be a literal, a name, or a structure of such. -/
private def literalKinds : List SyntaxNodeKind :=
  [nullKind, groupKind, choiceKind, numLitKind, `«term{}», `Lean.Parser.Term.structInst,
   `Lean.Parser.Term.structInstFields, `Lean.Parser.Term.structInstField,
   `Lean.Parser.Term.structInstFieldDef, `Lean.Parser.Term.structInstLVal,
   `Lean.Parser.Term.optEllipsis, `Lean.Parser.Term.dotIdent]

private partial def isLiteral : Syntax → Bool
  | .node _ kind args => literalKinds.contains kind && args.all isLiteral
  | _ => true

/-- Whether a node gives values to options; Aesop also has `simp_config`. -/
private def isConfig (kind : SyntaxNodeKind) (args : Array Syntax) : Bool :=
  kind == `Lean.Parser.Tactic.valConfigItem || args.any fun
    | .atom _ text => text.endsWith "config"
    | _ => false

private def hasComment : SourceInfo → Bool
  | .original leading _ trailing _ => !(leading.all Char.isWhitespace && trailing.all Char.isWhitespace)
  | _ => false

private def refusedToken (info : SourceInfo) (text : String) : Option String :=
  if hasComment info then
    some "it contains a comment"
  else if text.startsWith "`(" then
    some s!"`{text}` makes syntax, not a proof"
  else if text.startsWith "#" && !text.endsWith "[" then
    some s!"`{text}` is a command"
  else
    (refusedKeywords.lookup text).map fun reason => s!"`{text}` {reason}"

/-- Why `stx` is not run, or none if it may be.  `commands` are the kinds of all commands. -/
private partial def refusalIn (commands : SyntaxNodeKindSet) (stx : Syntax) : Option String :=
  match stx with
  | .missing => none
  | .atom info text => refusedToken info text
  | .ident info _ name _ =>
    refusedToken info "" <|>
      if name.components.contains `native then some "`native` rests on the compiler" else none
  | .node _ kind args =>
    if stx.isAntiquot || stx.isAntiquotSplice || stx.isAntiquotSuffixSplice then
      some "`$` makes syntax, not a proof"
    else if commands.contains kind then
      some s!"`{stx.getHead?.elim "" (·.getAtomVal)}` is a command"
    else if (`Lean.Server.Test).isPrefixOf kind then
      some "it is made for testing Lean"
    else if isConfig kind args && !args.all isLiteral then
      some "the value of an option is not a literal"
    else
      refusedKinds.lookup kind <|> args.findSome? (refusalIn commands)

/-- Why the parsed candidate `stx` is not run, or none if it may be. -/
def refusal? (env : Environment) (stx : Syntax) : Option String :=
  let commands := (parserExtension.getState env).categories.find? `command
  refusalIn (commands.elim {} (·.kinds)) stx

end LLMStep
