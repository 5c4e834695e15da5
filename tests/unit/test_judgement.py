"""How a verdict follows from goals and diagnostics."""

from dataclasses import replace

import pytest

from llmstep_lsp.domain.diagnostics import Diagnostic, Severity, proposals
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.judgement import Report, judge, judge_axioms
from llmstep_lsp.domain.model import ProofState, Site, Snapshot, Status, Verdict
from llmstep_lsp.domain.text import Position, Range

P, Q = parse_goal("case left\n⊢ p"), parse_goal("case right\n⊢ q")
TEXT = "theorem t : p ∧ q := by\n  step\n   \n  next\nsection\n"


def span(line: int, start: int, end: int) -> Range:
    return Range(Position(line, start), Position(line, end))


BEFORE = ProofState(Snapshot("u", 1, ""), Site(span(1, 2, 2), "", 2), (P, Q))
REPORT = Report(TEXT, span(1, 2, 6), (0, 3), (Q,), (), sorry_elsewhere=False)
UNSOLVED = Diagnostic(span(0, 20, 22), Severity.ERROR, "unsolved goals\n⊢ q", unsolved=True)


def error(line: int, start: int, message: str = "wrong") -> Diagnostic:
    return Diagnostic(span(line, start, start + 1), Severity.ERROR, message)


def test_finishes_when_no_goal_and_no_error_of_the_command_is_left() -> None:
    assert judge(replace(BEFORE, goals=(P,)), replace(REPORT, goals=())) == Verdict(Status.FINISHES)


def test_closes_when_the_other_goals_are_as_they_were() -> None:
    assert judge(BEFORE, replace(REPORT, diagnostics=(UNSOLVED,))) == Verdict(Status.CLOSES, (Q,))


def test_closes_when_a_later_part_of_the_command_fails_as_before() -> None:
    report = replace(REPORT, goals=(), diagnostics=(error(3, 2),))
    assert judge(replace(BEFORE, goals=(P,), fails_below=True), report).status is Status.CLOSES


def test_a_finished_proof_stays_finished() -> None:
    found = judge(replace(BEFORE, complete=True), replace(REPORT, diagnostics=(UNSOLVED,)))
    assert found == Verdict(Status.REFUSED, reason="the proof is finished without it, and not with it")


def test_what_makes_the_lines_below_fail_is_refused() -> None:
    found = judge(BEFORE, replace(REPORT, diagnostics=(error(3, 2, "no goals"),)))
    assert found == Verdict(Status.REFUSED, reason="the lines below it fail because of it")


def test_closes_when_the_users_own_sorry_is_elsewhere_in_the_command() -> None:
    warning = Diagnostic(span(0, 8, 9), Severity.WARNING, "declaration uses 'sorry'")
    report = replace(REPORT, goals=(), diagnostics=(warning,))
    one_goal = replace(BEFORE, goals=(P,))
    assert judge(one_goal, replace(report, sorry_elsewhere=True)).status is Status.CLOSES
    assert judge(one_goal, report) == Verdict(Status.REFUSED, reason="it rests on `sorry`")


def test_advances_otherwise() -> None:
    changed = parse_goal("case left\nh : a\n⊢ b")
    assert judge(BEFORE, replace(REPORT, goals=(changed, Q))) == Verdict(Status.ADVANCES, (changed, Q))


def test_unchanged_goals_are_refused() -> None:
    found = judge(BEFORE, replace(REPORT, goals=(P, Q)))
    assert found == Verdict(Status.REFUSED, reason="it leaves the goals as they were")


@pytest.mark.parametrize(
    "found",
    [
        error(1, 2),
        error(1, 6),
        Diagnostic(span(1, 2, 6), Severity.ERROR, "unsolved goals", unsolved=True),
        # An unexpected token, whose range begins at the white space before it.
        Diagnostic(Range(Position(0, 23), Position(1, 3)), Severity.ERROR, "wrong"),
        # What follows could not be parsed any more.
        error(3, 2, "unexpected token 'next'; expected ')'"),
        error(3, 2, "expected '{' or indented tactic sequence"),
        # Because of it the whole declaration fails.
        error(0, 8, "(kernel) declaration has metavariables"),
    ],
)
def test_rejected_for_an_error_that_is_the_candidates(found: Diagnostic) -> None:
    assert judge(BEFORE, replace(REPORT, diagnostics=(UNSOLVED, found))) == Verdict(
        Status.REJECTED, reason=found.message
    )


def test_errors_that_were_there_before_do_not_reject() -> None:
    above = error(0, 8, "wrong already")
    known = frozenset({(above.range.start, above.message)})
    before = replace(BEFORE, errors=known, fails_below=True)
    assert (
        judge(before, replace(REPORT, diagnostics=(above, error(3, 2, "no goals")))).status is Status.CLOSES
    )


def test_what_lean_does_not_read_as_a_tactic_is_rejected() -> None:
    assert judge(BEFORE, replace(REPORT, goals=None)).status is Status.REJECTED


def test_proposals_of_lean_come_with_the_verdict() -> None:
    info = Diagnostic(span(1, 2, 6), Severity.INFORMATION, "Try this:\n  [apply] exact h")
    assert judge(BEFORE, replace(REPORT, diagnostics=(info,))).proposals == ("exact h",)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Try this: exact h", ["exact h"]),
        ("Try this: simp only [a,\n  b]", ["simp only [a,\n  b]"]),
        ("Try this:\n  [apply] simp only [a,\n    b]", ["simp only [a,\n  b]"]),
        ("Try these:\n  [apply] exact h\n  [apply] exact k", ["exact h", "exact k"]),
        ("Try these:\n• exact h\n• exact k", ["exact h", "exact k"]),
        ("no goals", []),
    ],
)
def test_proposals(message: str, expected: list[str]) -> None:
    assert proposals(message) == expected


FINISHED = Verdict(Status.FINISHES)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (["'t' does not depend on any axioms"], FINISHED),
        (["'t' depends on axioms: [propext, Quot.sound]"], FINISHED),
        (["'t' depends on axioms: [propext,\n sorryAx]"], Verdict(Status.REFUSED, reason="the proof rests on `sorryAx`")),
        (
            ["'t' depends on axioms: [Lean.ofReduceBool]"],
            Verdict(Status.REFUSED, reason="the proof rests on `ofReduceBool`"),
        ),
        (
            ["'A.t' depends on axioms: [propext, A.t.trusted]"],
            Verdict(Status.REFUSED, reason="the proof rests on `A.t.trusted`, which it adds"),
        ),
        (["'A.t' depends on axioms: [t, A.trusted]"], FINISHED),
        ([], Verdict(Status.UNKNOWN, reason="the axioms that the proof rests on could not be read")),
    ],
)  # fmt: skip
def test_axioms(messages: list[str], expected: Verdict) -> None:
    assert judge_axioms(FINISHED, messages, {"t"}) == expected
