"""Owns `llmstep-lsp bench …`: what is measured here, for people and as JSON."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from llmstep_lsp.adapters.lean.toolchain import find_toolchain
from llmstep_lsp.bench.verify import PLAIN, Measurement, measure_verify

bench_app = typer.Typer(help="Measure on this machine.", no_args_is_help=True, pretty_exceptions_enable=False)


@bench_app.callback()
def bench() -> None:
    """Measure on this machine."""


@bench_app.command()
def verify(
    *,
    lean: Annotated[
        str | None, typer.Option(envvar="LLMSTEP_LEAN", help="A `lean` or a toolchain's folder.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each way is measured.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """How fast candidates are judged, by the Lean package and without it, in short and long files."""
    toolchain = find_toolchain(Path(), lean)

    def progress(stage: str) -> None:
        typer.echo(stage, err=True)

    found = asyncio.run(measure_verify(Path().absolute(), toolchain, rounds, progress))
    if as_json:
        for measurement in found:
            typer.echo(json.dumps(asdict(measurement)))
    else:
        Console(highlight=False).print(_table(found))


def _table(found: list[Measurement]) -> Table:
    plain = {m.file: m.per_second for m in found if m.way == PLAIN}
    table = Table(show_header=True, header_style="dim", box=None)
    for heading in ("file", "candidates judged by", "a second", "p50 ms", "p95 ms", "times plain"):
        table.add_column(heading, justify="left" if heading in {"file", "candidates judged by"} else "right")
    for m in found:
        ratio = m.per_second / plain[m.file]
        table.add_row(m.file, m.way, f"{m.per_second:.0f}", f"{m.p50:.1f}", f"{m.p95:.1f}", f"{ratio:.1f}")
    return table
