"""Owns the comparison of one step of a person with what a generator proposes in its place."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

from llmstep_lsp.adapters.lean.hooked_prover import HookedProver
from llmstep_lsp.domain.goals import same_goals
from llmstep_lsp.domain.insertion import insertion
from llmstep_lsp.domain.model import Candidate, NothingToProve, ProofState, Snapshot, Suggestion, Verdict
from llmstep_lsp.domain.ranking import rank
from llmstep_lsp.errors import GeneratorError, LeanError, LeanNotFoundError
from llmstep_lsp.evaluation.evaluator import indexed, step_status, warm
from llmstep_lsp.evaluation.record import Outcome
from llmstep_lsp.evaluation.steady import SteadyGenerator, SteadyProver
from llmstep_lsp.ports import Generator, Question
from llmstep_lsp.science.cutting import Cut, cut
from llmstep_lsp.science.prefixes import prefixes
from llmstep_lsp.science.record import Asked, Judged, StepRecord
from llmstep_lsp.science.steps import Step
from llmstep_lsp.service.propose import propose

# A slow model is not a worse one here.
_SECONDS = 600.0
_OTHER_GOALS = "Lean shows other goals where the file is cut."


class Comparer:
    """Asks `generator`, called `name`, for `count` steps at each prefix of up to `longest` tokens.

    It has `prover` judge them.
    """

    def __init__(
        self, name: str, prover: HookedProver, generators: Sequence[Generator], count: int, longest: int
    ) -> None:
        self._name = name
        self._prover = prover
        self._generator = SteadyGenerator(name, generators)
        self._count = count
        self._longest = longest

    async def warm(self) -> None:
        """Start the generator.

        Raises:
            GeneratorError: it cannot answer.
        """
        await warm(self._generator)

    async def compare(self, step: Step) -> StepRecord:
        """What comes of `step`.

        Raises:
            LeanNotFoundError: there is no Lean for it.
        """
        record = StepRecord(self._name, *step.key, step.declaration, Outcome.FAILED)
        at = cut(step.text, step.place)
        prover = SteadyProver(self._prover)
        try:
            state = await prover.locate(Snapshot(step.path.as_uri(), 0, at.text), [at.site])
            if isinstance(state, NothingToProve):
                return replace(record, outcome=Outcome.NOT_STATED, reason=state.reason)
            if not same_goals(state.goals, step.goals):
                return replace(record, outcome=Outcome.NOT_STATED, reason=_OTHER_GOALS)
            await indexed(prover, state)
            return await self._compared(record, step, at, state)
        except LeanNotFoundError:
            raise
        except (GeneratorError, LeanError) as error:
            return replace(record, reason=str(error))

    async def _compared(self, record: StepRecord, step: Step, at: Cut, state: ProofState) -> StepRecord:
        known: dict[str, Verdict] = {}
        await self._judge(state, [step.human], known)
        asked = []
        for tokens, prefix in enumerate(prefixes(step.human, self._longest)):
            question = Question(
                state.goals,
                prefix=prefix,
                context=at.above,
                count=self._count,
                seconds=_SECONDS,
                toolchain=state.toolchain,
                lemmas=lambda: self._prover.lemmas(state),
            )
            proposals = await propose([self._generator], question, _SECONDS)
            if proposals.failures:
                raise GeneratorError(" ".join(proposals.failures))
            await self._judge(state, [one.text for one in proposals.candidates], known)
            asked.append(_asked(tokens, prefix, state, proposals.candidates, known))
        asked[0], human = await self._timed(state, asked[0], _judged(step.human, known[step.human]))
        return replace(record, outcome=Outcome.JUDGED, human=human, asked=tuple(asked))

    async def _timed(self, state: ProofState, asked: Asked, human: Judged) -> tuple[Asked, Judged]:
        """`asked` and `human` with what Lean takes, the second time, for the best and for this one."""
        best = None if asked.best is None else asked.candidates[asked.best]
        again: dict[str, Verdict] = {}
        await self._judge(state, list(dict.fromkeys([human.text, *([best.text] if best else [])])), again)
        timed = [
            replace(one, milliseconds=round(float(again[one.text].milliseconds), 1)) if one is best else one
            for one in asked.candidates
        ]
        milliseconds = round(float(again[human.text].milliseconds), 1)
        return replace(asked, candidates=tuple(timed)), replace(human, milliseconds=milliseconds)

    async def _judge(self, state: ProofState, texts: Sequence[str], known: dict[str, Verdict]) -> None:
        """Add Lean's verdicts on `texts` to those that are known."""
        async with aclosing(self._prover.check(state, [one for one in texts if one not in known])) as judged:
            known.update([pair async for pair in judged])

    async def aclose(self) -> None:
        """End the generator."""
        await self._generator.aclose()


def _asked(
    tokens: int, prefix: str, state: ProofState, candidates: Sequence[Candidate], known: dict[str, Verdict]
) -> Asked:
    judged = tuple(_judged(one.text, known[one.text], one.score) for one in candidates)
    # What Lean took is no matter, so that the order is the same a second time.
    suggestions = [
        Suggestion(one, replace(verdict, milliseconds=0.0), insertion(state.site, one.text))
        for one in candidates
        if (verdict := known[one.text]).accepted and not verdict.proposals
    ]
    ranked = rank(suggestions)
    best = [one.text for one in candidates].index(ranked[0].candidate.text) if ranked else None
    return Asked(tokens, prefix, judged, best)


def _judged(text: str, verdict: Verdict, score: float | None = None) -> Judged:
    status = step_status(verdict).value
    return Judged(text, status, len(verdict.goals), round(float(verdict.milliseconds), 1), score)
