from typing import Any

import pytest

from llmstep_lsp.edge.settings import Settings, parse_settings


def test_no_options_are_the_defaults() -> None:
    assert parse_settings(None) == (Settings(), [])


def test_all_settings() -> None:
    options = {
        "lean": "/lean",
        "generators": ["symbolic", "openai,url=http://localhost:8000/v1"],
        "model": "/model",
        "repair": True,
        "cacheMegabytes": 100,
        "budgetSeconds": 2,
        "count": 3,
    }
    generators = ("symbolic", "openai,url=http://localhost:8000/v1")
    assert parse_settings(options) == (
        Settings(
            "/lean", generators, "/model", repair=True, cache_megabytes=100, budget_seconds=2.0, count=3
        ),
        [],
    )


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
        (
            {"modle": "x"},
            "there is no setting `modle`; there are lean, generators, model, repair, cacheMegabytes,"
            " budgetSeconds, count.",
        ),
        (
            {"generators": "symbolic"},
            "setting `generators` is wrong: it must be a list of texts, not 'symbolic'."
            " The default, ('symbolic',), is used.",
        ),
        (
            {"repair": 1},
            "setting `repair` is wrong: it must be true or false, not 1. The default, False, is used.",
        ),
        (
            {"cacheMegabytes": -1},
            "setting `cacheMegabytes` is wrong: cacheMegabytes must be 0 or more. The default, 0, is used.",
        ),
        (["x"], "the options must be an object, not list; all defaults are used."),
    ],
)
def test_a_bad_setting_is_named_and_has_its_default(options: Any, problem: str) -> None:
    assert parse_settings(options) == (Settings(), [f"llmstep: {problem}"])


def test_a_bad_setting_leaves_the_others() -> None:
    assert parse_settings({"count": 0, "model": "/m"})[0] == Settings(model="/m")
