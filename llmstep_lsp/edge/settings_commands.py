"""Owns `llmstep-lsp settings …`, and the settings that other commands work with."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from llmstep_lsp.edge.configuration import (
    PERSONAL,
    Layers,
    command_line_layer,
    effective,
    environment_layer,
    project_layer,
    shown,
)
from llmstep_lsp.edge.settings import SETTINGS, Settings, kind, variable
from llmstep_lsp.edge.settings_schema import settings_schema
from llmstep_lsp.errors import InputError

settings_app = typer.Typer(
    help="What can be set, what is, and where.", no_args_is_help=True, pretty_exceptions_enable=False
)


@settings_app.command()
def show(
    folder: Annotated[
        Path,
        typer.Argument(help="Whose project file counts.", exists=True, file_okay=False, show_default="here"),
    ] = Path(),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show each setting, its value, and where that is from; an editor's settings are not known here."""
    layers = Layers(environment=environment_layer(os.environ), project=project_layer(folder))
    settings, problems, origins = effective(layers)
    values = {key: getattr(settings, setting.name) for key, setting in SETTINGS.items()}
    if as_json:
        rows = {key: {"value": value, "from": origins[key]} for key, value in values.items()}
        typer.echo(json.dumps(rows, ensure_ascii=False))
    else:
        widths = max(map(len, values)), max(len(shown(value)) for value in values.values())
        for key, value in values.items():
            typer.echo(f"{key:{widths[0]}}  {shown(value):{widths[1]}}  {origins[key]}")
    if problems:
        raise InputError("\n".join(problems))


@settings_app.command()
def schema() -> None:
    """Print the JSON Schema of the settings."""
    typer.echo(json.dumps(settings_schema(), ensure_ascii=False, indent=2))


@settings_app.command()
def table() -> None:
    """Print what can be set, as a table in Markdown."""
    typer.echo(settings_table())


def settings_table() -> str:
    """What can be set, as a table in Markdown."""
    rows = [("setting", "what it must be", "default", "variable", ""), ("---",) * 5]
    rows += [
        (
            f"`{key}`" + (" (personal)" if key in PERSONAL else ""),
            kind(setting),
            shown(setting.default),
            f"`{variable(setting)}`",
            setting.metadata["description"],
        )
        for key, setting in SETTINGS.items()
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def configured(folder: Path, options: Mapping[str, Any]) -> Settings:
    """The settings of a command about files in `folder`: its `options` by key, None where not given.

    What is wrong in a project file is said on standard error, since it may not be the person's own.

    Raises:
        typer.BadParameter: an option is wrong.
        InputError: a variable of the environment is.
    """
    given = {key: value for key, value in options.items() if value is not None}
    command_line, environment = command_line_layer(given), environment_layer(os.environ)
    if command_line.complaints:
        raise typer.BadParameter(" ".join(command_line.complaints))
    if environment.complaints:
        raise InputError(" ".join(environment.complaints))
    settings, problems, _ = effective(
        Layers(command_line=command_line, environment=environment, project=project_layer(folder))
    )
    for problem in problems:
        typer.echo(f"llmstep-lsp: {problem}", err=True)
    return settings
