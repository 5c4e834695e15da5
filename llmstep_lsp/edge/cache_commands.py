"""Owns `llmstep-lsp cache …`: what is remembered on disk, seen and forgotten."""

import typer

from llmstep_lsp.adapters.generators.disk_store import clear_disk, disk_stats
from llmstep_lsp.cache import candidates_file

cache_app = typer.Typer(
    help="What models proposed, as far as it is kept on disk.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@cache_app.command()
def stats() -> None:
    """Say how much is kept, and where."""
    found = disk_stats(candidates_file())
    typer.echo(f"{found.answers} answers, {found.bytes / 1e6:.1f} MB, in {candidates_file()}")


@cache_app.command()
def clear() -> None:
    """Forget it all."""
    clear_disk(candidates_file())
    typer.echo(f"{candidates_file()} is empty.")
