"""The service between scripted ports."""

import asyncio
from dataclasses import replace

import pytest

from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import NothingToProve, ProofState, Snapshot, Status, Verdict
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.errors import GeneratorError, LeanGoneError
from llmstep_lsp.service.suggest import Request, Suggester
from tests.marked import cursor_in
from tests.scripted import ScriptedGenerator, ScriptedProver

TEXT, CURSOR = cursor_in("theorem t : p := by\n  ‸\n")
SNAPSHOT = Snapshot("file:///a.lean", 1, TEXT)
P, Q = parse_goal("⊢ p"), parse_goal("⊢ q")
STATE = ProofState(SNAPSHOT, sites_at(TEXT, CURSOR)[0], (P,))
REQUEST = Request(SNAPSHOT, CURSOR, seconds=5)
FINISHES, ADVANCES = Verdict(Status.FINISHES), Verdict(Status.ADVANCES, (Q,))


async def test_only_what_the_prover_accepts_is_suggested_best_first() -> None:
    verdicts = {
        "simp": ADVANCES,
        "rfl": FINISHES,
        "omega": Verdict(Status.UNKNOWN, reason="slow"),
        "skip": Verdict(Status.REFUSED),
    }
    prover = ScriptedProver(STATE, verdicts)
    answer = await Suggester(prover, [ScriptedGenerator(["foo", "skip", "omega", "simp", "rfl"])]).suggest(
        REQUEST
    )
    assert [(s.candidate.text, s.verdict) for s in answer.suggestions] == [
        ("rfl", FINISHES),
        ("simp", ADVANCES),
    ]
    assert answer.suggestions[0].edit.text == "  rfl"
    assert (answer.goals, answer.notes) == ((P,), ())


async def test_the_same_step_is_checked_once() -> None:
    prover = ScriptedProver(STATE, {})
    generators = [ScriptedGenerator(["rfl", " rfl "]), ScriptedGenerator(["rfl\n", "simp"])]
    await Suggester(prover, generators).suggest(REQUEST)
    assert prover.checked == ["rfl", "simp"]


async def test_a_prefix_is_asked_for_and_enforced() -> None:
    prover, generator = ScriptedProver(STATE, {}), ScriptedGenerator(["simp", "exact h"])
    await Suggester(prover, [generator]).suggest(replace(REQUEST, prefix="exact"))
    assert (generator.questions[0].prefix, prover.checked) == ("exact", ["exact h"])


async def test_the_text_of_a_half_typed_step_is_the_prefix() -> None:
    state = replace(STATE, site=replace(STATE.site, prefix="ex"))
    prover, generator = ScriptedProver(state, {}), ScriptedGenerator(["simp", "exact h"])
    await Suggester(prover, [generator]).suggest(REQUEST)
    assert prover.checked == ["exact h"]


async def test_what_lean_proposes_is_checked_and_the_question_is_no_suggestion() -> None:
    verdicts = {"exact?": Verdict(Status.FINISHES, proposals=("exact a", "exact b")), "exact b": FINISHES}
    prover = ScriptedProver(STATE, verdicts)
    answer = await Suggester(prover, [ScriptedGenerator(["exact?", "simp"])]).suggest(REQUEST)
    assert sorted(prover.checked) == ["exact a", "exact b", "exact?", "simp"]
    assert [s.candidate.text for s in answer.suggestions] == ["exact b"]


async def test_enough_ways_to_close_the_goal_end_the_search() -> None:
    texts = [f"exact h{n}" for n in range(50)]
    prover = ScriptedProver(STATE, dict.fromkeys(texts, FINISHES))
    generator = ScriptedGenerator(texts)
    answer = await Suggester(prover, [generator]).suggest(REQUEST)
    assert (len(answer.suggestions), len(prover.checked), generator.closed) == (4, 4, 1)


async def test_the_budget_ends_the_wait_with_what_is_ready() -> None:
    prover = ScriptedProver(STATE, {"rfl": FINISHES})
    generators = [ScriptedGenerator(["rfl"]), ScriptedGenerator(["late"], delay=60)]
    answer = await Suggester(prover, generators).suggest(replace(REQUEST, seconds=0.2))
    assert [s.candidate.text for s in answer.suggestions] == ["rfl"]
    assert answer.notes == ("Stopped after 0.2 s; there may be more.",)
    assert generators[1].closed == 1


async def test_a_lean_that_is_not_ready_in_time_is_said() -> None:
    answer = await Suggester(ScriptedProver(STATE, {}, delay=60), []).suggest(replace(REQUEST, seconds=0.1))
    assert answer.notes == ("Lean was not ready within 0.1 s. Ask again, or allow more time.",)


async def test_a_failing_generator_costs_only_its_own_candidates() -> None:
    broken = ScriptedGenerator(["simp"], name="broken", error=GeneratorError("it broke; restart it"))
    prover = ScriptedProver(STATE, {"rfl": FINISHES, "simp": ADVANCES})
    answer = await Suggester(prover, [broken, ScriptedGenerator(["rfl"], delay=0.05)]).suggest(REQUEST)
    assert [s.candidate.text for s in answer.suggestions] == ["rfl", "simp"]
    assert (answer.notes, answer.failures) == ((), ("broken: it broke; restart it",))


async def test_nothing_to_prove_is_said_and_nobody_is_asked() -> None:
    generator = ScriptedGenerator(["rfl"])
    answer = await Suggester(ScriptedProver(NothingToProve("No goals."), {}), [generator]).suggest(REQUEST)
    assert (answer.goals, answer.suggestions, answer.notes) == ((), (), ("No goals.",))
    assert generator.questions == []


async def test_outside_of_a_tactic_block_lean_is_not_asked() -> None:
    prover = ScriptedProver(LeanGoneError("asked"), {})
    text, cursor = cursor_in("def x := 1‸")
    answer = await Suggester(prover, []).suggest(Request(Snapshot("u", 1, text), cursor, 5))
    assert answer.notes == ("No goal here: the cursor is not in a tactic block.",)


async def test_a_dead_lean_is_an_error() -> None:
    with pytest.raises(LeanGoneError, match="it ended"):
        await Suggester(ScriptedProver(LeanGoneError("it ended"), {}), []).suggest(REQUEST)


async def test_cancelling_reaches_the_prover_and_the_generators() -> None:
    prover, generator = ScriptedProver(STATE, {}), ScriptedGenerator(["rfl", "simp"])
    task = asyncio.create_task(Suggester(prover, [generator]).suggest(REQUEST))
    while not prover.checked:
        await asyncio.sleep(0)
        prover.delay = 60
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (prover.interrupted, generator.closed) == (["rfl"], 1)


async def test_time_is_recorded_by_stage() -> None:
    prover = ScriptedProver(STATE, {}, delay=0.02)
    answer = await Suggester(prover, [ScriptedGenerator(["a", "b"], delay=0.05)]).suggest(REQUEST)
    timings = answer.timings
    assert timings.goal >= 20
    assert timings.generate >= 50
    assert timings.verify >= 40
