"""Owns `llmstep-lsp doctor`: why nothing happens, and what to do about it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from llmstep_lsp.compose import Setup, make_parts
from llmstep_lsp.edge.checks import Case, phases
from llmstep_lsp.edge.configuration import (
    Layers,
    command_line_layer,
    effective,
    environment_layer,
    project_layer,
)
from llmstep_lsp.edge.finding import Finding
from llmstep_lsp.edge.options import GeneratorsOption, LeanOption, ModelOption
from llmstep_lsp.edge.output import output

_SIGNS = {"good": ("✓", "green"), "note": ("!", "yellow"), "bad": ("✗", "red")}
_TITLE = 12  # columns


def doctor(
    place: Annotated[
        Path, typer.Argument(metavar="FILE_OR_FOLDER", exists=True, show_default="here")
    ] = Path(),
    *,
    lean: LeanOption = None,
    generators: GeneratorsOption = None,
    model: ModelOption = None,
    as_json_lines: Annotated[bool, typer.Option("--json", help="Print one JSON object a finding.")] = False,
) -> None:
    """Look for what keeps suggestions from coming, and say what to do; exit code 1 if something does."""
    case = make_case(place.absolute(), {"lean": lean, "generators": generators or None, "model": model})
    if asyncio.run(_report(case, _print_json if as_json_lines else _print)):
        raise typer.Exit(1)


def make_case(place: Path, options: dict[str, object]) -> Case:
    """What is looked at, and how; `options` are those of the command line, None where not given."""
    given = {key: value for key, value in options.items() if value is not None}
    layers = Layers(
        command_line=command_line_layer(given),
        environment=environment_layer(os.environ),
        project=project_layer(place if place.is_dir() else place.parent),
    )
    settings, problems, origins = effective(layers)
    setup = Setup(settings.lean, settings.generators, settings.model)
    return Case(place, setup, make_parts(Setup(settings.lean)), tuple(problems), origins)


async def _report(case: Case, show: Callable[[Finding], None]) -> bool:
    """Show all findings as they come; whether any is bad."""
    failed = False
    try:
        async for finding in _findings(case):
            show(finding)
            failed = failed or finding.level == "bad"
    finally:
        await case.parts.aclose()
    return failed


async def _findings(case: Case) -> AsyncIterator[Finding]:
    for phase in phases(case):
        for task in [asyncio.create_task(check.finding()) for check in phase]:
            if finding := await task:
                yield finding


def _print_json(finding: Finding) -> None:
    told = {"title": finding.title, "level": finding.level, "detail": finding.detail, "todo": finding.todo}
    typer.echo(json.dumps(told, ensure_ascii=False))


def _print(finding: Finding) -> None:
    sign, color = _SIGNS[finding.level]
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(width=_TITLE)
    table.add_column(overflow="fold")
    table.add_row(Text(sign, style=f"bold {color}"), Text(finding.title, style="bold"), Text(finding.detail))
    if finding.todo:
        table.add_row("", "", Text(f"→ {finding.todo}", style=color))
    output().print(table)
