"""The places where a person asks, each with the text that one of the answers must make of the file.

`‸` marks the cursor.
"""

AND = "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := by"
EQ = "example (a b c : Nat) (h : a = b) (k : b = c) : a = c := by"

CASES = {
    "empty line": (
        f"{AND}\n  ‸\n",
        f"{AND}\n  exact ⟨hp, hq⟩\n",
    ),
    "empty line without indentation": (
        f"{AND}\n  constructor\n  · exact hp\n‸",
        f"{AND}\n  constructor\n  · exact hp\n  exact hq",
    ),
    "empty line between tactics": (
        f"{AND}\n  constructor\n  ‸\n  exact hq\n",
        f"{AND}\n  constructor\n  exact hp\n  exact hq\n",
    ),
    "end of line after `by`": (
        f"{AND}‸\n",
        f"{AND}\n  exact ⟨hp, hq⟩\n",
    ),
    "end of line after `by`, above `sorry`": (
        f"{AND}‸\n  sorry\n",
        f"{AND}\n  exact ⟨hp, hq⟩\n",
    ),
    "below the alternatives of `cases`": (
        "theorem t (p q : Prop) (h : p ∨ q) (k : p) : (q ∨ p) ∧ p := by\n  constructor\n  cases h with\n"
        "  | inl x => exact Or.inr x\n  | inr x => exact Or.inl x\n  ‸\n",
        "theorem t (p q : Prop) (h : p ∨ q) (k : p) : (q ∨ p) ∧ p := by\n  constructor\n  cases h with\n"
        "  | inl x => exact Or.inr x\n  | inr x => exact Or.inl x\n  exact k\n",
    ),
    "after a complete tactic with goals left": (
        f"{AND}\n  constructor‸\n  exact hq\n",
        f"{AND}\n  constructor\n  exact hp\n  exact hq\n",
    ),
    "after a tactic that goes over several lines": (
        f"{AND}\n  refine\n    ⟨?_,\n      ?_⟩‸\n  exact hq\n",
        f"{AND}\n  refine\n    ⟨?_,\n      ?_⟩\n  exact hp\n  exact hq\n",
    ),
    "after a finished bullet with goals left": (
        f"{AND}\n  constructor\n  · exact hp‸\n",
        f"{AND}\n  constructor\n  · exact hp\n  exact hq\n",
    ),
    "on `sorry`": (
        f"{AND}\n  constructor\n  · so‸rry\n  · exact hq\n",
        f"{AND}\n  constructor\n  · exact hp\n  · exact hq\n",
    ),
    "on a term `sorry`": (
        "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := ⟨sorry‸, hq⟩\n",
        "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := ⟨by exact hp, hq⟩\n",
    ),
    "half-typed tactic": (
        f"{AND}\n  exa‸\n",
        f"{AND}\n  exact ⟨hp, hq⟩\n",
    ),
    "half-typed tactic with an argument": (
        "theorem t (xs : List Nat) : xs ++ [] = xs := by\n  induction x‸\n",
        "theorem t (xs : List Nat) : xs ++ [] = xs := by\n  induction xs with\n  | nil => simp\n"
        "  | cons x xs ih => simp_all\n",
    ),
    "wrong tactic": (
        "theorem t (a b : Nat) (h : a = b) : b = a := by\n  rw [k‸]\n",
        None,
    ),
    "on `llmstep`": (
        f"{AND}\n  llmstep‸\n",
        f"{AND}\n  exact ⟨hp, hq⟩\n",
    ),
    "on `llmstep` with a prefix": (
        f'{AND}\n  llmstep "simp"‸\n',
        f"{AND}\n  simp [hq, hp]\n",
    ),
    "inside a bullet": (
        f"{AND}\n  constructor\n  · exact hp\n  ·‸\n",
        f"{AND}\n  constructor\n  · exact hp\n  · exact hq\n",
    ),
    "below a bullet's tactic": (
        "theorem t (p q : Prop) (hq : q) : p → q ∧ True := by\n  intro h\n  constructor\n  · skip\n    ‸\n  · trivial\n",
        "theorem t (p q : Prop) (hq : q) : p → q ∧ True := by\n  intro h\n  constructor\n  · skip\n    exact hq\n  · trivial\n",
    ),
    "inside `case`": (
        f"{AND}\n  constructor\n  case right => exact hq\n  case left =>\n    ‸\n",
        f"{AND}\n  constructor\n  case right => exact hq\n  case left =>\n    exact hp\n",
    ),
    "inside an arm of `induction`": (
        "theorem t (n : Nat) : 0 + n = n := by\n  induction n with\n  | zero =>‸\n  | succ n ih => omega\n",
        "theorem t (n : Nat) : 0 + n = n := by\n  induction n with\n  | zero =>\n    rfl\n  | succ n ih => omega\n",
    ),
    "inside `have … := by`": (
        f"{EQ}\n  have h2 : c = b := by‸\n  exact h.trans k\n",
        f"{EQ}\n  have h2 : c = b := by\n    exact k.symm\n  exact h.trans k\n",
    ),
    "first step of `calc`": (
        f"{EQ}\n  calc a = b := by ‸\n    _ = c := k\n",
        f"{EQ}\n  calc a = b := by exact h\n    _ = c := k\n",
    ),
    "later step of `calc`": (
        f"{EQ}\n  calc a = b := h\n    _ = c := by‸\n",
        f"{EQ}\n  calc a = b := h\n    _ = c := by\n      exact k\n",
    ),
    "`by` on one line": (
        "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := ⟨by ‸, hq⟩\n",
        "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := ⟨by exact hp, hq⟩\n",
    ),
    "after a tactic of a `by` on one line": (
        "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := (by constructor; exact hp‸)\n",
        "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := (by constructor; exact hp; exact hq)\n",
    ),
    "several lines, indented": (
        "theorem t (p : Prop) (hp : p) (xs : List Nat) : xs ++ [] = xs ∧ p := by\n  constructor\n  · llmstep \"induction xs with\"‸\n  · exact hp\n",
        "theorem t (p : Prop) (hp : p) (xs : List Nat) : xs ++ [] = xs ∧ p := by\n  constructor\n"
        "  · induction xs with\n    | nil => simp\n    | cons x xs ih => simp_all\n  · exact hp\n",
    ),
    "CRLF": (
        f"{AND}\r\n  constructor‸\r\n  exact hq\r\n",
        f"{AND}\r\n  constructor\r\n  exact hp\r\n  exact hq\r\n",
    ),
    "tab before the cursor": (
        f"/-\ta tab -/\n{AND}\n\t‸\n",
        f"/-\ta tab -/\n{AND}\n  exact ⟨hp, hq⟩\n",
    ),
    "astral characters": (
        "theorem t (𝔽 𝒫 : Prop) (h𝔽 : 𝔽) (h𝒫 : 𝒫) : 𝔽 ∧ 𝒫 := ⟨by exac‸, h𝒫⟩ -- 𝔽𝒫\n",
        "theorem t (𝔽 𝒫 : Prop) (h𝔽 : 𝔽) (h𝒫 : 𝒫) : 𝔽 ∧ 𝒫 := ⟨by exact h𝔽, h𝒫⟩ -- 𝔽𝒫\n",
    ),
    "no final newline": (
        f"{AND}\n  constructor\n  exact hp\n  ‸",
        f"{AND}\n  constructor\n  exact hp\n  exact hq",
    ),
    "error above, in another declaration": (
        f"theorem broken : 1 + := by\n  simp\n\n{AND}\n  ‸\n",
        f"theorem broken : 1 + := by\n  simp\n\n{AND}\n  exact ⟨hp, hq⟩\n",
    ),
    "incomplete tactic above another": (
        f"{AND}\n  constructor\n  exact‸\n  exact hq\n",
        f"{AND}\n  constructor\n  exact hp\n  exact hq\n",
    ),
    "sorry as an argument": (
        "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := And.intro sorry‸ hq\n",
        "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := And.intro (by exact hp) hq\n",
    ),
    "inside the brackets of a half-typed tactic": (
        "theorem t (a b : Nat) (h : a = b) (f : Nat → Nat) : f a = f b := by\n  rw [h‸\n",
        "theorem t (a b : Nat) (h : a = b) (f : Nat → Nat) : f a = f b := by\n  rw [h]\n",
    ),
    "after `decreasing_by`": (
        "def f (n : Nat) : Nat := if h : n = 0 then 0 else f (n / 2)\ntermination_by n\ndecreasing_by‸\n",
        "def f (n : Nat) : Nat := if h : n = 0 then 0 else f (n / 2)\ntermination_by n\ndecreasing_by\n  omega\n",
    ),
    "in a finished proof, above lines that need the goal": (f"{AND}\n  const‸ructor\n  · exact hp\n  · exact hq\n", None),
    "after `by` of a finished proof": ("theorem t (p : Prop) (hp : p) : p := by‸\n  exact hp\n", None),
    "all goals proved": (f"{AND}\n  exact ⟨hp, hq⟩‸\n", None),
    "no tactic block": ("def x := 1‸\n", None),
}  # fmt: skip
