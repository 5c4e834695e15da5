"""What is remembered, shared and ended while documents change, between scripted ports."""

import asyncio
from dataclasses import replace

import pytest

from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import ProofState, Snapshot, Status, Verdict
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.errors import GeneratorError, LeanGoneError, StaleError
from llmstep_lsp.service.answers import Answers
from llmstep_lsp.service.suggest import Answer, Request
from tests.marked import cursor_in
from tests.scripted import ScriptedGenerator, ScriptedProver
from tests.waiting import until

TEXT, CURSOR = cursor_in("theorem t : p := by\n  ‸\n\ntheorem u : q := by\n  skip\n")
SNAPSHOT = Snapshot("file:///a.lean", 1, TEXT)
STATE = ProofState(SNAPSHOT, sites_at(TEXT, CURSOR)[0], (parse_goal("⊢ p"),))
REQUEST = Request(SNAPSHOT, CURSOR, seconds=5)
FINISHES = Verdict(Status.FINISHES)
ADVANCES = Verdict(Status.ADVANCES, (parse_goal("⊢ q"),))


def changed(text: str) -> Snapshot:
    return Snapshot(SNAPSHOT.uri, SNAPSHOT.version + 1, text)


def texts(answer: Answer | None) -> list[str]:
    assert answer is not None
    return [suggestion.candidate.text for suggestion in answer.suggestions]


async def test_what_was_found_is_known_without_asking_again() -> None:
    prover, generator = ScriptedProver(STATE, {"rfl": FINISHES}), ScriptedGenerator(["rfl"])
    answers = Answers(prover, [generator])
    assert answers.known(REQUEST) is None
    assert texts(await answers.ask(REQUEST)) == ["rfl"]
    assert texts(answers.known(REQUEST)) == ["rfl"]
    assert texts(await answers.ask(REQUEST)) == ["rfl"]
    assert (len(generator.questions), prover.checked) == (1, ["rfl"])


async def test_work_behind_is_done_once_and_what_it_has_found_is_known_at_any_time() -> None:
    prover = ScriptedProver(STATE, {"simp": ADVANCES, "rfl": FINISHES})
    generator = ScriptedGenerator(["simp", "rfl"], delay=0.3)
    answers = Answers(prover, [generator])
    answers.known(REQUEST, start=True)
    answers.known(REQUEST, start=True)
    await until(lambda: prover.checked == ["simp"])
    early = answers.known(REQUEST)
    assert (texts(early), early is not None and early.complete) == (["simp"], False)
    late = await answers.ask(REQUEST)
    assert (texts(late), late.complete, len(generator.questions)) == (["rfl", "simp"], True, 1)


async def test_who_waits_gets_what_is_there_in_time_and_the_work_goes_on() -> None:
    prover = ScriptedProver(STATE, {"simp": ADVANCES, "rfl": FINISHES})
    answers = Answers(prover, [ScriptedGenerator(["simp"]), ScriptedGenerator(["rfl"], delay=0.5)])
    answer = await answers.ask(replace(REQUEST, seconds=0.2))
    assert (texts(answer), answer.notes) == (["simp"], ("Stopped after 0.2 s; there may be more.",))
    assert texts(await answers.ask(REQUEST)) == ["rfl", "simp"]


async def test_the_first_way_to_close_the_goal_can_be_enough() -> None:
    prover = ScriptedProver(STATE, {"simp": ADVANCES, "rfl": FINISHES})
    generators = [ScriptedGenerator(["simp", "rfl"]), ScriptedGenerator(["late"], delay=60)]
    answer = await Answers(prover, generators).ask(REQUEST, first=True)
    assert (texts(answer), answer.complete) == (["rfl", "simp"], False)


async def test_an_edit_tells_who_waits_and_ends_work_on_the_text_that_changed() -> None:
    prover, generator = ScriptedProver(STATE, {}), ScriptedGenerator(["rfl"], delay=60)
    answers = Answers(prover, [generator])
    asking = asyncio.create_task(answers.ask(REQUEST))
    await until(lambda: generator.questions)
    answers.edited(changed("-- new\n" + TEXT))
    with pytest.raises(StaleError, match="The document changed"):
        await asking
    await until(lambda: generator.closed == 1)


async def test_work_survives_an_edit_below_its_command() -> None:
    prover, generator = ScriptedProver(STATE, {"rfl": FINISHES}), ScriptedGenerator(["rfl"], delay=0.3)
    answers = Answers(prover, [generator])
    asking = asyncio.create_task(answers.ask(REQUEST))
    await until(lambda: generator.questions)
    below = changed(TEXT.replace("skip", "simp"))
    answers.edited(below)
    with pytest.raises(StaleError):
        await asking
    assert texts(await answers.ask(replace(REQUEST, snapshot=below))) == ["rfl"]
    assert len(generator.questions) == 1


