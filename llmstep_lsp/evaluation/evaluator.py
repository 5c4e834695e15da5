"""Owns the evaluation of one theorem after the other, by one Lean and one set of generators."""

import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from llmstep_lsp.adapters.lean.hooked_prover import HookedProver
from llmstep_lsp.adapters.lean.scratches import path_of
from llmstep_lsp.adapters.lean.toolchain import find_toolchain
from llmstep_lsp.domain.commands import command_at
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import NothingToProve, ProofState, Status, Verdict
from llmstep_lsp.domain.search import Limits
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.domain.text import apply, offset
from llmstep_lsp.errors import GeneratorError, LeanError, LeanNotFoundError
from llmstep_lsp.evaluation.recheck import refutation
from llmstep_lsp.evaluation.record import Outcome, Record
from llmstep_lsp.evaluation.steady import SteadyGenerator, SteadyProver
from llmstep_lsp.evaluation.theorems import Theorem
from llmstep_lsp.ports import Generator, Question
from llmstep_lsp.service.propose import propose
from llmstep_lsp.service.prove import ProofRequest, Searcher

_NOT_ONE = "It must have exactly one `sorry`."
# Models may have to be fetched first.
_SECONDS_TO_START = 3600.0
_SECONDS_TO_INDEX = 300.0
# Without its index, Lean takes all the time that it has for a question.
_SECONDS_FOR_LEMMAS = 0.4
# Lean reads the whole file from its beginning, the imports included.
_SECONDS_TO_RECHECK = 300.0


@dataclass(frozen=True)
class Task:
    """What is done with each theorem: search within `limits`, or else only its `first` candidates judged."""

    limits: Limits
    first: int | None


class Evaluator:
    """Evaluates the generators of `set_`; `lean` is what the person chose, as `prover` was made with it.

    Several may share a `prover`, which is for others to close.
    """

    def __init__(
        self,
        set_: str,
        prover: HookedProver,
        generators: Sequence[Generator],
        lean: str | None,
        task: Task,
    ) -> None:
        self._set = set_
        self.prover = prover
        self._generator = SteadyGenerator(set_, generators)
        self._lean = lean
        self._task = task

    async def warm(self) -> None:
        """Start the generators, which no theorem should pay for.

        Raises:
            GeneratorError: one of them cannot answer.
        """
        await warm(self._generator)

    async def evaluate(self, theorem: Theorem) -> Record:
        """What comes of `theorem`.  Lean is started, and reads the file as far as it, before the clock is.

        Raises:
            LeanNotFoundError: there is no Lean for it.
        """
        record = Record(self._set, theorem.name, theorem.file, theorem.line, Outcome.FAILED)
        prover = SteadyProver(self.prover)
        try:
            state = await _state(prover, theorem)
            if isinstance(state, str):
                return replace(record, outcome=Outcome.NOT_STATED, reason=state)
            await indexed(prover, state)
            if self._task.first is None:
                found = await self._search(record, theorem, prover)
            else:
                found = await self._judge(record, state, prover, self._task.first)
        except LeanNotFoundError:
            raise
        except (GeneratorError, LeanError) as error:
            return replace(record, reason=str(error))
        return replace(found, unknown=prover.unknown)

    async def _search(self, record: Record, theorem: Theorem, prover: SteadyProver) -> Record:
        """A proof, if one is found, and what a new run of Lean says of it."""
        assert theorem.place  # noqa: S101  # it has a state
        request = ProofRequest(theorem.snapshot, theorem.place, self._task.limits)
        proof = await Searcher(prover, [self._generator]).prove(request, lambda _: None)
        if proof.failures:
            raise GeneratorError(" ".join(proof.failures))
        found = replace(
            record,
            outcome=Outcome.UNSOLVED,
            reason=" ".join(proof.notes),
            proof=proof.text,
            steps=proof.steps,
            nodes=proof.nodes,
            candidates=proof.candidates,
            seconds=round(proof.seconds, 3),
        )
        if proof.edit is None:
            return found
        toolchain = find_toolchain(path_of(theorem.snapshot.uri), self._lean)
        final = apply(theorem.snapshot.text, proof.edit)
        refuted = await refutation(toolchain, final, theorem.place.line, _SECONDS_TO_RECHECK)
        if refuted is None:
            return replace(found, outcome=Outcome.SOLVED, reason="")
        return replace(found, outcome=Outcome.REFUTED, reason=refuted)

    async def _judge(self, record: Record, state: ProofState, prover: SteadyProver, first: int) -> Record:
        """What Lean says of the `first` candidates for `state`."""
        started = time.perf_counter()
        text = state.snapshot.text
        question = Question(
            state.goals,
            prefix="",
            context=text[: offset(text, state.site.range.start)],
            count=first,
            seconds=self._task.limits.seconds,
            toolchain=state.toolchain,
            lemmas=lambda: prover.lemmas(state),
        )
        proposals = await propose([self._generator], question, self._task.limits.seconds)
        if proposals.failures:
            raise GeneratorError(" ".join(proposals.failures))
        texts = [candidate.text for candidate in proposals.candidates]
        async with aclosing(prover.check(state, texts)) as judged:
            verdicts = {text: verdict async for text, verdict in judged}
        return replace(
            record,
            outcome=Outcome.JUDGED,
            nodes=1,
            candidates=len(texts),
            seconds=round(time.perf_counter() - started, 3),
            steps=tuple(texts),
            verdicts=tuple(step_status(verdicts[text]).value for text in texts),
        )

    async def aclose(self) -> None:
        """End the generators."""
        await self._generator.aclose()


async def warm(generator: Generator) -> None:
    """Start `generator`.

    Raises:
        GeneratorError: it cannot answer.
    """
    question = Question((parse_goal("⊢ True"),), prefix="", context="", count=1)
    proposals = await propose([generator], question, _SECONDS_TO_START)
    if proposals.failures:
        raise GeneratorError(" ".join(proposals.failures))


async def _state(prover: SteadyProver, theorem: Theorem) -> ProofState | str:
    """The goals of `theorem`, or why there are none."""
    if theorem.place is None:
        return _NOT_ONE
    text = theorem.snapshot.text
    state = await prover.locate(theorem.snapshot, sites_at(text, theorem.place))
    if isinstance(state, NothingToProve):
        return state.reason
    first = command_at(text, theorem.place.line).first
    own = sorted(error for error in state.errors if error[0].line >= first)
    return own[0][1] if own else state


async def indexed(prover: SteadyProver, state: ProofState) -> None:
    """Wait until Lean has indexed its library, which is begun by the first question for lemmas."""
    end = time.monotonic() + _SECONDS_TO_INDEX
    while (asked := time.monotonic()) < end:
        if await prover.lemmas(state) or time.monotonic() - asked < _SECONDS_FOR_LEMMAS:
            return  # no lemma, but soon: there is none


def step_status(verdict: Verdict) -> Status:
    """What `verdict` says of a step; `exact?` and the like ask for one, and are none."""
    return Status.REFUSED if verdict.proposals else verdict.status
