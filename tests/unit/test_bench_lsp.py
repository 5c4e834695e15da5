"""The figures of `llmstep-lsp bench lsp`: percentiles, budgets, and goals that nobody has seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmstep_lsp.bench.lsp import (
    ABOVE,
    AUTOMATIC,
    BELOW,
    BUDGETS,
    CACHED,
    COLD,
    INITIALIZE,
    INLINE,
    INVOKED,
    START,
    WHAT,
    WHEN,
    Figure,
    figure,
    percentile,
)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([7.0], 50, 7.0),
        ([7.0], 95, 7.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([4.0, 1.0, 3.0, 2.0], 50, 2.5),
        ([1.0, 2.0], 95, 1.95),
        ([float(n) for n in range(101)], 95, 95.0),
        ([1.0, 2.0, 3.0], 0, 1.0),
        ([1.0, 2.0, 3.0], 100, 3.0),
    ],
)
def test_percentile(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_is_never_beyond_the_values(values: list[float], percent: float) -> None:
    assert min(values) <= percentile(values, percent) <= max(values)


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


@pytest.mark.parametrize(
    ("milliseconds", "p50", "p95", "met"),
    [
        ([10.0] * 20, 10.0, 10.0, True),
        ([10.0] * 18 + [30.0] * 2, 10.0, 30.0, True),
        ([10.0] * 18 + [31.0] * 2, 10.0, 31.0, False),
        ([11.0] * 20, 11.0, 11.0, False),
    ],
)
def test_a_budget_is_met_by_both_percentiles(
    milliseconds: list[float], p50: float, p95: float, *, met: bool
) -> None:
    found = figure("short", INVOKED, CACHED, milliseconds)
    assert found == Figure("short", INVOKED, CACHED, 20, p50, p95, (10.0, 30.0), met)


def test_what_has_no_budget_meets_none() -> None:
    assert figure("short", "verify", COLD, [1.0, 3.0]) == Figure(
        "short", "verify", COLD, 2, 2.0, 2.9, None, None
    )


@pytest.mark.parametrize(
    ("what", "when", "budget"),
    [
        (INITIALIZE, START, (400.0, 700.0)),
        ("goal", COLD, (50.0, 150.0)),
        (INLINE, COLD, (300.0, 800.0)),
        (INLINE, ABOVE, (300.0, 800.0)),
        (INVOKED, COLD, (800.0, 1500.0)),
        (INVOKED, CACHED, (10.0, 30.0)),
        (AUTOMATIC, BELOW, (10.0, 30.0)),
    ],
)
def test_budgets(what: str, when: str, budget: tuple[float, float]) -> None:
    assert BUDGETS[what, when] == budget


def test_budgets_are_for_what_is_measured() -> None:
    assert {what for what, _ in BUDGETS} <= set(WHAT)
    assert {when for _, when in BUDGETS} <= set(WHEN)