async def test_what_was_accepted_is_judged_first_where_the_goal_comes_back() -> None:
    prover = ScriptedProver(STATE, {"rfl": FINISHES})
    answers = Answers(prover, [ScriptedGenerator(["simp", "rfl"])])
    await answers.ask(REQUEST)
    above = replace(REQUEST, snapshot=changed("-- new\n" + TEXT), position=replace(CURSOR, line=2))
    assert answers.known(above) is None
    assert texts(await answers.ask(above)) == ["rfl"]
    assert prover.checked == ["simp", "rfl", "rfl", "simp"]


async def test_what_is_undone_is_known_again() -> None:
    answers = Answers(ScriptedProver(STATE, {"rfl": FINISHES}), [ScriptedGenerator(["rfl"])])
    await answers.ask(REQUEST)
    answers.edited(changed("-- new\n" + TEXT))
    answers.edited(replace(SNAPSHOT, version=3))
    assert texts(answers.known(replace(REQUEST, snapshot=replace(SNAPSHOT, version=3)))) == ["rfl"]


async def test_who_turns_elsewhere_ends_work_that_nobody_waits_for() -> None:
    generator = ScriptedGenerator(["rfl"], delay=60)
    answers = Answers(ScriptedProver(STATE, {}), [generator])
    answers.known(REQUEST, start=True)
    await until(lambda: len(generator.questions) == 1)
    answers.known(replace(REQUEST, prefix="ex"), start=True)
    await until(lambda: generator.closed == 1 and len(generator.questions) == 2)
    await answers.aclose()
    assert generator.closed == 2


async def test_cancelling_the_only_one_who_waits_reaches_lean_and_the_generator() -> None:
    prover = ScriptedProver(STATE, {}, delay=0.2)
    generator = ScriptedGenerator(["rfl", *["late"] * 9], delay=0.01)
    answers = Answers(prover, [generator])
    first, second = (asyncio.create_task(answers.ask(REQUEST)) for _ in range(2))
    await until(lambda: prover.checked)
    first.cancel()
    await asyncio.sleep(0.05)
    assert prover.interrupted == []  # somebody waits still
    second.cancel()
    await until(lambda: prover.interrupted == ["rfl"] and generator.closed == 1)


async def test_a_failure_is_told_to_who_asks_and_not_tried_again_behind() -> None:
    prover = ScriptedProver(LeanGoneError("it ended"), {})
    answers = Answers(prover, [])
    answers.known(REQUEST, start=True)
    await asyncio.sleep(0.3)
    assert answers.known(REQUEST) is None
    for _ in range(2):
        with pytest.raises(LeanGoneError, match="it ended"):
            await answers.ask(REQUEST)
    prover.state = STATE
    answers.known(REQUEST, start=True)  # it has been tried
    await asyncio.sleep(0.3)
    assert answers.known(REQUEST) is None
    assert (await answers.ask(REQUEST)).goals == STATE.goals


async def test_an_answer_without_a_generator_that_failed_is_not_the_last_word() -> None:
    prover = ScriptedProver(STATE, {"rfl": FINISHES})
    broken = ScriptedGenerator([], name="broken", error=GeneratorError("it broke"))
    answers = Answers(prover, [ScriptedGenerator(["rfl"]), broken, ScriptedGenerator([], name="idle")])
    assert answers.health == {"scripted": "", "broken": "", "idle": ""}
    assert (await answers.ask(REQUEST)).failures == ("broken: it broke",)
    assert answers.health == {"scripted": "answered", "broken": "it broke", "idle": "answered"}
    broken.error = None
    assert (await answers.ask(REQUEST)).failures == ()
    assert answers.health["broken"] == "answered"


async def test_stopping_gives_who_waits_what_is_known() -> None:
    generators = [ScriptedGenerator(["rfl"]), ScriptedGenerator(["late"], delay=60)]
    answers = Answers(ScriptedProver(STATE, {"rfl": FINISHES}), generators)
    asking = asyncio.create_task(answers.ask(REQUEST))
    await until(lambda: (known := answers.known(REQUEST)) and known.suggestions)
    answers.stop()
    answer = await asking
    assert (texts(answer), answer.notes) == (["rfl"], ("It was stopped; there may be more.",))
    assert generators[1].closed == 1


async def test_two_documents_do_not_disturb_each_other() -> None:
    generator = ScriptedGenerator(["rfl"], delay=0.2)
    answers = Answers(ScriptedProver(STATE, {"rfl": FINISHES}), [generator])
    other = replace(REQUEST, snapshot=replace(SNAPSHOT, uri="file:///b.lean"))
    both = asyncio.gather(answers.ask(REQUEST), answers.ask(other))
    await until(lambda: len(generator.questions) == 2)
    answers.edited(replace(SNAPSHOT, uri="file:///c.lean", text="-- c"))
    assert [texts(answer) for answer in await both] == [["rfl"], ["rfl"]]
    answers.closed(SNAPSHOT.uri)
    assert (answers.known(REQUEST), texts(answers.known(other))) == (None, ["rfl"])


async def test_no_more_than_so_many_places_are_kept() -> None:
    answers = Answers(ScriptedProver(STATE, {}), [ScriptedGenerator([])])
    for number in range(70):
        await answers.ask(replace(REQUEST, prefix=str(number)))
    assert answers.kept == 64
    assert answers.known(replace(REQUEST, prefix="69")) is not None
