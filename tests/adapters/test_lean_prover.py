"""The contract of `Prover` on real Lean, with and without the Lean package."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.domain.model import Status, Verdict
from llmstep_lsp.ports import Prover
from tests.judging import KINDS, prover_of, state_in, verdict_on

pytestmark = [pytest.mark.lean, pytest.mark.asyncio(loop_scope="module")]

AND = "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := by\n"
CASES = AND + "  constructor\n  case left =>\n    ‸\n  case right => exact hq\n"
TWO = AND + "  constructor\n  ‸\n  exact hq\n"
LIES = (
    'macro "lie" : tactic => `(tactic| exact sorry)\n'
    "theorem unproved (p : Prop) : p := sorry\n"
    "theorem cheap : 2 + 2 = 4 := by native_decide\n"
)
NAT = "theorem t (n : Nat) : n + 0 = 0 + n := by\n  ‸\n"

VERDICTS: list[tuple[str, str, str, str | tuple[str, ...]]] = [
    # file, candidate, status, what remains or why
    (AND + "  ‸", "exact ⟨hp, hq⟩", "finishes", ()),
    (AND + "  ‸", "constructor", "advances", ("p", "q")),
    (AND + "  ‸", "refine ⟨?_, ?_⟩", "advances", ("p", "q")),
    (AND + "  ‸", "refine ⟨?_, hq⟩", "advances", ("p",)),
    (AND + "  ‸", "constructor\n· exact hp\n· exact hq", "finishes", ()),
    (AND + "  ‸", "have h : q := by\n  exact hq", "advances", ("p ∧ q",)),
    (AND + "  ‸", "exact And.intro ?_ hq", "rejected", "don't know how to synthesize placeholder"),
    (AND + "  ‸", "exact hp", "rejected", "Type mismatch"),
    (AND + "  ‸", "exact nonsense", "rejected", "Unknown identifier `nonsense`"),
    (AND + "  ‸", "exact ⟨by skip, hq⟩", "rejected", "unsolved goals"),
    (AND + "  ‸", "have h : q := by", "rejected", ""),
    (AND + "  ‸", "constructor <;>", "rejected", "unexpected"),
    (AND + "  ‸", "exact", "rejected", "unexpected"),
    (AND + "  ‸", "this is not a tactic", "rejected", ""),
    (AND + "  ‸", "rfl\n· trivial", "rejected", ""),
    (AND + "  ‸", "skip", "refused", "it leaves the goals as they were"),
    (AND + "  ‸", "exact t p q hp hq", "refused", "it uses `t`, which is being proved"),
    (AND + "  ‸", "exact sorry", "refused", "`sorry` proves nothing"),
    (CASES, "exact hp", "finishes", ()),
    (CASES, "exact hq", "rejected", "Type mismatch"),
    (TWO, "exact hp", "closes", ("q",)),
    (TWO, "exact", "rejected", ""),
    (TWO, "all_goals assumption", "closes", ()),
    (TWO.replace("  ‸\n", "  ‸\n  exact hp\n"), "exact hp", "refused", "the lines below it fail because of it"),
    (NAT.replace("‸\n", "‸\n  simp\n"), "cases n", "refused", "the proof is finished without it, and not with it"),
    (AND + "  constructor\n  ‸", "exact hp", "closes", ("q",)),
    (LIES + AND + "  ‸", "lie", "refused", "rests on `sorry"),
    (LIES + AND + "  ‸", "exact unproved _", "refused", "rests on `sorryAx`"),
    (LIES + "example (p : Prop) : p := by\n  ‸", "exact unproved p", "refused", "rests on `sorryAx`"),
    (LIES + "theorem t : 2 + 2 = 4 := by\n  ‸", "exact cheap", "refused", "ofReduceBool`"),
    (LIES + "example : 2 + 2 = 4 := by\n  ‸", "rfl", "finishes", ()),
    ("namespace A\nprivate theorem t : 1 = 1 := by\n  ‸\nend A", "rfl", "finishes", ()),
    ("instance : Inhabited Nat := by\n  ‸", "exact ⟨0⟩", "finishes", ()),
    (NAT, "induction n with\n| zero => rfl\n| succ n ih => omega", "finishes", ()),
    (NAT, "induction n with\n| zero => rfl\n| succ n ih => skip", "rejected", "unsolved goals"),
    (NAT, "cases n", "advances", ("0 + 0 = 0 + 0", "n✝ + 1 + 0 = 0 + (n✝ + 1)")),
    ("theorem t : ∀ x : Nat, x = x := by\n  ‸", "intro x", "advances", ("x = x",)),
    ("theorem t : let y := 2; y = 2 := by\n  ‸", "intro y", "advances", ("y = 2",)),
    ("theorem 𝔽 (𝒫 : Prop) (h : 𝒫) : 𝒫 ∨ 𝒫 := by\n  ‸", "exact .inl h", "finishes", ()),
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def prover(request: pytest.FixtureRequest, real_lean: Toolchain) -> AsyncGenerator[Prover, None]:
    async with prover_of(request.param, real_lean, seconds=30) as one:
        yield one


@pytest.mark.parametrize(
    "case", VERDICTS, ids=[f"{number} {case[1]!r}" for number, case in enumerate(VERDICTS)]
)
async def test_verdicts(
    prover: Prover, lean_folder: Path, case: tuple[str, str, str, str | tuple[str, ...]]
) -> None:
    marked, candidate, status, said = case
    verdict = await verdict_on(prover, await state_in(prover, lean_folder / "Judged.lean", marked), candidate)
    assert verdict.status.value == status, verdict
    if isinstance(said, tuple):
        assert tuple(goal.target for goal in verdict.goals) == said
    else:
        assert said in verdict.reason


async def test_what_lean_proposes_comes_with_the_verdict(prover: Prover, lean_folder: Path) -> None:
    asked = "theorem t (xs : List Nat) : xs ++ [] = xs := by\n  ‸"
    verdict = await verdict_on(prover, await state_in(prover, lean_folder / "Judged.lean", asked), "simp?")
    assert verdict == Verdict(Status.FINISHES, proposals=("simp only [List.append_nil]",))


async def test_an_endless_candidate_is_unknown_and_the_next_one_is_judged(
    real_lean: Toolchain, lean_folder: Path
) -> None:
    """That a hooked prover gets over one too, `test_hooked_prover` shows."""
    endless = (
        "import Lean\nopen Lean Elab Tactic\n"
        'elab "endless" : tactic => do\n  repeat do Core.checkInterrupted; IO.sleep 1\n'
        "theorem t : 1 = 1 := by\n  ‸"
    )
    async with prover_of("plain", real_lean, seconds=6) as hasty:
        state = await state_in(hasty, lean_folder / "Judged.lean", endless)
        assert (await verdict_on(hasty, state, "rfl")).status.value == "finishes"
        verdict = await verdict_on(hasty, state, "endless")
        assert verdict == Verdict(Status.UNKNOWN, reason="Lean did not answer within 6 s")
        assert (await verdict_on(hasty, state, "rfl")).status.value == "finishes"


async def test_two_documents_at_once_do_not_mix(prover: Prover, lean_folder: Path) -> None:
    async def judge(name: str, statement: str, candidate: str) -> list[str]:
        state = await state_in(prover, lean_folder / name, f"theorem t {statement} := by\n  ‸")
        return [(await verdict_on(prover, state, candidate)).status.value for _ in range(3)]

    both = tuple(
        await asyncio.gather(
            judge("Judged.lean", ": 1 = 1", "rfl"), judge("Other.lean", "(p : Prop) : p → p", "intro h")
        )
    )
    assert both == (["finishes"] * 3, ["advances"] * 3)
