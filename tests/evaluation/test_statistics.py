"""Figures that are known from elsewhere, and which records count for which."""

import pytest

from llmstep_lsp.evaluation.record import Outcome, Record
from llmstep_lsp.evaluation.report import tables
from llmstep_lsp.evaluation.statistics import Pair, accepted, mcnemar, pairs, rate, solved


def record(set_: str, line: int, outcome: Outcome, **more: object) -> Record:
    return Record(set_, f"t{line}", "A.lean", line, outcome, **more)  # type: ignore[arg-type]


SEARCHED = [
    record("a", 1, Outcome.SOLVED, steps=("rfl",), nodes=1, candidates=3, seconds=1.0),
    record("a", 2, Outcome.SOLVED, steps=("x", "y"), nodes=3, candidates=9, seconds=3.0),
    record("a", 3, Outcome.UNSOLVED, nodes=9, candidates=90, seconds=60.0, unknown=2),
    record("a", 4, Outcome.REFUTED, steps=("z",), nodes=1, candidates=5, seconds=1.0),
    record("a", 5, Outcome.NOT_STATED),
    record("a", 6, Outcome.SOLVED, steps=("rfl",), nodes=1, candidates=3, seconds=1.0),
    record("b", 1, Outcome.SOLVED, steps=("rfl",), nodes=1, candidates=1, seconds=0.5),
    record("b", 2, Outcome.UNSOLVED, nodes=2, candidates=4, seconds=0.5),
    record("b", 3, Outcome.SOLVED, steps=("x",), nodes=1, candidates=4, seconds=0.5),
    record("b", 4, Outcome.UNSOLVED, nodes=2, candidates=4, seconds=0.5),
    record("b", 5, Outcome.NOT_STATED),
    record("b", 6, Outcome.FAILED, reason="the model ended"),
]


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson(count: int, of: int, low: float, high: float) -> None:
    found = rate(count, of)
    assert [found.low, found.high] == pytest.approx([low, high], abs=5e-5)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 5, 1.0), (10, 2, 0.03857), (0, 8, 0.0078125)],
)
def test_mcnemar(only_a: int, only_b: int, p: float) -> None:
    assert mcnemar(only_a, only_b) == pytest.approx(p, abs=5e-6)


def test_what_was_solved() -> None:
    a, b = solved(SEARCHED)
    assert (a.solved, b.solved) == (rate(3, 5), rate(2, 4))  # what is not stated or failed is apart
    assert (a.single, a.nodes, a.candidates, a.seconds) == (2, 1, 3, 1.0)
    assert (a.attempts, a.seconds_in_all, a.unknown) == (110, 66.0, 2)
    assert (a.refuted, a.not_stated, a.failed) == (1, 1, 0)
    assert (b.refuted, b.not_stated, b.failed) == (0, 1, 1)


def test_pairs_are_of_what_both_were_measured_on() -> None:
    assert pairs(SEARCHED) == [Pair("a", "b", both=1, only_a=1, only_b=1, neither=1, ratio=1.0, p=1.0)]


def test_first_steps() -> None:
    records = [
        record("a", 1, Outcome.JUDGED, verdicts=("rejected", "advances"), seconds=1.0),
        record("a", 2, Outcome.JUDGED, verdicts=("closes", "unknown"), seconds=3.0, unknown=1),
        record("a", 3, Outcome.JUDGED, verdicts=("refused",), seconds=2.0),
        record("a", 4, Outcome.JUDGED, verdicts=(), seconds=2.0),
        record("a", 5, Outcome.NOT_STATED),
    ]
    (a,) = accepted(records)
    assert (a.at_1, a.at_k, a.closes) == (rate(1, 4), rate(2, 4), rate(1, 4))
    assert (a.seconds, a.unknown, a.not_stated, a.failed) == (2.0, 1, 1, 0)
    (table,) = tables(records, 2)
    assert table.headings[1:6:2] == ("accepted@1", "accepted@2", "closes@2")
    assert table.rows[0][:2] == ("a", "1/4 = 25.0 %")


def test_nothing_measured_says_nothing() -> None:
    (a,) = solved([record("a", 1, Outcome.NOT_STATED)])
    assert (a.solved, a.nodes) == (rate(0, 0), 0)
    assert (a.solved.low, a.solved.high) == (0.0, 1.0)
