"""Owns `llmstep-lsp bench …`: what is measured here, for people and as JSON."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from llmstep_lsp.adapters.lean.toolchain import find_toolchain
from llmstep_lsp.bench.lsp import WHAT, WHEN, measure_lsp
from llmstep_lsp.bench.prove import Attempt, measure_prove, read_goals, totals
from llmstep_lsp.bench.proxy import Latency, measure_proxy
from llmstep_lsp.bench.runtime import Runtime, measure_runtime, read_cases
from llmstep_lsp.bench.tables import lsp_caption, lsp_tables, runtime_table, verify_table
from llmstep_lsp.bench.verify import measure_verify
from llmstep_lsp.compose import Setup, make_measured, make_parts
from llmstep_lsp.domain.search import Limits
from llmstep_lsp.edge.bench_all import bench_all, plain_server
from llmstep_lsp.edge.options import MeasuredGeneratorsOption, MeasuredLeanOption, MeasuredModelOption
from llmstep_lsp.edge.output import output
from llmstep_lsp.errors import InputError
from llmstep_lsp.evaluation.report import Table as Said

_LSP_WIDTHS = (max(map(len, WHAT)), max(map(len, WHEN)), 5, 5, 5, len("800 / 1500"), 5)

bench_app = typer.Typer(help="Measure on this machine.", no_args_is_help=True, pretty_exceptions_enable=False)


@bench_app.callback()
def bench() -> None:
    """Measure on this machine."""


bench_app.command(name="all")(bench_all)


@bench_app.command()
def verify(
    *,
    lean: MeasuredLeanOption = None,
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
        output().print(_shown(verify_table(found), 2))


@bench_app.command()
def runtime(  # noqa: PLR0913  # one parameter is one option
    *,
    generators: Annotated[
        list[str] | None,
        typer.Option("--generator", help="What to measure: ENGINE[,OPTION=VALUE…]; one or several."),
    ] = None,
    model: MeasuredModelOption = None,
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

    found = list(asyncio.run(measure_runtime(measured, asked, count, progress)).rows)
    if as_json:
        for row in found:
            typer.echo(json.dumps(asdict(row)))
    else:
        output().print(_shown(runtime_table(found), 2))
    if draw:
        draw(found)


@bench_app.command()
def prove(  # noqa: PLR0913  # one parameter is one option
    *,
    lean: MeasuredLeanOption = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Who proposes steps: generators with spaces between; several sets are compared.",
        ),
    ] = None,
    goals: Annotated[
        Path | None, typer.Option(help="A file with a `sorry` for each goal; ours by default.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="Time for each goal.")] = 15.0,
    nodes: Annotated[int, typer.Option(min=1, help="How many proof states are looked at for each.")] = 100,
    depth: Annotated[int, typer.Option(min=1, help="How many steps a proof may have.")] = 12,
    expansion: Annotated[int, typer.Option(min=1, help="How many steps are tried at a proof state.")] = 64,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a goal, as it is known.")
    ] = False,
) -> None:
    """How many goals are proved by one step and by search, for each set of generators."""
    snapshot = read_goals(goals, Path())
    limits = Limits(seconds=seconds, nodes=nodes, depth=depth, expansion=expansion)

    async def measure() -> list[Attempt]:
        found: list[Attempt] = []
        for name in sets or ["symbolic"]:
            parts = make_parts(Setup(lean, tuple(name.split())))
            if parts.problems:
                raise InputError(" ".join(parts.problems))
            try:
                async for attempt in measure_prove(name, parts.prover, parts.generators, snapshot, limits):
                    found.append(attempt)
                    if as_json:
                        typer.echo(json.dumps(asdict(attempt), ensure_ascii=False))
                    else:
                        typer.echo(_attempt_line(attempt), err=True)
            finally:
                await parts.aclose()
        return found

    found = asyncio.run(measure())
    if not as_json:
        output().print(_totals_table(found))


def _attempt_line(one: Attempt) -> str:
    outcome = f"{len(one.steps)} steps" if one.steps else "no proof"
    return f"{one.generators}: {one.goal}: {outcome}, {one.nodes} states, {one.seconds:.1f} s"


def _totals_table(found: list[Attempt]) -> Table:
    table = Table(show_header=True, header_style="dim", box=None)
    for heading in ("generators", "goals", "by one step", "by search", "states a proof", "s a proof"):
        table.add_column(heading, justify="left" if heading == "generators" else "right")
    for one in totals(found):
        row = (one.goals, one.single, one.proved, f"{one.nodes:g}", f"{one.seconds:.1f}")
        table.add_row(one.generators, *map(str, row))
    return table


@bench_app.command()
def proxy(
    *,
    lean: MeasuredLeanOption = None,
    rounds: Annotated[int, typer.Option(min=2, help="How often the file is edited and looked at.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """How long the proxy keeps the messages between an editor and Lean's server."""
    toolchain = find_toolchain(Path(), lean)

    def progress(stage: str) -> None:
        typer.echo(stage, err=True)

    found = measure_proxy(Path().absolute(), toolchain.server, rounds, progress)
    if as_json:
        for latency in found:
            added = {"added_p50": latency.added_p50, "added_p95": latency.added_p95}
            typer.echo(json.dumps({**asdict(latency), **added}))
    else:
        output().print(_proxy_table(found))


@bench_app.command()
def lsp(
    *,
    lean: MeasuredLeanOption = None,
    generators: MeasuredGeneratorsOption = None,
    model: MeasuredModelOption = None,
    rounds: Annotated[int, typer.Option(min=1, help="How many goals are asked about in each file.")] = 6,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """How long an editor waits: each kind of request, cached and cold, and each stage, beside its budget."""

    def progress(stage: str) -> None:
        typer.echo(stage, err=True)

    report = measure_lsp(*plain_server(lean, generators, model), rounds, progress)
    if as_json:
        typer.echo(json.dumps(asdict(report), ensure_ascii=False))
    else:
        console = output()
        for table in lsp_tables(report):
            console.print(_shown(table, 2, _LSP_WIDTHS))
        console.print(lsp_caption(report), soft_wrap=True)


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


def _proxy_table(found: list[Latency]) -> Table:
    """Milliseconds on the way to Lean's server and back."""
    table = Table(show_header=True, header_style="dim", box=None)
    headings = ("request", "number", "Lean ms", "direct p50", "p95", "proxy p50", "p95", "added p50", "p95")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "request" else "right")
    for one in found:
        times = (one.lean, one.direct_p50, one.direct_p95, one.proxied_p50, one.proxied_p95)
        added = (one.added_p50, one.added_p95)
        table.add_row(one.method, str(one.requests), *(f"{ms:.2f}" for ms in (*times, *added)))
    return table


def _shown(said: Said, names: int, widths: Sequence[int] = ()) -> Table:
    """A table whose first `names` columns are to the left, and at least as wide as `widths` says."""
    table = Table(show_header=True, header_style="dim", box=None)
    for number, heading in enumerate(said.headings):
        width = widths[number] if widths else None
        table.add_column(heading, justify="left" if number < names else "right", min_width=width)
    for row in said.rows:
        table.add_row(*row)
    return table
