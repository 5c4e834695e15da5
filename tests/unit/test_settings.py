from typing import Any

import pytest

from llmstep_lsp.edge.settings import Settings, parse_settings


def test_no_options_are_the_defaults() -> None:
    assert parse_settings(None) == (Settings(), [])


def test_all_settings() -> None:
    options = {"lean": "/lean", "model": "/model", "budgetSeconds": 2, "count": 3}
    assert parse_settings(options) == (Settings("/lean", "/model", 2, 3), [])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"lean": 3}, "setting `lean` is wrong: it must be text, not 3. The default, None, is used."),
        (
            {"count": "8"},
            "setting `count` is wrong: it must be a whole number, not '8'. The default, 8, is used.",
        ),
        ({"count": 0}, "setting `count` is wrong: count must be from 1 to 50. The default, 8, is used."),
        (
            {"budgetSeconds": -1},
            "setting `budgetSeconds` is wrong: budgetSeconds must be above 0 and at most 600."
            " The default, 5.0, is used.",
        ),
        ({"modle": "x"}, "there is no setting `modle`; there are lean, model, budgetSeconds, count."),
        (["x"], "the options must be an object, not list; all defaults are used."),
    ],
)
def test_a_bad_setting_is_named_and_has_its_default(options: Any, problem: str) -> None:
    assert parse_settings(options) == (Settings(), [f"llmstep: {problem}"])


def test_a_bad_setting_leaves_the_others() -> None:
    assert parse_settings({"count": 0, "model": "/m"})[0] == Settings(model="/m")
