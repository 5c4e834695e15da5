"""What is kept of a proof, told by a Lean whose verdicts are scripted."""

from collections.abc import Mapping, Sequence

from llmstep_lsp.corpus.attempt import Judge, Learned, attempt
from llmstep_lsp.corpus.repertoire import Surroundings
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Status, Verdict

GOAL = "n : Nat\n⊢ f n = n"
ZERO, SUCCESSOR = "⊢ f 0 = 0", "n : Nat\n⊢ f (n + 1) = n + 1"
AROUND = Surroundings(definitions=("f",), lemmas=("useful", "needless"))


def judging(accepted: Mapping[str, tuple[str, ...]]) -> Judge:
    """Lean turns down all but the keys of `accepted`, which leave the goals there."""

    async def judge(texts: Sequence[str]) -> list[Verdict]:
        return [verdict(text) for text in texts]

    def verdict(text: str) -> Verdict:
        if text not in accepted:
            return Verdict(Status.REJECTED)
        goals = tuple(map(parse_goal, accepted[text]))
        return Verdict(Status.ADVANCES if goals else Status.CLOSES, goals=goals)

    return judge


async def test_a_closing_step_is_kept_with_the_lemmas_it_needs_and_with_all() -> None:
    steps = [
        "induction n <;> simp_all [f, useful]",
        "induction n <;> simp_all [f, useful, needless]",
    ]
    found = await attempt([GOAL], AROUND, judging(dict.fromkeys(steps, ())), 60)
    assert found.proof == (steps[0],)
    assert found.learned == tuple(Learned((GOAL,), step, ()) for step in steps)


async def test_an_end_that_is_not_needed_is_dropped() -> None:
    steps = ["induction n <;> simp_all [f, useful, needless]"]
    accepted = dict.fromkeys([*steps, f"{steps[0]} <;> omega"], ())
    assert (await attempt([GOAL], AROUND, judging(accepted), 60)).learned == (Learned((GOAL,), steps[0], ()),)


async def test_each_step_of_a_longer_proof_is_kept_with_the_goals_around_it() -> None:
    accepted: dict[str, tuple[str, ...]] = {
        "cases n": (ZERO, SUCCESSOR),
        "cases n\nrfl": (SUCCESSOR,),
        "cases n\nrfl\ngrind [f, useful, needless]": (),
        "cases n\nrfl\ngrind [f, useful]": (),
    }
    found = await attempt([GOAL], AROUND, judging(accepted), 60)
    assert found.proof == ("cases n", "rfl", "grind [f, useful]")
    assert found.learned == (
        Learned((GOAL,), "cases n", (ZERO, SUCCESSOR)),
        Learned((ZERO, SUCCESSOR), "rfl", (SUCCESSOR,)),
        Learned((SUCCESSOR,), "grind [f, useful]", ()),
        Learned((SUCCESSOR,), "grind [f, useful, needless]", ()),
    )


async def test_nothing_is_learned_of_a_goal_that_is_not_proved() -> None:
    found = await attempt([GOAL], AROUND, judging({"cases n": (ZERO, SUCCESSOR)}), 60)
    assert (found.proof, found.learned) == ((), ())
    assert found.judged > 0
