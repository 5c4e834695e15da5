"""Owns the picture of a training: the loss by steps."""

import json
from pathlib import Path

from matplotlib.figure import Figure


def plot_loss(log: Path, file: Path) -> None:
    """Draw what `log` says into `file`, whose suffix says how."""
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for key, label in (("loss", "learned"), ("held_out_loss", "held out")):
        points = [(entry["step"], entry[key]) for entry in entries if key in entry]
        if points:
            axes.plot(*zip(*points, strict=True), label=label, marker="." if len(points) == 1 else None)
    axes.set(xlabel="step", ylabel="loss (nats a token)")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file)
