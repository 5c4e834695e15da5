"""Owns the command line: which commands there are, its exit codes, and how errors reach a person."""

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from llmstep_lsp import __version__
from llmstep_lsp.errors import LlmstepError

# Where each command is: a module of this folder, and its function, or the Typer of the commands below it.
_PLACES = {
    "suggest": ("suggest_command", "suggest"),
    "prove": ("prove_command", "prove"),
    "serve": ("serve", "serve"),
    "convert": ("convert", "convert"),
    "doctor": ("doctor", "doctor"),
    "eval": ("eval_command", "evaluate"),
    "extract": ("extract", "extract"),
    "train": ("train", "train"),
    "generate": ("generate", "generate"),
    "bench": ("bench_commands", "bench_app"),
    "cache": ("cache_commands", "cache_app"),
    "corpus": ("corpus_commands", "corpus_app"),
    "journal": ("journal_commands", "journal_app"),
    "lean": ("lean_commands", "lean_app"),
    "science": ("science_commands", "science_app"),
    "settings": ("settings_commands", "settings_app"),
}


class _Commands(Mapping[str, Any]):
    """The commands, each imported when it is asked for: else it would wait half a second for all others."""

    def __getitem__(self, name: str) -> Any:
        module, attribute = _PLACES[name]
        command = getattr(import_module(f"llmstep_lsp.edge.{module}"), attribute)
        alone = typer.Typer(pretty_exceptions_enable=False)
        if isinstance(command, typer.Typer):
            alone.add_typer(command, name=name)
        else:
            alone.command(name)(command)
        return typer.main.get_group(alone).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


class _Root(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"commands": _Commands()})


app = typer.Typer(
    cls=_Root,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Next proof steps for Lean 4, checked by Lean.",
)


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


def _parse_setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"--set {text} sets nothing: say KEY=VALUE")
    return key, value
