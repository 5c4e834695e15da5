"""The service between scripted ports."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Candidate, NothingToProve, ProofState, Snapshot, Status, Verdict
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.errors import GeneratorError, LeanGoneError
from llmstep_lsp.ports import Question, Rejection
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


async def test_a_slow_generator_waits_for_no_more_than_a_batch() -> None:
    many = ScriptedGenerator([f"exact h{n}" for n in range(64)], name="many")
    late = ScriptedGenerator(["rfl"], name="late", delay=0.01)
    prover = ScriptedProver(STATE, {}, delay=0.005)
    await Suggester(prover, [many, late]).suggest(REQUEST)
    assert prover.checked.index("rfl") < 2 * 16
    assert len(prover.checked) == 65


async def test_lean_is_asked_for_lemmas_once_and_only_if_somebody_wants_them() -> None:
    class Reader(ScriptedGenerator):
        async def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
            for name in [*await question.lemmas(), *await question.lemmas()]:
                yield Candidate(f"exact {name}", self.name)

    prover = ScriptedProver(STATE, {}, library=("Nat.add_comm",))
    await Suggester(prover, [ScriptedGenerator(["rfl"])]).suggest(REQUEST)
    assert prover.asked_for_lemmas == 0
    await Suggester(prover, [Reader([]), Reader([])]).suggest(REQUEST)
    assert (prover.asked_for_lemmas, prover.checked) == (1, ["rfl", "exact Nat.add_comm"])


async def test_a_lean_that_knows_no_lemmas_is_no_failure() -> None:
    prover = ScriptedProver(STATE, {"rfl": FINISHES}, library=LeanGoneError("gone"))
    question: list[tuple[str, ...]] = []

    class Reader(ScriptedGenerator):
        async def candidates(self, asked: Question) -> AsyncGenerator[Candidate, None]:
            question.append(await asked.lemmas())
            yield Candidate("rfl", self.name)

    answer = await Suggester(prover, [Reader([])]).suggest(REQUEST)
    assert (question, answer.failures, len(answer.suggestions)) == ([()], (), 1)


async def test_generators_learn_the_toolchain_and_the_time_that_is_left() -> None:
    generator = ScriptedGenerator([])
    await Suggester(ScriptedProver(replace(STATE, toolchain="Lean 4"), {}), [generator]).suggest(REQUEST)
    (question,) = generator.questions
    assert question.toolchain == "Lean 4"
    assert question.seconds is not None
    assert 0 < question.seconds <= REQUEST.seconds


REJECTED = {text: Verdict(Status.REJECTED, reason=f"no {text}") for text in ("a", "b", "c", "d", "e")}


async def test_repair_shows_each_model_what_lean_says_of_its_best_candidates() -> None:
    model = ScriptedGenerator(
        ["a", "b", "c", "d", "e"], scores=(-5.0, -1.0, -2.0, -3.0, -4.0), again=["rfl"], name="model"
    )
    unscored = ScriptedGenerator(["x"], again=["simp"])
    prover = ScriptedProver(STATE, REJECTED | {"rfl": FINISHES, "simp": ADVANCES})
    answer = await Suggester(prover, [model, unscored], repair=True).suggest(REQUEST)
    assert model.questions[1].rejected == tuple(Rejection(text, f"no {text}") for text in "bcde")
    assert unscored.questions[1].rejected == (Rejection("x", ""),)
    assert [s.candidate.text for s in answer.suggestions] == ["rfl", "simp"]


async def test_there_is_no_second_round_unless_it_is_wanted_and_there_is_something_to_repair() -> None:
    model = ScriptedGenerator(["a"], scores=(-1.0,), again=["rfl"])
    await Suggester(ScriptedProver(STATE, REJECTED), [model]).suggest(REQUEST)
    assert len(model.questions) == 1
    accepted = ScriptedProver(STATE, {"a": FINISHES})
    await Suggester(accepted, [model], repair=True).suggest(REQUEST)
    assert len(model.questions) == 2


async def test_who_was_not_waited_for_is_named() -> None:
    texts = [f"exact h{n}" for n in range(4)]
    late = ScriptedGenerator(["rfl"], name="late", delay=60)
    prover = ScriptedProver(STATE, dict.fromkeys(texts, FINISHES))
    answer = await Suggester(prover, [ScriptedGenerator(texts), late]).suggest(REQUEST)
    assert answer.notes == ("There was enough before late proposed anything.",)


async def test_where_all_generators_failed_their_failures_say_enough() -> None:
    broken = ScriptedGenerator([], name="broken", error=GeneratorError("it broke"))
    answer = await Suggester(ScriptedProver(STATE, {}), [broken]).suggest(REQUEST)
    assert (answer.notes, answer.failures) == ((), ("broken: it broke",))
