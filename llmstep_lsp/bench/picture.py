"""Owns the picture of `llmstep-lsp bench all`: a panel for each part."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmstep_lsp.bench.lsp import Figure as Wait
from llmstep_lsp.bench.report import Results
from llmstep_lsp.bench.runtime_plot import draw_latency
from llmstep_lsp.bench.verify import Measurement
from llmstep_lsp.evaluation.plot import draw_solved


def plot_results(results: Results, file: Path) -> None:
    """Draw into `file`; a part without figures says so in its panel."""
    figure = Figure(figsize=(14, 10), layout="constrained")
    panels = dict(zip((one.part for one in results.all), figure.subplots(2, 2).flat, strict=True))
    if runtime := results.runtime.figures:
        draw_latency(panels["runtime"], runtime.rows)
    if verify := results.verify.figures:
        _draw_speed(panels["verify"], verify.rows)
    if lsp := results.lsp.figures:
        _draw_waits(panels["lsp"], [one for one in lsp.figures if one.budget])
    if evaluation := results.eval.figures:
        draw_solved(panels["eval"], evaluation.records)
    for one in results.all:
        axes = panels[one.part]
        if one.figures is None:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "failed" if one.failed else "not measured", ha="center")
        axes.set_title(": ".join(filter(None, (one.part, axes.get_title()))))
    figure.savefig(file)


def _draw_speed(axes: Axes, found: Sequence[Measurement]) -> None:
    """Candidates a second: a bar for each way, in groups by file."""
    files, ways = list(dict.fromkeys(m.file for m in found)), list(dict.fromkeys(m.way for m in found))
    width = 0.8 / len(ways)
    for number, way in enumerate(ways):
        own = [m for m in found if m.way == way]
        at = [files.index(m.file) + (number - (len(ways) - 1) / 2) * width for m in own]
        bars = axes.bar(at, [m.per_second for m in own], width, label=way)
        axes.bar_label(bars, fmt="%.0f", fontsize="small")
    axes.set(title="candidates judged a second", xticks=range(len(files)), xticklabels=files)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize="small")


def _draw_waits(axes: Axes, figures: Sequence[Wait]) -> None:
    """p50 and p95 in milliseconds, a colour for each file, beside the budgets of both."""
    rows = list(dict.fromkeys((one.what, one.when, one.budget) for one in figures))
    for number, file in enumerate(dict.fromkeys(one.file for one in figures)):
        own = [one for one in figures if one.file == file]
        at = [rows.index((one.what, one.when, one.budget)) for one in own]
        name, color = file or "the server", f"C{number}"
        axes.plot([one.p50 for one in own], at, "o", color=color, label=f"{name}, p50")
        axes.plot([one.p95 for one in own], at, ">", color=color, mfc="none", label=f"{name}, p95")
    for percentile, style in enumerate(("-", ":")):
        limits = [budget[percentile] for _, _, budget in rows if budget]
        low, high = ([row + half for row in range(len(rows))] for half in (-0.4, 0.4))
        axes.vlines(limits, low, high, color="0.4", ls=style, label=f"budget, p{(50, 95)[percentile]}")
    axes.set(title="milliseconds an editor waits", xscale="log", yticks=range(len(rows)))
    axes.set_yticklabels([f"{what}, {when}" for what, when, _ in rows], fontsize="small")
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize="small")
