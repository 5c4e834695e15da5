"""Owns `llmstep-lsp lean …`: the WebAssembly Lean comes and goes, and the Lean in use is shown and run."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from typer.core import TyperCommand

from llmstep_lsp.adapters.lean import wasm
from llmstep_lsp.adapters.lean.hook_library import HookLibrary, hook_status
from llmstep_lsp.adapters.lean.toolchain import Toolchain, find_toolchain
from llmstep_lsp.adapters.lean.wasm_workshop import Progress
from llmstep_lsp.errors import LeanGoneError, LeanHookError

lean_app = typer.Typer(
    help="The Lean that checks proof steps: install one, see which is used, run it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Chosen = Annotated[
    str | None,
    typer.Option(
        "--lean", metavar="PATH", envvar="LLMSTEP_LEAN", help="A `lean`, or a toolchain folder with bin/lean."
    ),
]


@lean_app.command()
def install(
    *, force: Annotated[bool, typer.Option("--force", help="Install even if all is well.")] = False
) -> None:
    """Install the WebAssembly Lean (180 MB to download, 540 MB on disk), or repair it."""
    with _shown() as progress:
        installation = wasm.install(progress, force=force)
        progress("Compiling LLMStep, our Lean package", None)
        problem = asyncio.run(_compile_hook(find_toolchain(Path(), str(installation.lean))))
    if problem:
        typer.echo(f"Candidates will be judged one by one, which is slower: {problem}", err=True)
    typer.echo(f"{installation.lean} is {'installed' if installation.fresh else 'up to date'}.")


@lean_app.command()
def uninstall() -> None:
    """Remove the WebAssembly Lean."""
    removed = wasm.uninstall()
    typer.echo(f"{wasm.home()} was removed." if removed else "The WebAssembly Lean is not installed.")


@lean_app.command()
def status(
    file: Annotated[
        Path, typer.Argument(help="A Lean file or a folder.", exists=True, show_default="here")
    ] = Path(),
    lean: Chosen = None,
) -> None:
    """Show which Lean is used for a file, and why."""
    installed = f"installed in {wasm.home()}" if wasm.installed_lean() else "not installed"
    typer.echo(f"WebAssembly Lean: {installed}")
    toolchain = find_toolchain(file, lean)
    typer.echo(f"Lean used here:   {' '.join(toolchain.lean)}")
    typer.echo(f"Why:              {toolchain.reason}")
    typer.echo(f"Version:          {_version(toolchain)}")
    typer.echo(f"Judged by:        {asyncio.run(hook_status(toolchain))}")


class _PassThrough(TyperCommand):
    """A command that reads `--lean PATH` if that comes first, and leaves all the rest as it is."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = 2 if args[:1] == ["--lean"] else int(args[:1] != [] and args[0].startswith("--lean="))
        super().parse_args(ctx, args[:own])
        ctx.args = args[own:]
        return args[own:]


@lean_app.command(
    cls=_PassThrough, add_help_option=False, options_metavar="[--lean PATH] [ARGUMENTS OF LEAN]..."
)
def run(context: typer.Context, lean: Chosen = None) -> None:
    """Run the Lean that is used in this folder; everything after `run` is for it."""
    command = [*find_toolchain(Path(), lean).lean, *context.args]
    try:
        os.execv(command[0], command)  # noqa: S606  Lean takes our place
    except OSError as error:
        raise _unusable(command[0], str(error)) from error


async def _compile_hook(toolchain: Toolchain) -> LeanHookError | None:
    """Compile the Lean package, so that no question has to; what went wrong, if anything did."""
    library = HookLibrary()
    try:
        await library.folder(toolchain)
    except LeanHookError as error:
        return error
    finally:
        await library.aclose()
    return None


def _version(toolchain: Toolchain) -> str:
    # Standard error stays the person's: elan may be downloading a toolchain now.
    command = [*toolchain.lean, "--version"]
    try:
        done = subprocess.run(command, cwd=toolchain.root, stdout=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        raise _unusable(command[0], str(error)) from error
    if done.returncode != 0:
        raise _unusable(" ".join(command), f"it ended with exit code {done.returncode}")
    return done.stdout.strip()


def _unusable(command: str, problem: str) -> LeanGoneError:
    return LeanGoneError(f"{command} cannot be run: {problem}. Repair it, or choose another one by --lean.")


@contextmanager
def _shown() -> Iterator[Progress]:
    """Progress on standard error: a bar for each stage on a terminal, a line for each elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console) as bars:

        def report(stage: str, done: float | None) -> None:
            current = bars.tasks[-1] if bars.tasks else None
            if current is None or current.description != stage:
                if current is not None:
                    bars.update(current.id, total=1, completed=1)
                    bars.stop_task(current.id)
                bars.add_task(stage, total=None if done is None else 1)
            bars.update(bars.tasks[-1].id, completed=done)

        yield report
        if bars.tasks:
            bars.update(bars.tasks[-1].id, total=1, completed=1)


def _lines() -> Progress:
    last = ""

    def report(stage: str, _done: float | None) -> None:
        nonlocal last
        if stage != last:
            typer.echo(stage, err=True)
            last = stage

    return report
