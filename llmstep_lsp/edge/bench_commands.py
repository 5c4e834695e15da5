"""Owns `llmstep-lsp bench …`: what is measured here, for people and as JSON."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from llmstep_lsp.adapters.lean.toolchain import find_toolchain
from llmstep_lsp.bench.runtime import Runtime, measure_runtime, read_cases
from llmstep_lsp.bench.verify import PLAIN, Measurement, measure_verify
from llmstep_lsp.compose import make_measured
from llmstep_lsp.errors import InputError

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


@bench_app.command()
def runtime(  # noqa: PLR0913  # one parameter is one option
    *,
    generators: Annotated[
        list[str] | None,
        typer.Option("--generator", help="What to measure: ENGINE[,OPTION=VALUE…]; one or several."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(envvar="LLMSTEP_MODEL", help="One more: a model's folder, hub name or server URL."),
    ] = None,
    cases: Annotated[
        Path | None, typer.Option(help="JSON lines with `tactic_state` and `prefix`; ours by default.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many steps are wanted for each case.")] = 10,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the result into this file, such as runtime.svg.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """How long generators take to propose steps: LLMSTEP's measure, and p50/p95 for 1, 4, 16 at a time."""
    asked = read_cases(cases)
    draw = _drawing(plot) if plot else None
    measured = make_measured(tuple(generators or ()), model)
    if not measured:
        raise typer.BadParameter("say what to measure: --generator, or --model")

    def progress(stage: str) -> None:
        typer.echo(stage, err=True)

    async def measure() -> list[Runtime]:
        found: list[Runtime] = []
        for name, generator in measured:
            try:
                found += await measure_runtime(name, generator, asked, count, progress)
            finally:
                await generator.aclose()
        return found

    found = asyncio.run(measure())
    if as_json:
        for row in found:
            typer.echo(json.dumps(asdict(row)))
    else:
        console = Console(highlight=False)
        console.print(_runtime_table(found), width=None if console.is_terminal else 200)
    if draw:
        draw(found)


def _drawing(file: Path) -> Callable[[list[Runtime]], None]:
    """Draws into `file`; that nothing can be drawn is told before anything is measured.

    Raises:
        InputError: there is no matplotlib, or no such folder or format.
    """
    try:
        from llmstep_lsp.bench.runtime_plot import FORMATS, plot_runtime  # noqa: PLC0415  # the extra `bench`
    except ImportError as error:
        raise InputError(f"Nothing can be drawn ({error}): pip install 'llmstep-lsp[bench]'") from error
    if not file.absolute().parent.is_dir():
        raise InputError(f"{file} cannot be drawn: there is no folder {file.parent}.")
    if file.suffix.removeprefix(".") not in FORMATS:
        raise InputError(f"{file} cannot be drawn: its name must end in {', '.join(sorted(FORMATS))}.")

    def draw(found: list[Runtime]) -> None:
        plot_runtime(found, file)
        typer.echo(f"Drawn: {file}", err=True)

    return draw


def _runtime_table(found: list[Runtime]) -> Table:
    headings = (
        "generator",
        "method",
        "at a time",
        "s a request",
        "suggestions/s",
        "p50 ms",
        "p95 ms",
        "overhead",
    )
    table = Table(show_header=True, header_style="dim", box=None)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in {"generator", "method"} else "right")
    for one in found:
        table.add_row(
            one.generator,
            one.method,
            str(one.concurrent),
            f"{one.seconds / one.requests:.3f}",
            f"{one.suggestions / one.seconds:.1f}",
            f"{one.p50:.0f}",
            f"{one.p95:.0f}",
            "" if one.overhead is None else f"{one.overhead:.0%}",
        )
    return table


def _table(found: list[Measurement]) -> Table:
    plain = {m.file: m.per_second for m in found if m.way == PLAIN}
    table = Table(show_header=True, header_style="dim", box=None)
    for heading in ("file", "candidates judged by", "a second", "p50 ms", "p95 ms", "times plain"):
        table.add_column(heading, justify="left" if heading in {"file", "candidates judged by"} else "right")
    for m in found:
        ratio = m.per_second / plain[m.file]
        table.add_row(m.file, m.way, f"{m.per_second:.0f}", f"{m.p50:.1f}", f"{m.p95:.1f}", f"{ratio:.1f}")
    return table
