"""What records say."""

from llmstep_lsp.domain.model import Status
from llmstep_lsp.evaluation.record import Outcome
from llmstep_lsp.evaluation.report import Table
from llmstep_lsp.evaluation.statistics import Accepted, rate
from llmstep_lsp.science.record import Asked, Judged, ModelRecord, StepRecord
from llmstep_lsp.science.tables import (
    AtPrefix,
    Beside,
    by_prefix,
    compared,
    counted,
    human_tables,
    prefix_table,
    scaled,
    scaling_table,
)


def judged(text: str, status: Status, goals: int = 0, milliseconds: float = 1.0) -> Judged:
    return Judged(text, status.value, goals, milliseconds)


def record(human: Judged, *asked: Asked, line: int = 1) -> StepRecord:
    return StepRecord("g", "A.lean", line, 3, "t", Outcome.JUDGED, "", human, asked)


NO = judged("no", Status.REJECTED)
SIMP = judged("simp", Status.FINISHES, milliseconds=8.0)
LONG = judged("constructor", Status.ADVANCES, 2, 4.0)
FIRST = record(
    judged("rw [h,\n  g]", Status.ADVANCES, 1, 2.0),
    Asked(0, "", (NO, judged("rw [h, g]", Status.ADVANCES, 1), SIMP), 2),
    Asked(1, "rw", (judged("rw [h, g]", Status.ADVANCES, 1),), 0),
    Asked(2, "rw [", (NO,), None),
)
SECOND = record(LONG, Asked(0, "", (LONG, NO), 0), Asked(1, "constructor", (), None), line=2)
THIRD = record(judged("odd", Status.REFUSED), Asked(0, "", (SIMP,), 0), line=3)
ABSENT = StepRecord("g", "A.lean", 9, 3, "t", Outcome.NOT_STATED, "No goal here.")
BROKEN = StepRecord("g", "A.lean", 10, 3, "t", Outcome.FAILED, "It ended.")
RECORDS = [FIRST, SECOND, THIRD, ABSENT, BROKEN]


def test_shares_by_tokens_are_of_the_steps_that_have_so_many() -> None:
    assert by_prefix(RECORDS, 2) == [
        AtPrefix(0, rate(3, 3), rate(2, 3), rate(2, 3)),
        AtPrefix(1, rate(1, 2), rate(0, 2), rate(1, 2)),
        AtPrefix(2, rate(0, 1), rate(0, 1), rate(0, 1)),
    ]
    assert by_prefix(RECORDS, 2, least=1) == [
        AtPrefix(0, rate(2, 2), rate(1, 2), rate(2, 2)),
        AtPrefix(1, rate(1, 2), rate(0, 2), rate(1, 2)),
        AtPrefix(2, rate(0, 1), rate(0, 1), rate(0, 1)),
    ]


def test_the_table_of_prefixes() -> None:
    assert prefix_table(by_prefix(RECORDS, 2)[1:2], 8) == Table(
        ("tokens", "accepted@8", "95 %", "closes@8", "95 %", "human@8", "95 %"),
        (
            (
                *("1", "1/2 = 50.0 %", "9.5-90.5 %", "0/2 = 0.0 %", "0.0-65.8 %"),
                *("1/2 = 50.0 %", "9.5-90.5 %"),
            ),
        ),
    )


def test_people_beside_the_best_candidates() -> None:
    found = compared(RECORDS, 8)
    assert found.ranks == (2, 1, None)
    assert found.recall == ((1, rate(1, 3)), (8, rate(2, 3)))
    assert (found.accepted, found.both) == (rate(2, 3), rate(2, 3))
    assert found.medians == (
        Beside("characters", 11.0, 7.5),
        Beside("milliseconds", 3.0, 6.0),
        Beside("goals left", 1.5, 1.0),
    )
    assert (found.shorter, found.fewer_goals, found.equal) == (rate(1, 2), rate(1, 2), rate(1, 2))
    medians, shares = human_tables(found)
    assert medians.rows[0] == ("characters", "11", "7.5")
    assert shares.rows[0] == ("human step among the first 1", "1/3 = 33.3 %", "6.1-79.2 %")
    assert [row[0] for row in shares.rows[4:]] == [
        "… the best candidate is shorter",
        "… it leaves fewer goals",
        "… it is the human step",
    ]


def test_nothing_is_known_of_no_steps() -> None:
    found = compared([ABSENT], 32)
    assert (found.ranks, found.both, found.medians[0]) == ((), rate(0, 0), Beside("characters", 0, 0))


def test_what_was_not_compared_is_counted() -> None:
    assert counted(RECORDS) == "3 compared, 1 not stated, 1 failed"


def test_the_table_of_models() -> None:
    model = ModelRecord("llama,hidden=64", "llama-hidden64", "llama", 123456, 0.0, 70, 2.5, 40.4)
    untested = ModelRecord("t5", "t5", "t5", 9, None, 1, 1.0, 2.0)
    worth = Accepted("llama-hidden64", rate(0, 2), rate(1, 2), rate(0, 2), 1.0, 0, 0, 0)
    nothing = Accepted("t5", rate(0, 2), rate(0, 2), rate(0, 2), 1.0, 0, 0, 0)
    rows = scaled([model, untested], [nothing, worth])
    assert [(one.perplexity, one.accepted) for one in rows] == [(1.0, worth), (None, nothing)]
    assert scaling_table(rows, 8).rows == (
        (
            *("llama,hidden=64", "123,456", "70", "2.5", "0.000", "1.00"),
            *("1/2 = 50.0 %", "9.5-90.5 %", "0/2 = 0.0 %", "0.0-65.8 %", "40"),
        ),
        (
            *("t5", "9", "1", "1", "", ""),
            *("0/2 = 0.0 %", "0.0-65.8 %", "0/2 = 0.0 %", "0.0-65.8 %", "2"),
        ),
    )
