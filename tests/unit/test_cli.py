"""The list of commands, as a person sees it."""

import re

from typer.testing import CliRunner

from llmstep_lsp.edge.cli import app

COMMANDS = "suggest prove serve convert doctor eval extract train generate bench cache corpus journal lean science settings"


def test_help_lists_every_command() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"TERM": "dumb", "COLUMNS": "100"})
    assert shown.exit_code == 0
    assert re.findall(r"^│ (\w+)", shown.stdout, re.MULTILINE) == COMMANDS.split()


def test_a_command_that_there_is_not_is_refused_with_the_nearest_one() -> None:
    refused = CliRunner().invoke(app, ["sugest"], env={"TERM": "dumb", "COLUMNS": "100"})
    assert refused.exit_code == 2
    assert "No such command 'sugest'. Did you mean 'suggest'?" in refused.stderr
