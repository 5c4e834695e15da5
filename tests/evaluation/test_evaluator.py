"""One theorem, with a Lean and generators that do as they are told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import (
    NothingToProve,
    ProofState,
    Site,
    Snapshot,
    Status,
    Verdict,
)
from llmstep_lsp.domain.search import Limits
from llmstep_lsp.domain.text import Position, Range
from llmstep_lsp.errors import GeneratorError, LeanGoneError, LeanNotFoundError
from llmstep_lsp.evaluation.evaluator import Evaluator, Task
from llmstep_lsp.evaluation.record import Outcome, Record
from llmstep_lsp.evaluation.steady import SteadyGenerator
from llmstep_lsp.evaluation.theorems import Theorem, read_theorems
from llmstep_lsp.ports import Question
from tests.scripted import ScriptedGenerator, ScriptedProver

GOALS = (parse_goal("⊢ p"),)
REJECTED = {f"no{i}": Verdict(Status.REJECTED) for i in range(9)}
LIMITS = Limits(seconds=30, nodes=3)


@dataclass
class Prover(ScriptedProver):
    """A `HookedProver` as far as it is asked here."""

    async def ready(self, state: ProofState) -> bool:
        return True


@pytest.fixture
def theorem(tmp_path: Path) -> Theorem:
    (tmp_path / "A.lean").write_text("theorem t : p := by\n  sorry\n")
    return read_theorems([tmp_path], tmp_path)[0]


def state_of(theorem: Theorem, **more: Any) -> ProofState:
    site = Site(Range(Position(1, 2), Position(1, 7)), "", 2)
    return ProofState(theorem.snapshot, site, GOALS, **more)


async def evaluated(
    theorem: Theorem,
    state: Any,
    *generators: ScriptedGenerator,
    first: int | None = None,
    **verdicts: Verdict,
) -> Record:
    prover: Any = Prover(state, {**REJECTED, **verdicts})
    evaluator = Evaluator("set", prover, generators, None, Task(LIMITS, first))
    try:
        return await evaluator.evaluate(theorem)
    finally:
        await evaluator.aclose()


async def test_no_proof(theorem: Theorem) -> None:
    found = await evaluated(theorem, state_of(theorem), ScriptedGenerator(["no1", "no2"]))
    assert (found.outcome, found.nodes, found.candidates) == (Outcome.UNSOLVED, 1, 2)
    assert (found.theorem, found.line, found.set) == ("t", 2, "set")
    assert found.reason == "No state is left to try: 1 expanded, 0 open."


async def test_what_lean_could_not_judge_is_counted(theorem: Theorem) -> None:
    unknown = Verdict(Status.UNKNOWN, reason="Lean ended")
    found = await evaluated(theorem, state_of(theorem), ScriptedGenerator(["odd", "no1"]), odd=unknown)
    assert (found.outcome, found.unknown) == (Outcome.UNSOLVED, 1)


async def test_a_generator_that_fails_is_not_measured(theorem: Theorem) -> None:
    broken = ScriptedGenerator(["no1"], name="model", error=GeneratorError("It ended."))
    found = await evaluated(theorem, state_of(theorem), ScriptedGenerator(["no2"]), broken)
    assert (found.outcome, found.reason) == (Outcome.FAILED, "set: It ended.")
    found = await evaluated(theorem, state_of(theorem), broken, first=3)
    assert (found.outcome, found.reason) == (Outcome.FAILED, "set: It ended.")


async def test_generators_that_cannot_start_are_told_before() -> None:
    broken = ScriptedGenerator([], error=GeneratorError("No such model."))
    prover: Any = Prover(NothingToProve(""), {})
    with pytest.raises(GeneratorError, match="set: No such model"):
        await Evaluator("set", prover, [broken], None, Task(LIMITS, None)).warm()


async def test_a_lean_that_fails_is_not_measured(theorem: Theorem) -> None:
    found = await evaluated(theorem, LeanGoneError("Lean ended."), ScriptedGenerator(["no1"]))
    assert (found.outcome, found.reason) == (Outcome.FAILED, "Lean ended.")
    with pytest.raises(LeanNotFoundError):
        await evaluated(theorem, LeanNotFoundError("No Lean."))


async def test_what_lean_cannot_read_is_not_stated(theorem: Theorem) -> None:
    found = await evaluated(theorem, NothingToProve("No goal here."))
    assert (found.outcome, found.reason) == (Outcome.NOT_STATED, "No goal here.")
    above = (Position(0, 12), "unknown identifier `p`")
    found = await evaluated(theorem, state_of(theorem, errors=frozenset({above})))
    assert (found.outcome, found.reason) == (Outcome.NOT_STATED, "unknown identifier `p`")


async def test_several_sorries_are_not_stated(tmp_path: Path) -> None:
    (tmp_path / "A.lean").write_text("theorem t : p := by\n  sorry\n  sorry\n")
    (theorem,) = read_theorems([tmp_path], tmp_path)
    found = await evaluated(theorem, NothingToProve(""))
    assert (found.outcome, found.reason) == (Outcome.NOT_STATED, "It must have exactly one `sorry`.")


async def test_first_steps_are_judged_once_each_and_questions_are_none(theorem: Theorem) -> None:
    asked = Verdict(Status.CLOSES, proposals=("exact h",))
    found = await evaluated(
        theorem,
        state_of(theorem),
        ScriptedGenerator(["no1", "ask", "no1", "good", "no2"]),
        first=3,
        ask=asked,
        good=Verdict(Status.FINISHES),
    )
    assert found.outcome is Outcome.JUDGED
    assert (found.steps, found.verdicts) == (("no1", "ask", "good"), ("rejected", "refused", "finishes"))


async def test_candidates_come_in_one_order_whoever_is_quicker() -> None:
    question = Question(GOALS, "", "", 8)
    for delays in ((0.0, 0.05), (0.05, 0.0)):
        inner = [
            ScriptedGenerator([f"{name}1", f"{name}2"], name=name, delay=delay)
            for name, delay in zip("ab", delays, strict=True)
        ]
        generator = SteadyGenerator("set", inner)
        texts = [(one.text, one.source) async for one in generator.candidates(question)]
        assert texts == [("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")]


async def test_a_failure_ends_the_others() -> None:
    slow = ScriptedGenerator(["late"], delay=60)
    broken = ScriptedGenerator([], error=GeneratorError("It ended."))
    with pytest.raises(GeneratorError):
        _ = [
            one async for one in SteadyGenerator("set", [slow, broken]).candidates(Question(GOALS, "", "", 8))
        ]
    assert slow.closed == 1


def test_a_snapshot_is_of_its_file(theorem: Theorem) -> None:
    assert theorem.snapshot == Snapshot(theorem.snapshot.uri, 0, "theorem t : p := by\n  sorry\n")
