"""What several generators propose together."""

from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.ports import Question
from llmstep_lsp.service.propose import Proposals, propose
from tests.scripted import ScriptedGenerator

GOALS = (parse_goal("⊢ p"),)


async def texts_of(*generators: ScriptedGenerator, prefix: str = "", count: int = 8) -> list[str]:
    found = await propose(generators, Question(GOALS, prefix, "", count), seconds=5)
    return [candidate.text for candidate in found.candidates]


async def test_a_slow_generator_counts_as_much_as_a_quick_one() -> None:
    quick = ScriptedGenerator(["a", "b", "c", "d"], name="quick")
    slow = ScriptedGenerator(["x", "y"], name="slow", delay=0.05)
    assert await texts_of(quick, slow, count=5) == ["a", "x", "b", "y", "c"]


async def test_the_same_step_comes_once_and_with_the_prefix() -> None:
    generators = (
        ScriptedGenerator(["simp", " simp ", "rfl"]),
        ScriptedGenerator(["simp", "simp_all"], name="b"),
    )
    assert await texts_of(*generators, prefix="si") == ["simp", "simp_all"]


async def test_time_that_is_up_leaves_what_has_come() -> None:
    generators = [ScriptedGenerator(["rfl"]), ScriptedGenerator(["late"], delay=60)]
    found = await propose(generators, Question(GOALS, "", "", 8), seconds=0.1)
    assert [candidate.text for candidate in found.candidates] == ["rfl"]
    assert generators[1].closed == 1


async def test_a_generator_that_fails_is_named() -> None:
    broken = ScriptedGenerator([], name="broken", error=GeneratorError("it broke; restart it"))
    assert await propose([broken], Question(GOALS, "", "", 8), seconds=5) == Proposals(
        (), ("broken: it broke; restart it",)
    )


async def test_a_generator_that_breaks_in_another_way_costs_only_its_own() -> None:
    broken = ScriptedGenerator(["rfl"], name="broken", error=ZeroDivisionError("oops"))
    found = await propose([broken, ScriptedGenerator(["simp"])], Question(GOALS, "", "", 8), seconds=5)
    assert [candidate.text for candidate in found.candidates] == ["rfl", "simp"]
    assert found.failures == ("broken: It failed (ZeroDivisionError: oops); its author can mend that.",)


async def test_of_each_the_surest_comes_first() -> None:
    model = ScriptedGenerator(["a", "b", "c"], name="model", scores=(-2.0, -0.5, -1.0))
    assert await texts_of(model, ScriptedGenerator(["x", "y"])) == ["x", "b", "y", "c", "a"]
