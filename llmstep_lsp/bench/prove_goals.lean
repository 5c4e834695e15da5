/-!
# Goals for `llmstep-lsp bench prove`

Each `sorry` is a goal that takes a person two to five steps, as a rule; some take a lemma or a
generalisation that has to be found first, so not all can be expected to be solved.  They need
nothing but core Lean.

About 110 statements were written for this file, of the kinds that the headings name.  Kept were those
for which `llmstep-lsp suggest --all` with its default generator, the symbolic portfolio, found no
single step that closes the goal; the others went because `grind`, `exact?` or an induction that
`simp_all` finishes does it, or because they would take a person much longer.
-/

namespace ProveGoals

/-! ## Logic: nested connectives and quantifiers -/

theorem barber {α : Type} (r : α → α → Prop) : ¬∃ x, ∀ y, r x y ↔ ¬r y y := by
  sorry

theorem swap_quantifiers {α β : Type} (r : α → β → Prop) (h : ∃ x, ∀ y, r x y) :
    ∀ y, ∃ x, r x y := by
  sorry

theorem diagonal {α : Type} (f : α → α → Prop) : ∃ g : α → Prop, ∀ x, f x ≠ g := by
  sorry

theorem prop_functional (f : Prop → Prop) (h : f True) (k : f False) (p : Prop) : f p := by
  sorry

theorem exists_predicate {α : Type} (a b : α) (h : a ≠ b) : ∃ P : α → Prop, P a ∧ ¬P b := by
  sorry

/-! ## Relations by constructors -/

inductive Even : Nat → Prop where
  | zero : Even 0
  | step (n : Nat) : Even n → Even (n + 2)

theorem even_four : Even 4 := by
  sorry

theorem even_six : Even 6 := by
  sorry

theorem even_among (p q : Prop) (hp : p) (hq : q) : p ∧ Even 4 ∧ q := by
  sorry

theorem exists_even (n : Nat) (h : Even n) : ∃ m, Even m ∧ n < m := by
  sorry

theorem even_add (m n : Nat) (h : Even m) (k : Even n) : Even (n + m) := by
  sorry

theorem even_double (n : Nat) : Even (n + n) := by
  sorry

theorem not_even_one : ¬Even 1 := by
  sorry

theorem not_even_three : ¬Even 3 := by
  sorry

theorem even_half (n : Nat) (h : Even n) : ∃ k, n = k + k := by
  sorry

theorem even_or_next (n : Nat) : Even n ∨ Even (n + 1) := by
  sorry

inductive Star {α : Type} (r : α → α → Prop) : α → α → Prop where
  | refl (a : α) : Star r a a
  | head {a b c : α} : r a b → Star r b c → Star r a c

theorem star_single {α : Type} (r : α → α → Prop) (a b : α) (h : r a b) : Star r a b := by
  sorry

theorem star_two {α : Type} (r : α → α → Prop) (a b c : α) (h : r a b) (k : r b c) :
    Star r a c := by
  sorry

theorem star_trans {α : Type} (r : α → α → Prop) (a b c : α) (h : Star r a b) (k : Star r b c) :
    Star r a c := by
  sorry

theorem star_mono {α : Type} (r s : α → α → Prop) (i : ∀ a b, r a b → s a b) (a b : α)
    (h : Star r a b) : Star s a b := by
  sorry

theorem star_le (a b : Nat) (h : Star (fun m n => n = m + 1) a b) : a ≤ b := by
  sorry

theorem star_concrete : Star (fun m n => n = m + 1) 2 4 := by
  sorry

inductive Reach : Nat → Nat → Prop where
  | here (n : Nat) : Reach n n
  | next (m n : Nat) : Reach (m + 1) n → Reach m n

theorem reach_five : Reach 2 5 := by
  sorry

theorem acc_nothing (n : Nat) : Acc (fun a b : Nat => a < b ∧ b = 0) n := by
  sorry

inductive Sub {α : Type} : List α → List α → Prop where
  | nil : Sub [] []
  | skip (y : α) (xs ys : List α) : Sub xs ys → Sub xs (y :: ys)
  | keep (y : α) (xs ys : List α) : Sub xs ys → Sub (y :: xs) (y :: ys)

theorem sub_refl {α : Type} (xs : List α) : Sub xs xs := by
  sorry

theorem nil_sub {α : Type} (xs : List α) : Sub [] xs := by
  sorry

theorem sub_map {α β : Type} (f : α → β) (xs ys : List α) (h : Sub xs ys) :
    Sub (xs.map f) (ys.map f) := by
  sorry

theorem sub_of_three (a b c : Nat) : Sub [a, c] [a, b, c] := by
  sorry

