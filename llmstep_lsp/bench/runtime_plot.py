"""Owns the picture of a runtime benchmark: suggestions a second and latency by requests at a time."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmstep_lsp.bench.runtime import CONCURRENT, FAIR, Runtime

FORMATS = frozenset(Figure().canvas.get_supported_filetypes())
"""The ends of the names of files that can be drawn."""


def plot_runtime(found: Sequence[Runtime], file: Path) -> None:
    """Draw `found` into `file`; its suffix, one of `FORMATS`, says how."""
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text, which can be searched
    figure = Figure(figsize=(10, 4), layout="constrained")
    speed, latency = figure.subplots(1, 2)
    for name, rows in _by_generator(found):
        at = [one.concurrent for one in rows]
        speed.plot(at, [one.suggestions / one.seconds for one in rows], marker="o", label=name)
    _finish(speed, "suggestions a second")
    draw_latency(latency, found)
    figure.savefig(file)


def draw_latency(axes: Axes, found: Sequence[Runtime]) -> None:
    """Draw p50 and p95 of each generator."""
    for name, rows in _by_generator(found):
        at = [one.concurrent for one in rows]
        (line,) = axes.plot(at, [one.p50 for one in rows], marker="o", label=f"{name}, p50")
        p95 = [one.p95 for one in rows]
        axes.plot(at, p95, marker="^", ls=":", color=line.get_color(), label=f"{name}, p95")
    _finish(axes, "milliseconds a request")


def _by_generator(found: Sequence[Runtime]) -> list[tuple[str, list[Runtime]]]:
    names = dict.fromkeys(one.generator for one in found)
    return [(name, [one for one in found if one.generator == name and one.method == FAIR]) for name in names]


def _finish(axes: Axes, title: str) -> None:
    axes.set(title=title, xlabel="requests at a time", xscale="log", yscale="log", xticks=CONCURRENT)
    axes.set_xticklabels([str(n) for n in CONCURRENT])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
