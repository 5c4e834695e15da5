"""Owns the path from a position in a document to a whole proof that Lean has accepted, by search."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from llmstep_lsp.domain.insertion import following, insertion, joined, on_new_line
from llmstep_lsp.domain.model import (
    Candidate,
    Goal,
    NothingToProve,
    ProofState,
    Site,
    Snapshot,
    Status,
    Suggestion,
)
from llmstep_lsp.domain.script import structured
from llmstep_lsp.domain.search import Frontier, Limits, Node, children
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.domain.text import Edit, Position
from llmstep_lsp.ports import Generator, Prover, Question
from llmstep_lsp.service.collect import Collector, Run

_log = logging.getLogger(__name__)

# Steps such as `exact?`, which search the library: one takes as long as ten others, with Mathlib seconds.
_QUESTION = re.compile(r"\w+\?")


@dataclass(frozen=True)
class ProofRequest:
    """What somebody asks: a proof of what is to be proved at `position`."""

    snapshot: Snapshot
    position: Position
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Progress:
    """How far a search is: states expanded and open, and the best open one with the steps to it."""

    nodes: int
    open: int
    goals: tuple[Goal, ...]
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Proof:
    """What is known when a search ends.

    `text`, None if nothing was found, is what Lean accepted as a whole; `edit` inserts exactly that.
    `status` is FINISHES, or CLOSES if the declaration has more to prove elsewhere, UNKNOWN without
    a proof.  So many `nodes` were expanded, by so many `candidates`.  `notes` are sentences for the
    person, `failures` say which generators failed, and why.
    """

    text: str | None
    edit: Edit | None
    status: Status
    goals: tuple[Goal, ...]
    nodes: int
    candidates: int
    seconds: float
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True)
class _Unasking:
    """A generator without its questions: behind a first step, they are not worth their time."""

    inner: Generator

    @property
    def name(self) -> str:
        return self.inner.name

    async def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        async with aclosing(self.inner.candidates(question)) as proposed:
            async for candidate in proposed:
                if not _QUESTION.match(candidate.text):
                    yield candidate

    async def aclose(self) -> None:
        await self.inner.aclose()


class Searcher:
    """Finds whole proofs: `prover` judges, `generators` propose, with `repair` as in `Collector`."""

    def __init__(self, prover: Prover, generators: Sequence[Generator], *, repair: bool = False) -> None:
        self._prover = prover
        self._first = Collector(prover, generators, repair=repair)
        self._behind = Collector(prover, [_Unasking(one) for one in generators], repair=repair)

    async def prove(self, request: ProofRequest, report: Callable[[Progress], None]) -> Proof:
        """The first proof found within the limits of `request`; `report` hears of each state expanded.

        To cancel, cancel the task.

        Raises:
            LeanError: Lean cannot be asked for the goals.
        """
        search = _Search(self._prover, self._first, self._behind, request, report)
        try:
            async with asyncio.timeout(request.limits.seconds):
                await search.run()
        except TimeoutError:
            search.end = f"Stopped after {request.limits.seconds:g} s, the time limit"
        return search.proof()


@dataclass(frozen=True)
class _Found:
    """A proof that Lean accepted as a whole."""

    text: str
    edit: Edit
    status: Status
    steps: tuple[str, ...]


class _Search:
    """One search under way; `end` says why it ended without a proof."""

    def __init__(
        self,
        prover: Prover,
        first: Collector,
        behind: Collector,
        request: ProofRequest,
        report: Callable[[Progress], None],
    ) -> None:
        self._prover = prover
        self._first = first
        self._behind = behind
        self._request = request
        self._report = report
        self._started = time.perf_counter()
        self._located: ProofState | NothingToProve | None = None
        self._nodes = 0
        self._candidates = 0
        self._open = 0
        self._found: _Found | None = None
        self._refusal: str | None = None
        self._failures: dict[str, None] = {}
        self.end = ""

    async def run(self) -> None:
        """Go on until there is a proof, nothing is left to try, or a limit other than that of time is met.

        Raises:
            LeanError: Lean cannot be asked for the goals.
        """
        snapshot = self._request.snapshot
        sites = sites_at(snapshot.text, self._request.position)
        self._located = (
            await self._prover.locate(snapshot, sites)
            if sites
            else NothingToProve("No goal here: the cursor is not in a tactic block.")
        )
        if isinstance(self._located, ProofState):
            await self._search(self._located)

    async def _search(self, root: ProofState) -> None:
        limits = self._request.limits
        others = len(root.goals) - _goals_to_prove(root)
        frontier = Frontier(Node(root.goals))
        self.end = "No state is left to try"
        while node := frontier.pop():
            if self._nodes == limits.nodes:
                self.end = "Stopped by the limit of states"
                return
            suggestions = await self._expanded(root, node)
            self._nodes += 1
            for child in children(node, suggestions):
                if len(child.goals) <= others:
                    if await self._accepted(root, child, len(root.goals) - others):
                        return
                elif len(child.steps) < limits.depth:
                    frontier.add(child)
                else:
                    self.end = f"No state is left to try with fewer than {limits.depth} steps, the limit"
            self._open = len(frontier)
            if best := frontier.best:
                steps = tuple(step.text for step in best.steps)
                self._report(Progress(self._nodes, self._open, best.goals, steps))

    def proof(self) -> Proof:
        """What is known by now."""
        found = self._found
        return Proof(
            text=found.text if found else None,
            edit=found.edit if found else None,
            status=found.status if found else Status.UNKNOWN,
            goals=self._located.goals if isinstance(self._located, ProofState) else (),
            nodes=self._nodes,
            candidates=self._candidates,
            seconds=time.perf_counter() - self._started,
            steps=found.steps if found else (),
            notes=tuple(self._notes()),
            failures=tuple(self._failures),
        )

    async def _expanded(self, root: ProofState, node: Node) -> list[Suggestion]:
        """The steps that Lean accepts at `node`, as far as they are found in time."""
        steps = [step.text for step in node.steps]
        state: ProofState | NothingToProve = root
        collector = self._behind if steps else self._first
        if steps:
            snapshot, site = following(root.snapshot, root.site, steps)
            state = await self._prover.locate(snapshot, [site])
        if isinstance(state, NothingToProve):
            _log.debug("no goals behind %s: %s", steps, state.reason)
            return []
        run = Run(close_enough=1)
        limits = self._request.limits
        try:
            async with asyncio.timeout(limits.node_seconds):
                await collector.collect(
                    state, run, prefix="", count=limits.expansion, seconds=limits.node_seconds
                )
        except TimeoutError:
            _log.debug("no more time for what follows %s", steps)
        finally:
            self._candidates += len(run.tried)
            self._failures |= dict.fromkeys(run.failures)
        return run.found

    async def _accepted(self, root: ProofState, node: Node, goals: int) -> bool:
        """Whether Lean accepts the steps to `node`, which prove so many `goals`, as one text."""
        for site, text in _writings(root, node, goals):
            async with aclosing(self._prover.check(replace(root, site=site), [text])) as verdicts:
                _, verdict = await anext(verdicts)
            if verdict.status in {Status.FINISHES, Status.CLOSES}:
                steps = tuple(step.text for step in node.steps)
                self._found = _Found(text, insertion(site, text), verdict.status, steps)
                return True
            _log.debug("%s as a whole: %r %s", verdict.status, text, verdict.reason)
            self._refusal = verdict.reason or verdict.status
        return False

    def _notes(self) -> Iterator[str]:
        if self._found:
            if self._found.status is Status.CLOSES:
                yield "The goal is closed; the declaration is not finished."
        elif isinstance(self._located, NothingToProve):
            yield self._located.reason
        elif self._located is None:
            seconds = self._request.limits.seconds
            yield f"Lean was not ready within {seconds:g} s. Ask again, or allow more time."
        else:
            yield f"{self.end}: {self._nodes} expanded, {self._open} open."
            if self._refusal:
                yield f"Steps were found that Lean accepts one by one, but not as one text: {self._refusal}"


def _goals_to_prove(root: ProofState) -> int:
    """How many of the goals a proof is for: a `sorry` stands for the first one alone, else all of them."""
    start, end = root.site.range.start, root.site.range.end
    replaced = root.snapshot.text.split("\n")[start.line][start.column : end.column]
    return 1 if replaced == "sorry" else len(root.goals)


def _writings(root: ProofState, node: Node, goals: int) -> Iterator[tuple[Site, str]]:
    """Where and how the steps to `node` may be written, the best way first."""
    steps = [step.text for step in node.steps]
    plain = joined(root.snapshot, root.site, steps)
    told: list[tuple[Site, str]] = []
    if "\n" in plain:
        site = on_new_line(root.snapshot, root.site) or root.site
        shaped = structured(node.steps, goals)
        if shaped and shaped.startswith(root.site.prefix):
            told.append((site, shaped))
        told.append((site, plain))
    told.append((root.site, plain))
    return iter(dict.fromkeys(told))