inductive SameLength {α β : Type} : List α → List β → Prop where
  | nil : SameLength [] []
  | cons (x : α) (y : β) (xs : List α) (ys : List β) : SameLength xs ys → SameLength (x :: xs) (y :: ys)

theorem same_length_three : SameLength [1, 2, 3] [true, false, true] := by
  sorry

theorem same_length_symm (xs : List Nat) (ys : List Bool) (h : SameLength xs ys) :
    SameLength ys xs := by
  sorry

/-! ## Recursive functions and types -/

inductive Tree (α : Type) where
  | leaf : Tree α
  | node : Tree α → α → Tree α → Tree α

def Tree.mirror {α : Type} : Tree α → Tree α
  | .leaf => .leaf
  | .node l x r => .node r.mirror x l.mirror

def Tree.size {α : Type} : Tree α → Nat
  | .leaf => 0
  | .node l _ r => l.size + r.size + 1

def Tree.mem {α : Type} (a : α) : Tree α → Prop
  | .leaf => False
  | .node l x r => l.mem a ∨ a = x ∨ r.mem a

theorem mirror_and_size {α : Type} (s t : Tree α) :
    s.mirror.mirror = s ∧ t.mirror.size = t.size := by
  sorry

theorem size_pos {α : Type} (t : Tree α) (h : 0 < t.size) : ∃ a, t.mem a := by
  sorry

def revOnto {α : Type} : List α → List α → List α
  | [], ys => ys
  | x :: xs, ys => revOnto xs (x :: ys)

theorem revOnto_eq {α : Type} (xs ys : List α) : revOnto xs ys = xs.reverse ++ ys := by
  sorry

def sumOnto : List Nat → Nat → Nat
  | [], n => n
  | x :: xs, n => sumOnto xs (n + x)

theorem sumOnto_eq (xs : List Nat) (n : Nat) : sumOnto xs n = xs.sum + n := by
  sorry

def double : Nat → Nat
  | 0 => 0
  | n + 1 => double n + 2

def half : Nat → Nat
  | 0 => 0
  | 1 => 0
  | n + 2 => half n + 1

theorem double_twice (m n : Nat) : double m = m + m ∧ double n = 2 * n := by
  sorry

theorem half_le (n : Nat) : half n ≤ n := by
  sorry

theorem double_injective (m n : Nat) (h : double m = double n) : m = n := by
  sorry

theorem exists_double (n : Nat) : ∃ k, double k = n + n := by
  sorry

inductive Light where
  | red
  | green
  | amber

def Light.next : Light → Light
  | .red => .green
  | .green => .amber
  | .amber => .red

theorem light_reached (c d : Light) : c = d ∨ c.next = d ∨ c.next.next = d := by
  sorry

theorem next_injective (c d : Light) (h : c.next = d.next) : c = d := by
  sorry

theorem light_functions (f g : Light → Nat) (r : f .red = g .red) (a : f .green = g .green)
    (b : f .amber = g .amber) : f = g := by
  sorry

/-! ## Case splits and rewriting -/

theorem bool_function (f : Bool → Bool) (b : Bool) : f (f (f b)) = f b := by
  sorry

theorem shifted_functions (f g : Nat → Nat) (zero : f 0 = g 0) (h : ∀ n, f (n + 1) = g (n + 1)) :
    f = g := by
  sorry

theorem iterate_shift {α : Type} (f : α → α) (n : Nat) (x : α) :
    Nat.repeat f n (f x) = f (Nat.repeat f n x) := by
  sorry

/-! ## Witnesses -/

theorem exists_square : ∃ n : Nat, n * n = 49 := by
  sorry

theorem exists_between (a b : Nat) (h : a + 1 < b) : ∃ c, a < c ∧ c < b := by
  sorry

theorem exists_bound (f : Nat → Nat) : ∃ b, f 0 ≤ b ∧ f 1 ≤ b := by
  sorry

theorem exists_larger (a b : Nat) : ∃ c, a < c ∧ b < c := by
  sorry

theorem sum_of_multiples (a b c : Nat) (h : ∃ k, b = a * k) (l : ∃ k, c = a * k) :
    ∃ k, b + c = a * k := by
  sorry

theorem dvd_combination (a b c : Nat) (h : a ∣ b) (k : a ∣ c) (n : Nat) : a ∣ n * b + c * n := by
  sorry

/-! ## Lists -/

theorem all_or_some (p : Nat → Prop) (xs : List Nat) (h : ∀ x ∈ xs, p x) (k : xs ≠ []) :
    ∃ x, p x := by
  sorry

theorem length_two (xs : List Nat) (h : xs.length = 2) : ∃ a b, xs = [a, b] := by
  sorry

/-! ## Numbers -/

theorem even_or_odd (n : Nat) : (∃ k, n = 2 * k) ∨ ∃ k, n = 2 * k + 1 := by
  sorry

end ProveGoals
