"""The search between scripted ports: a prover for which a goal is a letter, and a step says what it makes of it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import (
    Goal,
    NothingToProve,
    ProofState,
    Site,
    Snapshot,
    Status,
    Verdict,
)
from llmstep_lsp.domain.search import Limits
from llmstep_lsp.domain.text import apply, offset
from llmstep_lsp.errors import GeneratorError, LeanGoneError
from llmstep_lsp.service.prove import Progress, Proof, ProofRequest, Searcher
from tests.marked import cursor_in
from tests.scripted import ScriptedGenerator, ScriptedProver

HEAD = "theorem t : p := by\n"


def goals(letters: str) -> tuple[Goal, ...]:
    return tuple(parse_goal(f"⊢ {letter}") for letter in letters)


@dataclass
class World(ScriptedProver):
    """`moves` says what steps make of the first goal: "a>bc" makes `b` and `c` of `a`.

    The goals at the start are `start`; whole texts in `unreadable` it does not accept.
    """

    start: str = "a"
    unreadable: Sequence[str] = ()
    unfinished: bool = False
    located: list[str] = field(default_factory=list)

    async def locate(self, snapshot: Snapshot, sites: Sequence[Site]) -> ProofState | NothingToProve:
        state = await super().locate(snapshot, sites)
        if isinstance(state, NothingToProve):
            return state
        above = snapshot.text[: offset(snapshot.text, sites[0].range.start)].removeprefix(HEAD)
        left = self.after(self.start, above)
        assert left
        self.located.append(left)
        return ProofState(snapshot, sites[0], goals(left))

    async def check(
        self, state: ProofState, texts: Sequence[str]
    ) -> AsyncGenerator[tuple[str, Verdict], None]:
        async for text, _ in super().check(state, texts):
            before = "".join(goal.target for goal in state.goals)
            left = self.after(before, text)
            if left is None or text in self.unreadable:
                yield text, Verdict(Status.REJECTED, reason="it cannot be read")
            elif left == "" and not self.unfinished:
                yield text, Verdict(Status.FINISHES)
            elif left in {"", before[1:]}:
                yield text, Verdict(Status.CLOSES, goals(left))
            else:
                yield text, Verdict(Status.ADVANCES, goals(left))

    def after(self, left: str, steps: str) -> str | None:
        """The goals after `steps`, None if one of them does not apply."""
        for line in filter(None, (line.strip(" ·") for line in steps.split("\n"))):
            goal, _, made = line.partition(">")
            if not left.startswith(goal):
                return None
            left = made + left[1:]
        return left


def world(start: str = "a", **others: object) -> World:
    return replace(World(ProofState(Snapshot("", 0, ""), Site(None, "", 0), ()), {}, start=start), **others)  # type: ignore[arg-type]


async def prove(
    prover: ScriptedProver, *generators: ScriptedGenerator, marked: str = "  ‸sorry\n", **limits: float
) -> tuple[Proof, list[Progress], str]:
    """The proof, what was reported meanwhile, and the text with the proof in it."""
    text, cursor = cursor_in(HEAD + marked)
    reports: list[Progress] = []
    request = ProofRequest(Snapshot("file:///a.lean", 1, text), cursor, Limits(**limits))  # type: ignore[arg-type]
    proof = await Searcher(prover, generators).prove(request, reports.append)
    return proof, reports, apply(text, proof.edit) if proof.edit else text


STEPS = ["a>bc", "b>", "c>d", "d>"]


async def test_a_proof_of_several_steps_is_found_checked_as_a_whole_and_written_with_bullets() -> None:
    prover = world()
    proof, _, text = await prove(prover, ScriptedGenerator(STEPS))
    assert proof.text == "a>bc\n· b>\n· c>d\n  d>"
    assert prover.checked[-1] == proof.text
    assert text == HEAD + "  a>bc\n  · b>\n  · c>d\n    d>\n"
    assert (proof.status, proof.steps, proof.goals) == (Status.FINISHES, tuple(STEPS), goals("a"))
    assert (proof.nodes, proof.notes, proof.failures) == (4, (), ())


async def test_a_single_step_that_finishes_is_the_proof() -> None:
    proof, reports, text = await prove(world(), ScriptedGenerator(["a>b", "a>"]))
    assert (proof.text, proof.nodes, text, reports) == ("a>", 1, HEAD + "  a>\n", [])


async def test_the_most_probable_way_is_followed_first() -> None:
    prover = world()
    generator = ScriptedGenerator(["a>b", "a>c", "b>", "c>"], scores=(-2.0, -0.5, -0.1, -0.1))
    proof, reports, _ = await prove(prover, generator)
    assert (proof.steps, prover.located) == (("a>c", "c>"), ["a", "c"])
    assert reports == [Progress(1, 2, goals("c"), ("a>c",))]


async def test_what_follows_a_step_is_asked_about_the_text_with_it() -> None:
    generator = ScriptedGenerator(["a>b", "b>"])
    await prove(world(), generator)
    assert [(question.goals, question.context) for question in generator.questions] == [
        (goals("a"), HEAD + "  "),
        (goals("b"), HEAD + "  a>b"),
    ]


async def test_a_state_that_is_reached_in_two_ways_is_expanded_once() -> None:
    prover = world()
    await prove(prover, ScriptedGenerator(["a>b", "a>c", "b>d", "c>d", "d>a"]))
    assert sorted(prover.located) == ["a", "b", "c", "d"]


async def test_a_sorry_stands_for_the_first_goal_alone() -> None:
    proof, _, _ = await prove(world("ax"), ScriptedGenerator(["a>b", "b>", "x>"]))
    assert (proof.text, proof.status) == ("a>b\nb>", Status.CLOSES)
    assert proof.notes == ("The goal is closed; the declaration is not finished.",)


async def test_on_an_empty_line_all_goals_are_meant() -> None:
    proof, _, _ = await prove(world("ax"), ScriptedGenerator(["a>b", "b>", "x>"]), marked="  ‸\n")
    assert (proof.text, proof.status) == ("· a>b\n  b>\n· x>", Status.FINISHES)


async def test_a_closed_goal_of_an_unfinished_declaration_is_said_to_be_that() -> None:
    proof, _, _ = await prove(world(unfinished=True), ScriptedGenerator(["a>b", "b>"]))
    assert (proof.text, proof.status) == ("a>b\nb>", Status.CLOSES)
    assert proof.notes == ("The goal is closed; the declaration is not finished.",)


async def test_if_lean_does_not_accept_the_bullets_the_steps_stand_below_each_other() -> None:
    shaped = "a>bc\n· b>\n· c>d\n  d>"
    proof, _, text = await prove(world(unreadable=[shaped]), ScriptedGenerator(STEPS))
    assert (proof.text, text) == ("\n".join(STEPS), HEAD + "  a>bc\n  b>\n  c>d\n  d>\n")


async def test_steps_that_lean_accepts_only_one_by_one_are_no_proof() -> None:
    shaped = "a>bc\n· b>\n· c>d\n  d>"
    proof, _, _ = await prove(world(unreadable=[shaped, "\n".join(STEPS)]), ScriptedGenerator(STEPS))
    assert (proof.text, proof.edit, proof.status) == (None, None, Status.UNKNOWN)
    assert proof.notes == (
        "No state is left to try: 4 expanded, 0 open.",
        "Steps were found that Lean accepts one by one, but not as one text: it cannot be read",
    )


ENDLESS = [f"{chr(n)}>{chr(n + 1)}" for n in range(ord("a"), ord("z"))]


async def test_each_limit_ends_the_search_and_is_named() -> None:
    proof, reports, _ = await prove(world(), ScriptedGenerator(ENDLESS), nodes=3)
    assert proof.notes == ("Stopped by the limit of states: 3 expanded, 1 open.",)
    assert [(one.nodes, one.open, one.steps) for one in reports] == [
        (1, 1, ("a>b",)),
        (2, 1, ("a>b", "b>c")),
        (3, 1, ("a>b", "b>c", "c>d")),
    ]
    proof, _, _ = await prove(world(), ScriptedGenerator(ENDLESS), depth=2)
    assert proof.notes == ("No state is left to try with fewer than 2 steps, the limit: 2 expanded, 0 open.",)
    # One state takes 0.05 s at least, all of them longer than there is.
    proof, _, _ = await prove(world(), ScriptedGenerator(ENDLESS, delay=0.002), seconds=0.5, node_share=1)
    assert proof.notes == (f"Stopped after 0.5 s, the time limit: {proof.nodes} expanded, 1 open.",)
    # The same steps prove what is near enough.
    proof, _, _ = await prove(world(), ScriptedGenerator([*ENDLESS[:2], "c>"]), nodes=3, depth=3)
    assert proof.steps == ("a>b", "b>c", "c>")


async def test_expansion_says_how_many_steps_are_wanted() -> None:
    generator = ScriptedGenerator(["a>"])
    await prove(world(), generator, expansion=7)
    assert [question.count for question in generator.questions] == [7]


async def test_the_library_is_searched_for_the_first_step_alone() -> None:
    prover = world()
    await prove(prover, ScriptedGenerator(["exact?", "a>b", "b>c", "apply? using h"]))
    assert prover.checked == ["exact?", "a>b", "b>c", "apply? using h", "a>b", "b>c", "a>b", "b>c"]


async def test_no_state_takes_all_the_time() -> None:
    slow = ScriptedGenerator(["never"], name="slow", delay=60)
    proof, _, _ = await prove(world(), ScriptedGenerator(["a>b", "b>"]), slow, node_share=0.2 / 60)
    assert (proof.steps, slow.closed) == (("a>b", "b>"), 2)


async def test_nothing_to_prove_is_said() -> None:
    generator = ScriptedGenerator(["a>"])
    proof, reports, _ = await prove(ScriptedProver(NothingToProve("No goals."), {}), generator)
    assert (proof.text, proof.goals, proof.notes) == (None, (), ("No goals.",))
    assert (generator.questions, reports) == ([], [])
    text, cursor = cursor_in("def x := 1‸")
    request = ProofRequest(Snapshot("u", 1, text), cursor)
    proof = await Searcher(ScriptedProver(LeanGoneError("asked"), {}), []).prove(request, reports.append)
    assert proof.notes == ("No goal here: the cursor is not in a tactic block.",)


async def test_a_dead_lean_is_an_error_and_one_that_is_not_ready_is_said() -> None:
    with pytest.raises(LeanGoneError, match="it ended"):
        await prove(ScriptedProver(LeanGoneError("it ended"), {}))
    proof, _, _ = await prove(world(delay=60), seconds=0.1)
    assert proof.notes == ("Lean was not ready within 0.1 s. Ask again, or allow more time.",)


async def test_a_failing_generator_costs_only_its_own_steps_and_is_named_once() -> None:
    broken = ScriptedGenerator([], name="broken", error=GeneratorError("it broke"))
    proof, _, _ = await prove(world(), broken, ScriptedGenerator(["a>b", "b>"], delay=0.05))
    assert (proof.steps, proof.failures) == (("a>b", "b>"), ("broken: it broke",))


async def test_cancelling_reaches_the_prover_and_the_generators() -> None:
    prover = world()
    generator, waiting = ScriptedGenerator(["a>b", "b>c"]), ScriptedGenerator(["late"], delay=60)
    task = asyncio.create_task(prove(prover, generator, waiting))
    while not prover.checked:
        await asyncio.sleep(0)
        prover.delay = 60
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (prover.interrupted, generator.closed, waiting.closed) == (["a>b"], 1, 1)
