"""Owns the command line: its arguments, its exit codes, and how errors reach a person."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from llmstep_lsp import __version__
from llmstep_lsp.compose import Setup, make_parts
from llmstep_lsp.edge.answer_json import as_json
from llmstep_lsp.edge.bench_commands import bench_app
from llmstep_lsp.edge.cache_commands import cache_app
from llmstep_lsp.edge.convert import convert
from llmstep_lsp.edge.corpus_commands import corpus_app
from llmstep_lsp.edge.doctor import doctor
from llmstep_lsp.edge.eval_command import evaluate
from llmstep_lsp.edge.extract import extract
from llmstep_lsp.edge.generate import generate
from llmstep_lsp.edge.journal_commands import journal_app
from llmstep_lsp.edge.lean_commands import lean_app
from llmstep_lsp.edge.options import (
    CacheOption,
    EveryOption,
    GeneratorsOption,
    JsonOption,
    LeanOption,
    ModelOption,
    PlaceArgument,
    RepairOption,
)
from llmstep_lsp.edge.places import places
from llmstep_lsp.edge.prove_command import prove
from llmstep_lsp.edge.report import print_answer
from llmstep_lsp.edge.science_commands import science_app
from llmstep_lsp.edge.serve import serve
from llmstep_lsp.edge.settings_commands import configured, settings_app
from llmstep_lsp.edge.train import train
from llmstep_lsp.errors import GeneratorError, InputError, LlmstepError
from llmstep_lsp.service.suggest import Request, Suggester

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Next proof steps for Lean 4, checked by Lean.",
)
app.add_typer(bench_app, name="bench")
app.add_typer(cache_app, name="cache")
app.add_typer(corpus_app, name="corpus")
app.add_typer(journal_app, name="journal")
app.add_typer(lean_app, name="lean")
app.add_typer(science_app, name="science")
app.add_typer(settings_app, name="settings")


def main() -> None:
    """Run the command line; what goes wrong is one message on standard error and exit code 1."""
    arguments, command = sys.argv[1:], []
    if "--proxy" in arguments and "--" in arguments:
        cut = arguments.index("--")
        arguments, command = arguments[:cut], arguments[cut + 1 :]
    try:
        app(arguments, obj=command)
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
    chosen: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="With --stdio: a setting; may be given several times."
        ),
    ] = None,
    proxy: Annotated[
        bool,
        typer.Option(
            "--proxy",
            help="With --stdio: stand before Lean's server, whose command is the rest: --proxy -- lake serve",
        ),
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Next proof steps for Lean 4, checked by Lean."""
    if version:
        print(f"llmstep-lsp {__version__}")  # noqa: T201
        raise typer.Exit
    if proxy and not (stdio and context.obj):
        raise typer.BadParameter(
            "say --stdio --proxy -- and behind it the command of Lean's server: `lake serve`, `lean --server`"
        )
    if stdio:
        settings = dict(map(_parse_setting, chosen or ()))
        if proxy:
            from llmstep_lsp.edge.proxy.serving import serve_proxy  # noqa: PLC0415  # others start faster without

            raise typer.Exit(serve_proxy(context.obj, settings))
        from llmstep_lsp.edge.stdio import serve as serve_editor  # noqa: PLC0415  # others start faster without

        serve_editor(settings)
        raise typer.Exit
    if chosen:
        raise typer.BadParameter("--set is for --stdio; a command has options of its own")
    if context.invoked_subcommand is None:
        raise typer.BadParameter("say what to do: --stdio, or one of the commands of --help")


@app.command()
def suggest(  # noqa: PLR0913  # one parameter is one option
    place: PlaceArgument,
    *,
    every: EveryOption = False,
    prefix: Annotated[str, typer.Option(help="Only steps that start with this.")] = "",
    as_json_lines: JsonOption = False,
    lean: LeanOption = None,
    generators: GeneratorsOption = None,
    model: ModelOption = None,
    repair: RepairOption = None,
    cache_megabytes: CacheOption = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Time for each position.")] = 60.0,
    count: Annotated[int | None, typer.Option(help="How many suggestions to show at most.")] = None,
) -> None:
    """Print the steps that Lean accepts at a position; without COL, at the end of the line.

    What is not given is as configured: see `llmstep-lsp settings show`.
    """
    file, snapshot, positions = places(place, every=every)
    options = {
        "lean": lean,
        "generators": generators or None,
        "model": model,
        "repair": repair,
        "cacheMegabytes": cache_megabytes,
        "count": count,
    }
    chosen = configured(file.parent, options)
    requests = [Request(snapshot, position, seconds, chosen.count, prefix) for position in positions]
    setup = Setup(chosen.lean, chosen.generators, chosen.model, chosen.repair, chosen.cache_megabytes)
    asyncio.run(_answer_all(file, requests, setup, as_json_lines=as_json_lines))


app.command()(prove)
app.command()(serve)
app.command()(convert)
app.command()(doctor)
app.command(name="eval")(evaluate)
app.command()(extract)
app.command()(train)


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
    parts = make_parts(setup)
    if parts.problems:
        raise InputError(" ".join(parts.problems))
    suggester = Suggester(parts.prover, parts.generators, repair=parts.repair)
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
        await parts.aclose()
    if failures:
        raise GeneratorError(" ".join(failures))


def _parse_setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"--set {text} sets nothing: say KEY=VALUE")
    return key, value
