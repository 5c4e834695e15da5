"""Owns `llmstep-lsp journal …`: the steps that were accepted and rejected, seen and forgotten."""

import typer

from llmstep_lsp.adapters.accept_log import clear_accept_log, read_accept_log
from llmstep_lsp.cache import accept_log_file

journal_app = typer.Typer(
    help="The steps that you accepted and rejected, if the setting `acceptLog` is on.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@journal_app.command()
def show() -> None:
    """Say what is kept, and where."""
    file = accept_log_file()
    records = list(read_accept_log(file)) if file.exists() else []
    accepted = sum(record.accepted is not None for record in records)
    typer.echo(f"{accepted} accepted, {len(records) - accepted} rejected, in {file}")


@journal_app.command()
def clear() -> None:
    """Forget it all."""
    clear_accept_log(accept_log_file())
    typer.echo(f"{accept_log_file()} is gone.")
