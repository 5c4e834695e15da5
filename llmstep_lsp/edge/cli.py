"""Owns the command line: its arguments, its exit codes, and how errors reach a person."""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from llmstep_lsp import __version__
from llmstep_lsp.compose import Setup, make_suggester
from llmstep_lsp.domain.model import Snapshot
from llmstep_lsp.domain.sites import sorries
from llmstep_lsp.domain.text import Position, lines, to_lf
from llmstep_lsp.edge.bench_commands import bench_app
from llmstep_lsp.edge.cache_commands import cache_app
from llmstep_lsp.edge.convert import convert
from llmstep_lsp.edge.generate import generate
from llmstep_lsp.edge.lean_commands import lean_app
from llmstep_lsp.edge.report import as_json, print_answer
from llmstep_lsp.edge.serve import serve
from llmstep_lsp.errors import GeneratorError, InputError, LlmstepError
from llmstep_lsp.service.suggest import Request

_PLACE = re.compile(r"(.+?)(?::(\d+))?(?::(\d+))?")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Next proof steps for Lean 4, checked by Lean.",
)
app.add_typer(bench_app, name="bench")
app.add_typer(cache_app, name="cache")
app.add_typer(lean_app, name="lean")


def main() -> None:
    """Run the command line; what goes wrong is one message on standard error and exit code 1."""
    try:
        app()
    except LlmstepError as error:
        print(f"llmstep-lsp: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    *,
    stdio: Annotated[
        bool, typer.Option("--stdio", help="Be a language server on standard input and output.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Next proof steps for Lean 4, checked by Lean."""
    if version:
        print(f"llmstep-lsp {__version__}")  # noqa: T201
        raise typer.Exit
    if stdio:
        from llmstep_lsp.edge.stdio import serve as serve_editor  # noqa: PLC0415  # others start faster without

        serve_editor()
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.BadParameter("say what to do: --stdio, or one of the commands of --help")


@app.command()
def suggest(  # noqa: PLR0913  # one parameter is one option
    place: Annotated[
        str, typer.Argument(metavar="FILE[:LINE[:COL]]", help="Lines and columns count from 1.")
    ],
    *,
    every: Annotated[bool, typer.Option("--all", help="At every `sorry` of FILE.")] = False,
    prefix: Annotated[str, typer.Option(help="Only steps that start with this.")] = "",
    as_json_lines: Annotated[bool, typer.Option("--json", help="Print one JSON object a position.")] = False,
    lean: Annotated[
        str | None, typer.Option(envvar="LLMSTEP_LEAN", help="A `lean` or a toolchain's folder.")
    ] = None,
    generators: Annotated[
        list[str],
        typer.Option(
            "--generator",
            envvar="LLMSTEP_GENERATORS",
            help="Who proposes steps: ENGINE[,OPTION=VALUE…]; may be given several times.",
        ),
    ] = ["symbolic"],  # noqa: B006  # typer copies it
    model: Annotated[
        str | None,
        typer.Option(
            envvar="LLMSTEP_MODEL", help="One more generator: a model's folder, hub name or server URL."
        ),
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Ask models again, with what Lean says of their steps.")
    ] = False,
    cache_megabytes: Annotated[
        int,
        typer.Option(
            min=0, envvar="LLMSTEP_CACHE_MEGABYTES", help="Keep what models propose on disk, up to this."
        ),
    ] = 0,
    seconds: Annotated[float, typer.Option(min=0.1, help="Time for each position.")] = 60.0,
    count: Annotated[int, typer.Option(min=1, help="How many suggestions to show at most.")] = 8,
) -> None:
    """Print the steps that Lean accepts at a position; without COL, at the end of the line."""
    file, line, column = _parse_place(place, every=every)
    text = _read(file)
    positions = sorries(text) if every else [_position(file, text, line, column)]
    if every and not positions:
        typer.echo(f"There is no `sorry` in {file}.", err=True)
    requests = [
        Request(Snapshot(file.absolute().as_uri(), 0, text), position, seconds, count, prefix)
        for position in positions
    ]
    setup = Setup(lean, generators, model, repair, cache_megabytes)
    asyncio.run(_answer_all(file, requests, setup, as_json_lines=as_json_lines))


app.command()(serve)
app.command()(convert)


@app.command(name="generate")
def generate_command() -> None:
    """Read a proof state as JSON and print candidates, not judged; for the Lean tactic `llmstep`."""
    generate()


async def _answer_all(file: Path, requests: list[Request], setup: Setup, *, as_json_lines: bool) -> None:
    """Answer `requests` one after the other over one Lean.

    Raises:
        InputError: a generator cannot be made as it was chosen.
        GeneratorError: a generator failed, which cost only its own steps.
    """
    suggester, problems = make_suggester(setup)
    if problems:
        raise InputError(" ".join(problems))
    failures: dict[str, None] = {}
    try:
        for request in requests:
            answer = await suggester.suggest(request)
            if as_json_lines:
                typer.echo(json.dumps(as_json(file, request.position, answer), ensure_ascii=False))
                for note in answer.notes:
                    typer.echo(note, err=True)
            else:
                print_answer(file, request.position, answer)
            failures |= dict.fromkeys(answer.failures)
    finally:
        await suggester.aclose()
    if failures:
        raise GeneratorError(" ".join(failures))


def _parse_place(place: str, *, every: bool) -> tuple[Path, int, int | None]:
    """The file, the line and the column (from 0) that `place` names."""
    found = _PLACE.fullmatch(place)
    name, line, column = found.groups() if found else (place, None, None)
    if every and line is not None:
        raise typer.BadParameter(f"--all takes every `sorry` of the file: leave out the line of {place}")
    if every:
        return Path(place), 0, None
    if line is None:
        raise typer.BadParameter(f"{place} names no line: say FILE:LINE or FILE:LINE:COL, or FILE --all")
    if int(line) < 1 or column == "0":
        raise typer.BadParameter(f"{place}: lines and columns count from 1")
    return Path(name), int(line) - 1, None if column is None else int(column) - 1


def _read(file: Path) -> str:
    try:
        return to_lf(file.read_bytes().decode("utf-8"))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file} is not UTF-8 text (byte {error.start}); Lean could not read it either."
        ) from error


def _position(file: Path, text: str, line: int, column: int | None) -> Position:
    """The position (from 0), its column the end of the line if none is given.

    Raises:
        InputError: the file has no such position.
    """
    found = lines(text)
    if line >= len(found):
        raise InputError(f"{file} has {len(found)} lines; there is no line {line + 1}.")
    length = len(found[line])
    if column is not None and column > length:
        raise InputError(
            f"Line {line + 1} of {file} has {length} characters; there is no column {column + 1}."
        )
    return Position(line, length if column is None else column)
