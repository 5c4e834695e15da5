"""Owns best-first proof search: its nodes, what leads from one to the next, and which is expanded next.

The open state with the highest cumulative log-probability of the steps that lead to it is expanded
first, as in GPT-f (Polu and Sutskever, arXiv 2009.03393) and the proof search that LLMSTEP's models
are evaluated with (Welleck and Saha, arXiv 2310.18457); a step counts by the mean over its tokens.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from llmstep_lsp.domain.model import Goal, Status, Suggestion
from llmstep_lsp.domain.ranking import UNSCORED, rank

_METAVARIABLE = re.compile(r"(?<![\w\])])\?\w")


@dataclass(frozen=True)
class Limits:
    """When a search stops: after `seconds`, or when so many `nodes` were expanded.

    No proof has more than `depth` steps.  At each node, every generator is asked for `expansion` steps,
    and what is found there within `node_share` of the time counts: no state should take all of it.
    """

    seconds: float = 60.0
    nodes: int = 100
    depth: int = 12
    expansion: int = 64
    node_share: float = 1 / 6

    @property
    def node_seconds(self) -> float:
        """The time for each node."""
        return self.seconds * self.node_share


@dataclass(frozen=True)
class Step:
    """A step that Lean accepted where the goals were `before`, and which left `after`."""

    text: str
    before: tuple[Goal, ...]
    after: tuple[Goal, ...]


@dataclass(frozen=True)
class Node:
    """A state with `goals`, the `steps` that lead to it, and the sum of their scores."""

    goals: tuple[Goal, ...]
    steps: tuple[Step, ...] = ()
    score: float = 0.0


def children(node: Node, suggestions: Sequence[Suggestion]) -> list[Node]:
    """The nodes that `suggestions` lead to from `node`, the most promising first.

    One that closes the focused goal leaves only the others.  So nothing else need be tried there, and,
    being no guess, it costs nothing: else a proof of many small parts would count as an improbable one.
    But if goals share what is not known yet (`?x`), the choice made for it matters.
    """
    ranked = rank(list(suggestions))
    closing = [one for one in ranked if one.verdict.status is not Status.ADVANCES]
    if closing and not any(_METAVARIABLE.search(goal.text) for goal in node.goals):
        return [_child(node, closing[0], 0.0)]
    return [
        _child(node, one, UNSCORED if one.candidate.score is None else one.candidate.score) for one in ranked
    ]


def _child(node: Node, suggestion: Suggestion, score: float) -> Node:
    left = suggestion.verdict.goals
    step = Step(suggestion.candidate.text, node.goals, left)
    return Node(left, (*node.steps, step), node.score + score)


class Frontier:
    """The open nodes, each state once, by the best way to it that is known."""

    def __init__(self, root: Node) -> None:
        self._open: dict[tuple[Goal, ...], Node] = {}
        self._expanded: set[tuple[Goal, ...]] = set()
        self.add(root)

    def __len__(self) -> int:
        return len(self._open)

    @property
    def best(self) -> Node | None:
        """The open node that is next: of equally good ones that with fewer goals, or steps, or the first."""
        return min(self._open.values(), key=_rank, default=None)

    def add(self, node: Node) -> None:
        """Make `node` open unless its state was expanded or is open by a way that is no worse.

        Scores never rise along a way, so nothing better can come once a state was expanded.
        """
        known = self._open.get(node.goals)
        if node.goals in self._expanded or (known and _rank(known) <= _rank(node)):
            return
        self._open.pop(node.goals, None)  # its turn among equals is that of the better way
        self._open[node.goals] = node

    def pop(self) -> Node | None:
        """Take the best node out, to expand it."""
        node = self.best
        if node:
            del self._open[node.goals]
            self._expanded.add(node.goals)
        return node


def _rank(node: Node) -> tuple[float, int, int]:
    return -node.score, len(node.goals), len(node.steps)
