"""`llmstep-lsp settings …`, and the settings that a command works with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from llmstep_lsp.edge.cli import app
from llmstep_lsp.edge.settings import SETTINGS, Settings
from llmstep_lsp.edge.settings_commands import configured, settings_table
from llmstep_lsp.edge.settings_schema import settings_schema
from llmstep_lsp.errors import InputError


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a project file, and nothing set in the environment."""
    for name in os.environ:
        if name.startswith("LLMSTEP_"):
            monkeypatch.delenv(name)
    (tmp_path / "llmstep.toml").write_text("count = 3\nrepair = true\n")
    return tmp_path


def run(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, ["settings", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_show_says_where_each_value_is_from(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMSTEP_REPAIR", "0")
    lines = run("show", project).splitlines()
    assert [line.split()[0] for line in lines] == list(SETTINGS)
    assert lines[:4] == [
        "lean            none                 default",
        'generators      ["symbolic", "box"]  default',
        "model           none                 default",
        "repair          false                the environment variable LLMSTEP_REPAIR",
    ]
    assert lines[6] == f"count           3                    {project / 'llmstep.toml'}"


def test_show_for_programs_and_for_this_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    shown = json.loads(run("show", "--json"))
    assert list(shown) == list(SETTINGS)
    assert shown["count"] == {"value": 3, "from": str(project / "llmstep.toml")}
    assert shown["generators"] == {"value": ["symbolic", "box"], "from": "default"}


def test_show_ends_with_what_is_wrong(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llmstep_lsp", "settings", "show", project],
        env={**os.environ, "LLMSTEP_COUNT": "many"},
        capture_output=True,
        text=True,
        check=False,
    )
    file = project / "llmstep.toml"
    assert (done.returncode, done.stdout.splitlines()[6]) == (
        1,
        f"count           3                    {file}",
    )
    assert done.stderr == (
        "llmstep-lsp: setting `count` from the environment variable LLMSTEP_COUNT is wrong: "
        f"it must be a whole number, not 'many'. 3 from {file} is used.\n"
    )


def test_schema_and_table_are_printed_as_they_are_kept() -> None:
    assert json.loads(run("schema")) == settings_schema()
    assert run("table") == settings_table() + "\n"


def test_a_command_has_its_options_then_the_environment_then_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert configured(project, {"count": None}) == Settings(count=3, repair=True)
    monkeypatch.setenv("LLMSTEP_COUNT", "4")
    monkeypatch.setenv("LLMSTEP_GENERATORS", "symbolic llmstep")
    others = Settings(count=4, repair=True, generators=("symbolic", "llmstep"))
    assert configured(project, {"lean": None}) == others
    assert configured(project, {"count": 5, "repair": False, "generators": ["x"]}) == Settings(
        count=5, generators=("x",)
    )
    assert capsys.readouterr() == ("", "")


def test_a_wrong_option_or_variable_stops_a_command(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(typer.BadParameter) as wrong:
        configured(project, {"count": 0})
    assert str(wrong.value) == (
        "setting `count` from the command line is wrong: it must be from 1 to 50, not 0."
    )
    monkeypatch.setenv("LLMSTEP_COUNT", "many")
    with pytest.raises(InputError) as error:
        configured(project, {"count": 5})
    assert str(error.value) == (
        "setting `count` from the environment variable LLMSTEP_COUNT is wrong: "
        "it must be a whole number, not 'many'."
    )


def test_a_wrong_project_file_is_said_and_the_command_goes_on(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / "llmstep.toml"
    file.write_text("count = 0\nrepair = true\n")
    assert configured(project, {}) == Settings(repair=True)
    assert capsys.readouterr() == (
        "",
        f"llmstep-lsp: setting `count` from {file} is wrong: it must be from 1 to 50, not 0. "
        "The default, 8, is used.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "count=3", "settings", "table"], "--set is for --stdio"),
        (["--stdio", "--set", "count"], "--set count sets nothing: say KEY=VALUE"),
    ],
)
def test_wrong_calls_of_set(arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, message in done.output) == (2, True)
