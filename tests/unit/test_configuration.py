"""Which of several values counts, and what is said of those that cannot."""

import re
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.edge.configuration import (
    PERSONAL,
    Layer,
    Layers,
    command_line_layer,
    editor_layer,
    effective,
    environment_layer,
    project_layer,
    says_something,
)
from llmstep_lsp.edge.settings import SETTINGS, Settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder without a project file of its own or above."""
    assert project_layer(tmp_path) == Layer()
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "llmstep.toml"
    file.write_text(text)
    return file


def test_nothing_set_is_the_defaults() -> None:
    assert effective(Layers()) == (Settings(), [], dict.fromkeys(SETTINGS, "default"))


def test_the_order_of_precedence(project: Path) -> None:
    """Each place sets one setting more than the one above it."""
    keys = ["cacheMegabytes", "count", "proveNodes", "proveDepth", "proveExpansion"]
    file = write(project, "".join(f"{key} = 5\n" for key in keys))
    layers = Layers(
        command_line=command_line_layer(dict.fromkeys(keys[:1], "1")),
        environment=environment_layer({"LLMSTEP_CACHE_MEGABYTES": "2", "LLMSTEP_COUNT": "2"}),
        editor=editor_layer(dict.fromkeys(keys[:3], 3)),
        initial=editor_layer(dict.fromkeys(keys[:4], 4)),
        project=project_layer(project),
    )
    settings, problems, origins = effective(layers)
    assert problems == []
    assert settings == Settings(cache_megabytes=1, count=2, prove_nodes=3, prove_depth=4, prove_expansion=5)
    assert {key: origin for key, origin in origins.items() if origin != "default"} == dict(
        zip(
            keys,
            [
                "the command line",
                "the environment variable LLMSTEP_COUNT",
                "the editor's settings",
                "the editor's settings",
                str(file),
            ],
            strict=True,
        )
    )


@pytest.mark.parametrize(
    ("wrong", "right", "message", "count"),
    [
        (
            ["command_line"],
            ["environment", "project"],
            "setting `count` from the command line is wrong: it must be from 1 to 50, not 0. "
            "2 from the environment variable LLMSTEP_COUNT is used.",
            2,
        ),
        (
            ["environment"],
            ["project"],
            "setting `count` from the environment variable LLMSTEP_COUNT is wrong: "
            "it must be from 1 to 50, not 0. 2 from {file} is used.",
            2,
        ),
        (
            ["project"],
            ["editor"],
            "setting `count` from {file} is wrong: it must be from 1 to 50, not 0. "
            "2 from the editor's settings is used.",
            2,
        ),
        (
            ["initial"],
            [],
            "setting `count` from the editor's settings is wrong: it must be from 1 to 50, not 0. "
            "The default, 8, is used.",
            8,
        ),
        (  # said once, as it is the same
            ["initial", "editor"],
            [],
            "setting `count` from the editor's settings is wrong: it must be from 1 to 50, not 0. "
            "The default, 8, is used.",
            8,
        ),
    ],
)
def test_a_wrong_value_leaves_the_next_good_one(
    project: Path, wrong: list[str], right: list[str], message: str, count: int
) -> None:
    layers: dict[str, Layer] = {}
    for places, value in [(wrong, 0), (right, 2)]:
        for place in places:
            if place == "project":
                write(project, f"count = {value}\n")
            layers[place] = {
                "command_line": command_line_layer({"count": str(value)}),
                "environment": environment_layer({"LLMSTEP_COUNT": str(value)}),
                "editor": editor_layer({"count": value}),
                "initial": editor_layer({"count": value}),
                "project": project_layer(project),
            }[place]
    settings, problems, _ = effective(Layers(**layers))
    assert problems == [message.format(file=project / "llmstep.toml")]
    assert settings == Settings(count=count)


def test_a_wrong_value_leaves_the_others() -> None:
    layers = Layers(initial=editor_layer({"count": 0, "model": "/m", "generators": "x"}))
    settings, problems, _ = effective(layers)
    assert settings == Settings(model="/m")
    assert problems == [
        "setting `count` from the editor's settings is wrong: it must be from 1 to 50, not 0. "
        "The default, 8, is used.",
        "setting `generators` from the editor's settings is wrong: it must be a list of texts, not 'x'. "
        'The default, ["symbolic", "box"], is used.',
    ]


def test_texts_of_the_command_line_are_read_by_kind_and_other_values_are_as_they_are() -> None:
    layer = command_line_layer({"generators": "symbolic llmstep", "budgetSeconds": "2", "repair": True})
    assert effective(Layers(command_line=layer))[0] == Settings(
        generators=("symbolic", "llmstep"), budget_seconds=2.0, repair=True
    )


def test_an_empty_variable_and_variables_of_others_say_nothing() -> None:
    others = {"LLMSTEP_CACHE_DIR": "/c", "LLMSTEP_SERVE_TOKEN": "t", "LLMSTEP_API_KEY": "k", "COUNT": "3"}
    assert environment_layer({**others, "LLMSTEP_COUNT": ""}) == Layer()
    assert environment_layer({**others, "LLMSTEP_COUNT": "3"}).values.keys() == {"count"}


@pytest.mark.parametrize(
    "options", [{"count": 3}, {"llmstep": {"count": 3}}, {"llmstep": {"count": 3, "lean": None}, "lean": {}}]
)
def test_what_an_editor_sends_may_stand_in_its_section_or_bare(options: Any) -> None:
    layer = editor_layer(options)
    assert layer.complaints == ()
    assert {key: given.value for key, given in layer.values.items()} == {"count": 3}


@pytest.mark.parametrize("options", [None, {}, [], {"llmstep": None}, {"llmstep": []}, {"count": None}])
def test_what_an_editor_does_not_set(options: Any) -> None:
    assert editor_layer(options) == Layer()


@pytest.mark.parametrize("options", [["x"], "x", {"llmstep": 3}])
def test_settings_of_an_editor_that_are_no_object(options: Any) -> None:
    kind = type(options["llmstep"] if isinstance(options, dict) else options).__name__
    assert editor_layer(options) == Layer(
        problems=(f"the editor's settings must be an object, not {kind}; none are used.",)
    )


def test_a_setting_that_does_not_exist_is_named() -> None:
    settings, problems, origins = effective(Layers(initial=editor_layer({"modle": "x", "count": 3})))
    assert problems == [
        "there is no setting `modle` (from the editor's settings); there are lean, generators, model, repair, "
        "cacheMegabytes, budgetSeconds, count, automatic, showScores, ghostText, completion, proveSeconds, "
        "proveNodes, proveDepth, proveExpansion, acceptLog, logLevel."
    ]
    assert settings == Settings(count=3)
    assert origins.keys() == SETTINGS.keys()


@pytest.mark.parametrize(
    ("settings", "ours"),
    [
        ({"llmstep": {}}, True),
        ({"llmstep": {"count": 3}, "lean4": {}}, True),
        ({"count": 3}, True),
        ({"lean4": {}}, False),
        ({"llmstep": None}, False),
        ({}, False),
        ([], False),
        (None, False),
    ],
)
def test_whether_changed_settings_are_ours(settings: Any, ours: bool) -> None:  # noqa: FBT001
    assert says_something(settings) is ours


def test_the_nearest_project_file_counts_alone(project: Path) -> None:
    inner = project / "a" / "b"
    inner.mkdir(parents=True)
    write(project, "count = 1\nrepair = true\n")
    assert project_layer(inner).values.keys() == {"count", "repair"}
    write(project / "a", "count = 2\n")
    for folder in (inner, project / "a", project / "a" / "none"):
        settings, _, origins = effective(Layers(project=project_layer(folder)))
        assert (settings, origins["count"]) == (Settings(count=2), str(project / "a" / "llmstep.toml"))


def test_a_project_file_of_the_folder_above_this_one(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "a").mkdir()
    write(project, "count = 1\n")
    monkeypatch.chdir(project / "a")
    assert project_layer(Path()).values["count"].value == 1


VALUES = {"lean": '"/lean"', "generators": '["openai"]', "model": '"http://evil"', "acceptLog": "true"}


@pytest.mark.parametrize(("key", "value"), VALUES.items())
def test_a_project_file_may_not_set_what_is_personal(project: Path, key: str, value: str) -> None:
    assert VALUES.keys() == PERSONAL
    file = write(project, f"{key} = {value}\ncount = 3\n")
    settings, problems, _ = effective(Layers(project=project_layer(project)))
    assert settings == Settings(count=3)
    variable = {"acceptLog": "LLMSTEP_ACCEPT_LOG"}.get(key, f"LLMSTEP_{key.upper()}")
    default = {"generators": '["symbolic", "box"]', "acceptLog": "false"}.get(key, "none")
    assert problems == [
        f"setting `{key}` from {file} is refused, because a project may not choose what runs, where your text "
        f"goes or what is kept of it: set it in the editor or by {variable}. The default, {default}, is used."
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"count = 3\nrepair =\n", r"Invalid value \(at line 2, column 9\)"),
        (b"count = 3\ncount = 4\n", r"Cannot overwrite a value \(at line 2, column 10\)"),
        (b"count = 3\n# \xff\n", r"it is not UTF-8 text \(at line 2\)"),
        (b"a = " + b"[" * 5000, r".* nested.*"),  # newer Pythons have words of their own
    ],
    ids=["value", "twice", "bytes", "nested"],
)
def test_a_project_file_that_cannot_be_read_is_one_message(project: Path, data: bytes, why: str) -> None:
    file = project / "llmstep.toml"
    file.write_bytes(data)
    layers = Layers(initial=editor_layer({"count": 5}), project=project_layer(project))
    settings, (problem,), _ = effective(layers)
    assert settings == Settings(count=5)
    assert re.fullmatch(rf"{re.escape(str(file))} cannot be read: {why}\. Nothing of it is used\.", problem)


def test_a_project_file_that_is_a_folder_is_said(project: Path) -> None:
    (project / "llmstep.toml").mkdir()
    assert project_layer(project).complaints == (
        f"{project / 'llmstep.toml'} cannot be read: Is a directory. Nothing of it is used.",
    )
