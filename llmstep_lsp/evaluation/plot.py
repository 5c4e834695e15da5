"""Owns the picture of an evaluation: how many theorems each set solves in how much time."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from llmstep_lsp.evaluation.record import Outcome, Record


def plot_solved(records: Sequence[Record], file: Path) -> None:
    """Draw into `file`."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    draw_solved(figure.subplots(), records)
    figure.savefig(file)


def draw_solved(axes: Axes, records: Sequence[Record]) -> None:
    """Draw a line for each set."""
    longest = max((one.seconds for one in records), default=1.0)
    for name in dict.fromkeys(one.set for one in records):
        done = [one for one in records if one.set == name and one.outcome is Outcome.SOLVED]
        times = sorted(one.seconds for one in done)
        solved = [*range(1, len(times) + 1), len(times)]
        axes.step([*times, longest], solved, where="post", marker=".", label=name)
    axes.set(title="theorems solved", xlabel="seconds for each theorem", xscale="log")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
