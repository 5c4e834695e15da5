"""One table of goals, candidates and the status that each must get, on every way to ask Lean."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A candidate for the first goal after `before` of `declaration statement := by`.

    `above` is the file's text before it; `before` are tactics, a line each.
    """

    name: str
    statement: str
    candidate: str
    status: str
    above: str = ""
    before: str = ""
    declaration: str = "example"

    def text(self, step: str) -> str:
        """The declaration with `step` where the candidate is to be judged."""
        lines = [*self.before.split("\n"), step] if self.before else [step]
        return f"{self.declaration} {self.statement} := by\n" + "".join(f"  {line}\n" for line in lines)


FINISHES, CLOSES, ADVANCES, REJECTED, REFUSED, UNKNOWN = (
    "finishes",
    "closes",
    "advances",
    "rejected",
    "refused",
    "unknown",
)

_AND = "(p q : Prop) (hp : p) (hq : q) : p ∧ q"
_OR = "(p q : Prop) (h : p ∨ q) : q ∨ p"
_NAT = "(n : Nat) : n + 0 = n"
_LESS = "(a b : Nat) (h : a < b) : a + 1 ≤ b"
_BEFORE_SORRY = "theorem unproved : 1 + 1 = 3 := sorry"
_ADMITTED = "axiom assumed : 1 + 1 = 3"
_META = 'open Lean Elab Tactic in\nelab "{}" : tactic => do {}'
_ASSUME = _META.format(
    "assume",
    "let name := `_example ++ `assumption; let goal ← getMainGoal; "
    "addDecl <| .axiomDecl { name, levelParams := [], type := ← goal.getType, isUnsafe := false }; "
    "goal.assign <| .const name []",
)
_BOGUS = _META.format("bogus", "(← getMainGoal).assign <| .const ``True.intro []")
_ENGINE = 'macro "engine" "(" &"simp_config" ":=" term ")" : tactic => `(tactic| rfl)'
_MACRO = 'macro "cheat" : tactic => `(tactic| sorry)'
_WRITE = 'IO.FS.writeFile "TRACE" "x"'

