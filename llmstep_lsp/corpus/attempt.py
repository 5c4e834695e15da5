"""Owns how one goal is attempted inside Lean, and what is kept of a proof: each of its steps."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from llmstep_lsp.corpus.repertoire import REST, Ruled, Surroundings, advancing, closing
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Goal, Status, Verdict

Judge = Callable[[Sequence[str]], Awaitable[list[Verdict]]]
"""Lean's verdicts on steps for the goals at one place, in their order."""

Ask = Callable[[Goal], Awaitable[list[str]]]
"""Steps for a goal that somebody else has, such as a model in training."""

# How many ways to close a goal are kept, how many of them are freed of lemmas that they do not need, and how
# many steps that do not close it are followed.
_KEPT = 6
_SPARED = 3
_FOLLOWED = 5
# No branch of a proof has more steps that close nothing.
_DEPTH = 2
_ROWS = 2


@dataclass(frozen=True)
class Learned:
    """A step and the states around it, all their goals in Lean's words."""

    before: tuple[str, ...]
    tactic: str
    after: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: the `proof`, if there is one, and every step that is worth learning."""

    proof: tuple[str, ...] = ()
    learned: tuple[Learned, ...] = ()
    judged: int = 0


async def attempt(
    goals: Sequence[str],
    around: Surroundings,
    judge: Judge,
    seconds: float,
    ask: Ask | None = None,
) -> Outcome:
    """Try to prove `goals`, within `seconds` or a little more."""
    trying = _Attempt(around, judge, time.monotonic() + seconds, ask)
    proof = await trying.prove((), tuple(goals), _DEPTH)
    if proof is None:
        return Outcome(judged=trying.judged)
    return Outcome(proof.steps, proof.learned, trying.judged)


@dataclass(frozen=True)
class _Proof:
    steps: tuple[str, ...] = ()
    learned: tuple[Learned, ...] = ()


class _Attempt:
    def __init__(self, around: Surroundings, judge: Judge, deadline: float, ask: Ask | None) -> None:
        self._around = around
        self._judge = judge
        self._deadline = deadline
        self._ask = ask
        self.judged = 0

    async def prove(self, path: tuple[str, ...], goals: tuple[str, ...], depth: int) -> _Proof | None:
        """A proof of `goals`, which are there behind the steps `path`."""
        if not goals:
            return _Proof()
        if self._is_late():
            return None
        focused = parse_goal(goals[0])
        rest = goals[1:]
        if found := await self._closing(path, focused, rest):
            behind = await self.prove((*path, found[0]), rest, depth)
            learned = tuple(Learned(goals, text, rest) for text in found)
            return behind and _Proof((found[0], *behind.steps), (*learned, *behind.learned))
        return await self._advanced(path, goals, depth) if depth else None

    async def _advanced(self, path: tuple[str, ...], goals: tuple[str, ...], depth: int) -> _Proof | None:
        """A proof of `goals` that begins with a step that does not close the first."""
        focused, rest = parse_goal(goals[0]), goals[1:]
        followed = 0
        texts = advancing(focused, self._around)
        for text, verdict in await self._verdicts(path, texts):
            after = tuple(goal.text for goal in verdict.goals)
            if verdict.status is not Status.ADVANCES or after[len(after) - len(rest) :] != rest:
                continue
            followed += 1
            if followed > _FOLLOWED or self._is_late():
                return None
            proof = await self.prove((*path, text), after, depth - 1)
            if proof is not None:
                return _Proof((text, *proof.steps), (Learned(goals, text, after), *proof.learned))
        return None

    async def _closing(self, path: tuple[str, ...], goal: Goal, rest: tuple[str, ...]) -> list[str]:
        """Up to `_KEPT` steps that close `goal`, the first one to be gone on with.

        One that needs few lemmas of those it names is kept with all of them too: which are needed
        cannot be told from names.
        """
        if self._ask:
            proposed = await self._ask(goal)
            if found := await self._closers(path, proposed, rest):
                return found[:_KEPT]
        batches = [batch for batch in closing(goal, self._around, root=not path) if batch]
        while batches:
            if self._is_late():
                return []
            # Two batches at a time keep Lean's threads busy.
            steps = [step for batch in batches[:_ROWS] for step in batch]
            batches = batches[_ROWS:]
            found = await self._closers(path, [step.text for step in steps], rest)
            needless = {text + REST for text in found}
            found = [text for text in found if text not in needless]
            if found:
                known = {step.text: step for step in steps}
                spared = [await self._with_fewer_lemmas(path, known[text], rest) for text in found[:_SPARED]]
                return list(dict.fromkeys([*spared, *found]))[:_KEPT]
        return []

    async def _with_fewer_lemmas(self, path: tuple[str, ...], step: Ruled, rest: tuple[str, ...]) -> str:
        """`step` without lemmas that it does not need, if that can be found out at once."""
        if not step.lemmas:
            return step.text
        each = [
            replace(step, lemmas=tuple(other for other in step.lemmas if other != lemma))
            for lemma in step.lemmas
        ]
        spared = set(await self._closers(path, [one.text for one in each], rest))
        needed = tuple(lemma for lemma, one in zip(step.lemmas, each, strict=True) if one.text not in spared)
        least = replace(step, lemmas=needed)
        if least != step and await self._closers(path, [least.text], rest):
            return least.text
        return next((one.text for one in each if one.text in spared), step.text)

    async def _closers(self, path: tuple[str, ...], texts: Sequence[str], rest: tuple[str, ...]) -> list[str]:
        return [
            text
            for text, verdict in await self._verdicts(path, texts)
            if verdict.accepted and tuple(goal.text for goal in verdict.goals) == rest
        ]

    async def _verdicts(self, path: tuple[str, ...], texts: Sequence[str]) -> list[tuple[str, Verdict]]:
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return []
        self.judged += len(distinct)
        verdicts = await self._judge(["\n".join([*path, text]) for text in distinct])
        return list(zip(distinct, verdicts, strict=True))

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline
