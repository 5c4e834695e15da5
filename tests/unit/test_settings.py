"""What a setting may be, and that schema and documentation say the same."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from llmstep_lsp.edge.configuration import editor_layer
from llmstep_lsp.edge.settings import SETTINGS, Settings, checked, from_text, variable
from llmstep_lsp.edge.settings_commands import settings_table
from llmstep_lsp.edge.settings_schema import settings_schema

ROOT = Path(__file__).parent.parent.parent
DOCUMENTATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("lean", 3, "it must be text, not 3"),
        ("count", "8", "it must be a whole number, not '8'"),
        ("count", 8.5, "it must be a whole number, not 8.5"),
        ("count", True, "it must be a whole number, not True"),
        ("count", 0, "it must be from 1 to 50, not 0"),
        ("count", 51, "it must be from 1 to 50, not 51"),
        ("cacheMegabytes", -1, "it must be from 0 upwards, not -1"),
        ("budgetSeconds", 0, "it must be above 0 and at most 600, not 0"),
        ("budgetSeconds", 10**400, "it must be above 0 and at most 600, not 1"),
        ("budgetSeconds", float("nan"), "it must be above 0 and at most 600, not nan"),
        ("budgetSeconds", "soon", "it must be a number, not 'soon'"),
        ("repair", 1, "it must be true or false, not 1"),
        ("generators", "symbolic", "it must be a list of texts, not 'symbolic'"),
        ("generators", [1], "it must be a list of texts, not [1]"),
        ("ghostText", "some", "it must be one of closing, all, off, not 'some'"),
        ("logLevel", ["info"], "it must be one of error, warning, info, debug, not ['info']"),
        ("model", ["m" * 100], "it must be text, not ['mmmmmmmmmmmm...mmmmmmmmmmmmm']"),
    ],
)
def test_why_a_value_is_wrong(key: str, value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}"):
        checked(SETTINGS[key], value)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("lean", "/lean", "/lean"),
        ("generators", ["symbolic", "llmstep"], ("symbolic", "llmstep")),
        ("generators", [], ()),
        ("count", 50, 50),
        ("budgetSeconds", 2, 2.0),
        ("ghostText", "off", "off"),
    ],
)
def test_what_a_right_value_becomes(key: str, value: Any, expected: Any) -> None:
    found = checked(SETTINGS[key], value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("lean", " /a b ", " /a b "),
        ("generators", "symbolic  openai,url=u\n", ["symbolic", "openai,url=u"]),
        ("repair", "True", True),
        ("repair", "0", False),
        ("repair", "yes", "yes"),
        ("count", "3", 3),
        ("count", "3.0", "3.0"),
        ("budgetSeconds", "2.5", 2.5),
        ("logLevel", "debug", "debug"),
    ],
)
def test_texts_are_read_by_the_kind_of_the_setting(key: str, text: str, expected: Any) -> None:
    found = from_text(SETTINGS[key], text)
    assert (found, type(found)) == (expected, type(expected))


def test_names() -> None:
    assert list(SETTINGS) == [
        *("lean", "generators", "model", "repair", "cacheMegabytes", "budgetSeconds", "count", "automatic"),
        *("showScores", "ghostText", "completion", "proveSeconds", "proveNodes", "proveDepth"),
        *("proveExpansion", "acceptLog", "logLevel"),
    ]
    assert variable(SETTINGS["cacheMegabytes"]) == "LLMSTEP_CACHE_MEGABYTES"


VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    0.5,
    1,
    50,
    51,
    64,
    65,
    600.5,
    3600,
    3601,
    10_001,
    "",
    "all",
    "info",
    [],
    ["a"],
    [1],
    {},
]


@pytest.mark.parametrize("key", SETTINGS)
def test_the_schema_allows_what_is_right_and_nothing_else(key: str) -> None:
    validator = jsonschema.Draft202012Validator(settings_schema())
    allowed = [value for value in VALUES if validator.is_valid({key: value})]
    assert [value for value in VALUES if right(key, value)] == allowed
    assert [] != allowed != VALUES


def right(key: str, value: Any) -> bool:
    try:
        checked(SETTINGS[key], value)
    except ValueError:
        return False
    return True


def test_the_schema_is_one_and_its_defaults_are_ours() -> None:
    schema = settings_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    defaults = {key: entry["default"] for key, entry in schema["properties"].items()}
    jsonschema.validate(defaults, schema)
    names = {SETTINGS[key].name: checked(SETTINGS[key], value) for key, value in defaults.items()}
    assert Settings(**names) == Settings()
    assert not jsonschema.Draft202012Validator(schema).is_valid({"modle": "m"})


def test_a_setting_of_the_schema_in_full() -> None:
    properties = settings_schema()["properties"]
    assert properties["count"] == {
        "type": "integer",
        "default": 8,
        "description": "How many suggestions are shown at most.",
        "minimum": 1,
        "maximum": 50,
    }
    assert properties["logLevel"] == {
        "type": "string",
        "enum": ["error", "warning", "info", "debug"],
        "default": "info",
        "description": "What the log file keeps.",
    }


def test_the_schema_that_editors_read_is_the_current_one() -> None:
    kept = (ROOT / "editors" / "settings.schema.json").read_text(encoding="utf-8")
    renew = "renew it: llmstep-lsp settings schema > editors/settings.schema.json"
    assert kept == json.dumps(settings_schema(), ensure_ascii=False, indent=2) + "\n", renew


def test_vs_code_shows_the_settings_of_the_schema() -> None:
    manifest = json.loads((ROOT / "editors" / "vscode" / "package.json").read_text(encoding="utf-8"))
    shown = manifest["contributes"]["configuration"]["properties"]
    expected = {}
    for key, entry in settings_schema()["properties"].items():
        limits = {name: value for name, value in entry.items() if name not in {"description", "personal"}}
        scope = "machine" if entry.get("personal") else "resource"  # no project chooses what is personal
        expected[f"llmstep.{key}"] = {**limits, "scope": scope, "markdownDescription": entry["description"]}
    theirs = {
        key: entry for key, entry in shown.items() if key not in {"llmstep.server.path", "llmstep.shareLean"}
    }
    assert theirs == expected, "renew them: node editors/vscode/scripts/settings.mjs"


def test_the_table_of_the_documentation_is_the_current_one() -> None:
    renew = "renew the table by: llmstep-lsp settings table"
    assert f"\n\n{settings_table()}\n\n" in DOCUMENTATION, renew


@pytest.mark.parametrize(("language", "blocks"), [("json", 1), ("toml", 2)])
def test_the_examples_of_the_documentation_are_right(language: str, blocks: int) -> None:
    read = json.loads if language == "json" else tomllib.loads
    found = re.findall(rf"```{language}\n(.*?)```", DOCUMENTATION, re.DOTALL)
    assert len(found) == blocks
    for block in found:
        options = read(block)
        layer = editor_layer(options.get("language-server", {}).get("llmstep", {}).get("config") or options)
        assert layer.complaints == ()
        assert layer.values["count"].value == 3
