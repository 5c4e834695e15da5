import pytest

from llmstep_lsp.domain.guard import MAX_LENGTH, malformed, refusal

ALLOWED = [
    "exact ⟨hp, hq⟩",
    "simp (config := { decide := true }) [foo, ← bar] at h ⊢",
    "cases h with\n| inl a => exact a\n| inr b => simp",
    'exact absurd "-- sorry" h',
    "exact sorry_free",
    "open Nat in simp",
    "rw [show 1 = 1 from rfl]",
    "exact h.section",
    "exact f $ g h",
]

REFUSED = {
    "exact sorry": "`sorry` proves nothing",
    "first | omega | sorry": "`sorry` proves nothing",
    "exact (by admit)": "`admit` proves nothing",
    "exact sorryAx _ false": "`sorryAx` is not safe to elaborate",
    "native_decide": "`native_decide` rests on the compiler",
    "decide +native": "`native` rests on the compiler",
    "exact of_decide_eq_true (Lean.ofReduceBool _ _ rfl)": "`Lean.ofReduceBool` is not safe to elaborate",
    'run_tac IO.FS.writeFile "x" "y"': "`run_tac` can run code",
    "exact by_elab return default": "`by_elab` can run code",
    'exact include_str "x"': "`include_str` can run code",
    "open Lean in run_tac pure ()": "`run_tac` can run code",
    "exact unsafeCast h": "`unsafeCast` is not safe to elaborate",
    'exact (s!"{by sorry}" ▸ h)': "a string with a brace can hold code",
    "exact f `(tactic| skip)": "``(` makes syntax, not a proof",
    "exact $x": "`$x` makes syntax, not a proof",
    "exact (let rec f := 1; h)": "`let rec` declares a function",
    "sleep 100": "`sleep` cannot be interrupted",
    "simp -- then": "it contains a comment, or a string without an end",
    "simp /- then": "it contains a comment, or a string without an end",
    'exact "then': "it contains a comment, or a string without an end",
    "\tsimp": "it contains a tab or a carriage return",
    "exact self h": "it uses `self`, which is being proved",
    "a" * (MAX_LENGTH + 1): f"it is longer than {MAX_LENGTH} characters",
}


MALFORMED = {
    "rfl\n#eval 1": "`#eval` is not part of a tactic",
    "rfl\ntheorem x : 1 = 1 := rfl": "`theorem` is not part of a tactic",
    "rfl\nend": "`end` is not part of a tactic",
    'rfl\nmacro "x" : tactic => `(tactic| rfl)': "`macro` is not part of a tactic",
    "exact (h": "`(` is not closed",
    "exact h)": "`)` closes nothing",
    "exact (h]": "`]` closes nothing",
    "": "it is empty",
}


@pytest.mark.parametrize("candidate", ALLOWED)
def test_harmless_steps_pass(candidate: str) -> None:
    assert malformed(candidate) is None
    assert refusal(candidate, "self") is None


@pytest.mark.parametrize(("candidate", "reason"), MALFORMED.items())
def test_what_is_no_tactic_sequence(candidate: str, reason: str) -> None:
    assert malformed(candidate) == reason


def test_an_example_does_not_prove_itself() -> None:
    assert refusal("exact _example h", "") == "it uses `_example`, which is being proved"


@pytest.mark.parametrize(("candidate", "reason"), REFUSED.items())
def test_refused(candidate: str, reason: str) -> None:
    assert refusal(candidate, "self") == reason


def test_a_root_name_is_refused_without_its_root() -> None:
    assert (
        refusal("exact Foo.self h", "_root_.Foo.self") == "it uses `_root_.Foo.self`, which is being proved"
    )
