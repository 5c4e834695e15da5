"""Owns the picture of a runtime benchmark: suggestions a second and latency by requests at a time."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from llmstep_lsp.bench.runtime import CONCURRENT, FAIR, Runtime

FORMATS = frozenset(Figure().canvas.get_supported_filetypes())
"""The ends of the names of files that can be drawn."""


def plot_runtime(found: Sequence[Runtime], file: Path) -> None:
    """Draw `found` into `file`; its suffix, one of `FORMATS`, says how."""
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text, which can be searched
    figure = Figure(figsize=(10, 4), layout="constrained")
    speed, latency = figure.subplots(1, 2)
    for name in dict.fromkeys(one.generator for one in found):
        rows = [one for one in found if one.generator == name and one.method == FAIR]
        at = [one.concurrent for one in rows]
        (line,) = speed.plot(at, [one.suggestions / one.seconds for one in rows], marker="o", label=name)
        latency.plot(at, [one.p50 for one in rows], marker="o", color=line.get_color(), label=f"{name}, p50")
        latency.plot(
            at, [one.p95 for one in rows], marker="^", ls=":", color=line.get_color(), label=f"{name}, p95"
        )
    for axes, title in ((speed, "suggestions a second"), (latency, "milliseconds a request")):
        axes.set(title=title, xlabel="requests at a time", xscale="log", yscale="log", xticks=CONCURRENT)
        axes.set_xticklabels([str(n) for n in CONCURRENT])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.savefig(file)