CASES = (
    # Finishing
    Case("term", _AND, "exact ⟨hp, hq⟩", FINISHES),
    Case("rfl", _NAT, "rfl", FINISHES),
    Case("omega", _LESS, "omega", FINISHES),
    Case("simp", _NAT, "simp", FINISHES),
    Case("decide", ": 2 + 2 = 4", "decide", FINISHES),
    Case("config literal", _NAT, "simp (config := { maxSteps := 100 })", FINISHES),
    Case("config item", _NAT, "simp (maxSteps := 100) +decide", FINISHES),
    Case("simp_config literal", _NAT, "engine (simp_config := { maxSteps := 100 })", FINISHES, above=_ENGINE),
    Case("unicode", "(α β : Prop) (hα : α) (hβ : β) : α ∧ β", "exact ⟨‹α›, ‹β›⟩", FINISHES),
    Case("several lines", _AND, "constructor\n· exact hp\n· exact hq", FINISHES),
    Case("several lines of one step", _OR, "cases h with\n| inl a => exact .inr a\n| inr b =>\n  exact .inl b", FINISHES),
    Case("have and show", _AND, "have h : p ∧ q := by\n  constructor <;> assumption\nexact h", FINISHES),
    Case("braces", _AND, "{ exact ⟨hp, hq⟩ }", FINISHES),
    Case("open in", "(n : Nat) : 0 ≤ n", "open Nat in exact zero_le n", FINISHES),
    Case("case by name", _AND, "case left => exact hp\ncase right => exact hq", FINISHES, before="constructor"),
    Case("last goal", _AND, "exact hq", FINISHES, before="constructor\n· exact hp"),
    Case("deprecated and linted", _AND, "have unused := hp; exact ⟨hp, hq⟩", FINISHES),
    Case("error above", _NAT, "rfl", FINISHES, above="theorem wrong : 1 = 2 := rfl"),
    Case("axiom of the user", ": 1 + 1 = 3", "exact assumed", FINISHES, above=_ADMITTED),
    Case("under forall", ": ∀ n : Nat, n = n", "intro n; rfl", FINISHES),
    Case("under let", "(n : Nat) : let m := n; m = n", "intro m; rfl", FINISHES),
    Case("metavariable", ": ∃ n : Nat, n = 3", "exact ⟨_, rfl⟩", FINISHES),
    Case("calc", "(a b c : Nat) (h : a = b) (k : b = c) : a = c", "calc a = b := h\n  _ = c := k", FINISHES),
    Case("lemma of a theorem", _LESS, "omega", FINISHES, declaration="theorem less"),
    Case("lemma of a private theorem", _LESS, "omega", FINISHES, declaration="private theorem Hidden.less"),
    Case("lemma of a definition", "(n : Nat) (h : 1 < n) : Fin n", "exact ⟨1, by omega⟩", FINISHES, declaration="def one"),
    Case("instance", ": Inhabited (1 = 1)", "exact ⟨rfl⟩", FINISHES, declaration="instance"),
    # Closing one of several
    Case("first of two", _AND, "exact hp", CLOSES, before="constructor"),
    Case("focused by a dot", _AND, "· exact hp", CLOSES, before="constructor"),
    Case("first of two by case", _AND, "case left => assumption", CLOSES, before="constructor"),
    Case("first of three", "(p : Prop) (h : p) : p ∧ p ∧ p", "exact h", CLOSES, before="refine ⟨?_, ?_, ?_⟩"),
    # Advancing
    Case("constructor", _AND, "constructor", ADVANCES),
    Case("holes", _AND, "refine ⟨?_, ?_⟩", ADVANCES),
    Case("one hole", _AND, "refine ⟨hp, ?_⟩", ADVANCES),
    Case("apply", "(p q : Prop) (f : p → q) (h : p) : q", "apply f", ADVANCES),
    Case("apply with metavariables", "(a b c : Nat) (h : a ≤ b) (k : b ≤ c) : a ≤ c", "apply Nat.le_trans", ADVANCES),
    Case("intro", ": ∀ n : Nat, n + 0 = n", "intro n", ADVANCES),
    Case("intro let", "(n : Nat) : let m := n; m + 0 = n", "intro m", ADVANCES),
    Case("exists", ": ∃ n : Nat, n = 3", "refine ⟨?_, ?_⟩", ADVANCES),
    Case("induction", "(n : Nat) : 0 + n = n", "induction n", ADVANCES),
    Case("split a match", "(n : Nat) : (match n with | 0 => 0 | _ => 0) = 0", "split", ADVANCES),
    Case("second of two", _AND, "case right => exact hq", ADVANCES, before="constructor"),
    Case("another order", _AND, "rotate_left", ADVANCES, before="constructor"),
    Case("rename", "(p : Prop) : p → p", "rename_i h", ADVANCES, before="intro"),
    Case("lemma to be proved", "(n : Nat) (h : n = 3) : 1 + 1 = n", "rw [unproved]", ADVANCES, above=_BEFORE_SORRY),
    Case("new hypothesis", _NAT, "have h : 1 = 1 := rfl", ADVANCES),
    # Rejected
    Case("ill-typed", _AND, "exact hp", REJECTED),
    Case("unknown name", _AND, "exact nothing", REJECTED),
    Case("failing", _LESS, "rfl", REJECTED),
    Case("unfinished", _AND, "exact", REJECTED),
    Case("no tactic", _AND, "frobnicate", REJECTED),
    Case("empty", _AND, "", REJECTED),
    Case("command behind", _NAT, "rfl\n#eval 1", REJECTED),
    Case("declaration behind", _NAT, "rfl\ntheorem x : 1 = 1 := rfl", REJECTED),
    Case("macro behind", _NAT, f'rfl\nmacro "evil" : tactic => `(tactic| run_tac {_WRITE})\nevil', REJECTED),
    Case("elaborator behind", _NAT, f'rfl\nelab "evil" : tactic => do {_WRITE}\nevil', REJECTED),
    Case("code at once", _NAT, f"rfl\nrun_cmd {_WRITE}", REJECTED),
    Case("bracket behind", _NAT, "rfl)", REJECTED),
    Case("unclosed", _AND, "exact (hp", REJECTED),
    Case("error in a branch", _OR, "cases h with\n| inl a => exact a\n| inr b => exact .inl b", REJECTED),
    Case("unsolved dot", _AND, "· skip", REJECTED),
    Case("natural metavariable", ": ∃ n : Nat, n = n", "exact ⟨_, rfl⟩", REJECTED),
    Case("false decided", ": 1 = 2", "decide", REJECTED),
    Case("ill-typed to the kernel only", ": 1 + 1 = 3", "bogus", REJECTED, above=_BOGUS),
    # Refused
    Case("sorry", _AND, "sorry", REFUSED),
    Case("sorry in a term", _AND, "exact sorry", REFUSED),
    Case("sorry in a block", _AND, "exact (by sorry)", REFUSED),
    Case("sorry in reserve", _LESS, "first | omega | sorry", REFUSED),
    Case("sorry in a string", ': "a" = "a"', 'exact (s!"{(by sorry : Nat)}" ▸ rfl)', REFUSED),
    Case("sorry by its name", _AND, "exact sorryAx _ false", REFUSED),
    Case("sorry in a part", "(p : Prop) : ∀ _ : Nat, p ∧ p", "intro _; refine ⟨sorryAx _ true, ?_⟩", REFUSED),
    Case("sorry of a lemma", ": 1 + 1 = 3", "exact unproved", REFUSED, above=_BEFORE_SORRY),
    Case("sorry of a macro", _LESS, "cheat", REFUSED, above=_MACRO),
    Case("axiom of the candidate", ": 1 + 1 = 3", "assume", REFUSED, above=_ASSUME),
    Case("admit", _AND, "admit", REFUSED),
    Case("stop", _AND, "stop rfl", REFUSED),
    Case("native_decide", ": 2 + 2 = 4", "native_decide", REFUSED),
    Case("decide natively", ": 2 + 2 = 4", "decide +native", REFUSED),
    Case("decide natively by option", ": 2 + 2 = 4", "decide (config := { native := true })", REFUSED),
    Case("compiler by its name", "(b : Bool) : b = b", "exact (fun _ => rfl) (Lean.trustCompiler)", REFUSED),
    Case("bv_decide", "(x : BitVec 8) : x = x", "bv_decide", REFUSED),
    Case("itself", _AND, "exact _example p q hp hq", REFUSED),
    Case("theorem by itself", _NAT, "exact itself n", REFUSED, declaration="theorem itself"),
    Case("no step", _AND, "skip", REFUSED),
    Case("no step with a hole", _AND, "refine ?_", REFUSED),
    Case("no step, tried", _AND, "try omega", REFUSED),
    Case("comment", _AND, "exact ⟨hp, hq⟩ -- done", REFUSED),
    Case("option", _NAT, "set_option maxRecDepth 10000 in rfl", REFUSED),
    Case("option of a term", _NAT, "exact set_option maxRecDepth 10000 in rfl", REFUSED),
    Case("function of its own", _NAT, "exact (let rec f : Nat := 1; rfl)", REFUSED),
    Case("sleep", _NAT, "sleep 100000", REFUSED),
    # Code that would leave a file
    Case("run_tac", _NAT, f"run_tac {_WRITE}", REFUSED),
    Case("run_tac, opened", _NAT, f"open Lean Elab Tactic in run_tac {_WRITE}", REFUSED),
    Case("run_tac in a block", _NAT, f"first | (run_tac {_WRITE}) | rfl", REFUSED),
    Case("by_elab", _NAT, f"exact by_elab do {_WRITE}; return default", REFUSED),
    Case("include_str", _NAT, 'exact (fun _ => rfl) (include_str "Cases.lean")', REFUSED),
    Case("unsafe", _NAT, f"exact unsafe (fun _ => rfl) (unsafeIO ({_WRITE}))", REFUSED),
    Case("config program", _NAT, f"simp (config := match ({_WRITE}) with | _ => {{}})", REFUSED),
    Case("config item program", _NAT, f"simp (maxSteps := (unsafeIO ({_WRITE}), 1).2)", REFUSED),
    Case("simp_config program", _NAT, f"engine (simp_config := match ({_WRITE}) with | _ => {{}})", REFUSED, above=_ENGINE),
    Case("quotation", _NAT, "exact (fun _ => rfl) `(tactic| skip)", REFUSED),
    Case("antiquotation", _NAT, "exact $x", REFUSED),
    Case("attribute", _NAT, "exact (let rec @[implemented_by f] f : Nat := 1; rfl)", REFUSED),
    # Endless
    Case("repeat", _AND, "repeat skip", UNKNOWN),
    Case("repeat on goals", _AND, "repeat' refine id ?_", UNKNOWN),
    Case("simp in circles", "(f : Nat → Nat) (h : ∀ x, f x = f (x + 1)) : f 0 = 0", "simp only [h]", UNKNOWN),
    Case("deep recursion", _NAT, "iterate 300 (iterate 300 (iterate 300 skip))", UNKNOWN),
)  # fmt: skip
