"""Which steps are drawn, and what is asked and judged in their places."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import NothingToProve, ProofState, Site, Snapshot, Status, Verdict
from llmstep_lsp.domain.text import Position, Range
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.evaluation.record import Outcome
from llmstep_lsp.science.comparing import Comparer
from llmstep_lsp.science.record import StepRecord
from llmstep_lsp.science.steps import Step, draw
from tests.evaluation.test_evaluator import Prover
from tests.scripted import ScriptedGenerator

TEXT = "theorem t : p := by\n  simp only [h]\n"
GOALS = (parse_goal("⊢ p"),)
STEP = Step(Path("/A.lean"), "A.lean", TEXT, Position(1, 2), "t", "simp only [h]", GOALS)
ABOVE = "theorem t : p := by\n  "
STATE = ProofState(
    Snapshot("file:///A.lean", 0, ABOVE), Site(Range(Position(1, 2), Position(1, 2)), "", 2), GOALS
)


async def compared(state: Any, generator: ScriptedGenerator, **verdicts: Verdict) -> tuple[StepRecord, Any]:
    prover: Any = Prover(state, {text.replace("_", " "): one for text, one in verdicts.items()})
    comparer = Comparer("g", prover, [generator], 8, 2)
    try:
        return await comparer.compare(STEP), prover
    finally:
        await comparer.aclose()


def test_the_draw_depends_on_the_seed_and_the_steps_alone() -> None:
    steps = [replace(STEP, place=Position(line, 2)) for line in range(50)]
    first = draw(steps, 5, 0)
    assert [step.place.line for step in first] == sorted(step.place.line for step in first)
    assert draw(list(reversed(steps)), 5, 0) == first
    assert set(draw(steps, 6, 0)) > set(first)
    assert draw(steps, 5, 1) != first
    assert draw(steps, 99, 0) == steps


async def test_each_prefix_is_asked_for_and_each_step_judged_once_more_for_its_time() -> None:
    generator = ScriptedGenerator(["no", "simp", "simp_all"], scores=[-0.5, -0.2, -0.1])
    closes = Verdict(Status.CLOSES, milliseconds=7.0)
    record, prover = await compared(STATE, generator, simp=closes)
    assert [question.prefix for question in generator.questions] == ["", "simp", "simp only"]
    assert {(question.context, question.count) for question in generator.questions} == {(ABOVE, 8)}
    assert record.outcome is Outcome.JUDGED
    assert record.human
    assert (record.human.text, record.human.status) == ("simp only [h]", "rejected")
    assert [[one.text for one in asked.candidates] for asked in record.asked] == [
        ["simp_all", "simp", "no"],
        ["simp_all", "simp"],
        [],
    ]
    assert [asked.best for asked in record.asked] == [1, 1, None]
    assert prover.checked == ["simp only [h]", "simp_all", "simp", "no", "simp only [h]", "simp"]


async def test_what_asks_for_a_step_is_none() -> None:
    asks = Verdict(Status.CLOSES, proposals=("exact h",))
    record, _ = await compared(STATE, ScriptedGenerator(["ask"]), ask=asks)
    assert (record.asked[0].best, record.asked[0].candidates[0].status) == (None, "refused")


async def test_a_step_whose_goals_are_not_there_is_not_stated() -> None:
    generator = ScriptedGenerator(["simp"])
    record, _ = await compared(NothingToProve("No goals are left here."), generator)
    assert (record.outcome, record.reason) == (Outcome.NOT_STATED, "No goals are left here.")
    record, _ = await compared(replace(STATE, goals=(parse_goal("⊢ q"),)), generator)
    assert (record.outcome, record.reason) == (
        Outcome.NOT_STATED,
        "Lean shows other goals where the file is cut.",
    )
    assert generator.questions == []


async def test_a_generator_that_fails_is_not_measured() -> None:
    broken = ScriptedGenerator(["simp"], error=GeneratorError("It ended."))
    record, _ = await compared(STATE, broken)
    assert (record.outcome, record.reason) == (Outcome.FAILED, "g: It ended.")


async def test_a_generator_that_cannot_start_is_told_before() -> None:
    broken = ScriptedGenerator([], error=GeneratorError("No such model."))
    prover: Any = Prover(STATE, {})
    with pytest.raises(GeneratorError, match="g: No such model"):
        await Comparer("g", prover, [broken], 8, 0).warm()
