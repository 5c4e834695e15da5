"""Owns the pictures of the answers."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from llmstep_lsp.evaluation.statistics import Rate
from llmstep_lsp.science.tables import AtPrefix, Comparison, Scaled

# A bar for each rank up to this one.
_RANKS = 32


def plot_scaling(rows: Sequence[Scaled], count: int, file: Path) -> None:
    """Draw loss and accepted steps by parameters, a line for each architecture."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(ncols=2)
    for architecture in dict.fromkeys(one.model.architecture for one in rows):
        own = sorted(
            (one for one in rows if one.model.architecture == architecture),
            key=lambda one: one.model.parameters,
        )
        tested = [(one.model.parameters, one.model.loss) for one in own if one.model.loss is not None]
        if tested:
            left.plot(*zip(*tested, strict=True), marker="o", label=architecture)
        sizes, shares = [one.model.parameters for one in own], [one.accepted.at_k for one in own]
        right.errorbar(sizes, *_points(shares), marker="o", capsize=3, label=architecture)
    left.set(xlabel="parameters", ylabel="held-out loss (nats a token)", xscale="log")
    right.set(xlabel="parameters", ylabel=f"% of theorems, accepted@{count}", xscale="log")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    right.legend(fontsize="small")
    figure.savefig(file)


def plot_prefix(rows: Sequence[AtPrefix], file: Path) -> None:
    """Draw what a prefix is worth, by its tokens."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    known = [one for one in rows if one.accepted.of]
    for label, rates in (
        ("accepted", [one.accepted for one in known]),
        ("closes the goal", [one.closes for one in known]),
        ("the human step", [one.human for one in known]),
    ):
        tokens = [one.tokens for one in known]
        axes.errorbar(tokens, *_points(rates), marker="o", capsize=3, label=label)
    axes.set(title="steps with such a candidate", xlabel="tokens of the prefix", ylabel="%")
    axes.set_ylim(0, 100)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(file)


def plot_ranks(found: Comparison, file: Path) -> None:
    """Draw how often the human step has each rank."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    ranks = [rank for rank in found.ranks if rank is not None]
    last = max([*ranks, _RANKS])
    axes.bar(range(1, last + 1), [ranks.count(rank) for rank in range(1, last + 1)])
    absent = len(found.ranks) - len(ranks)
    axes.set(
        title=f"rank of the human step; not among the candidates: {absent} of {len(found.ranks)}",
        xlabel="rank",
        ylabel="steps",
    )
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3, axis="y")
    figure.savefig(file)


def _points(rates: Sequence[Rate]) -> tuple[list[float], list[list[float]]]:
    """Percentages, and how far their intervals reach below and above them."""
    below = [100 * max(0.0, one.rate - one.low) for one in rates]
    above = [100 * max(0.0, one.high - one.rate) for one in rates]
    return [100 * one.rate for one in rates], [below, above]
