/-! Proofs of many shapes, whose steps tests extract and replay. -/

namespace Space

/-- Doubles. -/
def double : Nat → Nat
  | 0 => 0
  | n + 1 => double n + 2

private theorem hidden (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  constructor
  · exact hp
  · -- a comment
    exact hq

theorem double_eq (n : Nat) : double n = 2 * n := by
  induction n with
  | zero => rfl
  | succ n ih =>
    simp only [double,
      ih]
    omega

theorem both (p q : Prop) (hp : p) (hq : q) : p ∧ q ∧ p := by
  have h : p ∧ q := by
    exact hidden p q hp hq
  refine ⟨?_, ?_, ?_⟩
  case refine_1 => exact h.1
  all_goals first | exact h.2 | exact h.1

theorem split (α : Type) (xs ys : List α) : (xs ++ ys).length = ys.length + xs.length := by
  rw [List.length_append]; exact Nat.add_comm ..

example (a b c : Nat) (h₁ : a = b) (h₂ : b = c) : a = c := by
  calc a = b := by exact h₁
    _ = c := by
      rw [h₂]

example (p q : Prop) : p ∨ q → q ∨ p := by
  intro h
  rcases h with hp | hq <;> first | (right; assumption) | (left; assumption)

example (a b : Nat) (h : a = b) : b + 0 = a := by
  conv =>
    lhs
    rw [Nat.add_zero]
  (exact h.symm)

example (p q r : Prop) : p ∧ q ∧ r → r := fun ⟨_, h⟩ => by
  have ⟨_, hr⟩ := h
  exact (by assumption)

instance : Inhabited (Fin 3) where
  default := ⟨1, by decide⟩

mutual
theorem even_or (n : Nat) : n = n := by
  cases n with
  | zero => rfl
  | succ n => exact congrArg (· + 1) (odd_or n)
theorem odd_or (n : Nat) : n = n := by
  cases n with
  | _ => rfl
end

def countdown (n : Nat) : Nat := if h : n = 0 then 0 else go (n - 1)
where
  go (m : Nat) : Nat := have : m = m := by rfl
    m

def log (n : Nat) : Nat := if h : n ≤ 1 then 0 else log (n / 2) + 1
termination_by n
decreasing_by
  have : 1 < n := by omega
  exact Nat.div_lt_self (by omega) (by decide)

theorem wrong : 1 = 2 := by
  skip
  rfl

theorem unparsed (p q : Prop) (hp : p) : p ∨ q := by
  left
  exact (hp

theorem unfinished (p q : Prop) (hp : p) : p ∧ q := by
  constructor
  · exact hp
  · sorry

theorem late (p : Prop) (h : p) : p := by
  have h' : p := by
    sorry
  { exact h }

#guard_msgs (drop error) in
example : 1 = 2 := by
  skip
  rfl

macro "close" : tactic => `(tactic| (skip; rfl))

example : "𝔸→β".length = 3 := by
  have : "𝔸→β" = "𝔸→β" := rfl; close

theorem iff (p q : Prop) : (p → q) → (q → p) → (p ↔ q) := by
  intro f g
  exact
    ⟨f,
     g⟩

variable {α : Type} in
open List in
theorem nested (x : α) : x ∈ [x] := by
  if h : 1 = 1 then
    simp
  else
    exact absurd rfl h

theorem matched (n : Nat) (h : n = 0 ∨ n = 0) : n = 0 := by
  match h with
  | .inl h => exact h
  | .inr h =>
    suffices k : n = 0 from k
    show n = 0
    exact h

theorem ordered (xs : List Nat) (h : xs ≠ []) : ∃ x, x ∈ xs := by
  obtain ⟨x, rest, rfl⟩ : ∃ x rest, xs = x :: rest := by
    cases xs with
    | nil => contradiction
    | cons x rest => exact ⟨x, rest, rfl⟩
  exists x
  repeat (first | assumption | constructor)

theorem changed (n : Nat) (h : 0 < n) : ∃ m, m + 1 = n := by
  have := Nat.succ_pred_eq_of_pos
    h -- applied
  refine ⟨n - 1, ?_⟩
  next => show n - 1 + 1 = n
          exact Nat.sub_add_cancel h

theorem laid_out (p q : Prop) (hp : p) (hq : q) (n : Nat) : p ∧ q ∧ n + 0 = n := by
  have k := hp; have both : p ∧ q := And.intro
    k hq
  cases n with
  | zero => exact ⟨both.1, both.2, by
    cases q_or : decide (1 = 1) with
    | true => rfl
    | false =>
        skip
        rfl⟩
  | succ n => constructor; exact k; exact And.intro hq (by skip
                                                           exact Nat.add_zero _)

end Space
