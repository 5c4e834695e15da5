"""Owns how a verdict follows from what Lean reports about a text with the candidate in it.

This is the plain way, for a Lean that offers nothing but diagnostics and goals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from llmstep_lsp.domain.diagnostics import Diagnostic, concerns, proposals, unparsed_after
from llmstep_lsp.domain.goals import same_goals
from llmstep_lsp.domain.model import Goal, ProofState, Status, Verdict
from llmstep_lsp.domain.text import Range


@dataclass(frozen=True)
class Report:
    """What Lean reports about `text`, where the candidate stands in `candidate`.

    `command` is the first and the last line of the command around it; `goals` are those
    after the candidate, None if Lean sees no tactic there; `sorry_elsewhere` says
    whether the command has a `sorry` of the user's own.
    """

    text: str
    candidate: Range
    command: tuple[int, int]
    goals: tuple[Goal, ...] | None
    diagnostics: tuple[Diagnostic, ...]
    sorry_elsewhere: bool


def judge(before: ProofState, report: Report) -> Verdict:
    """The verdict on a candidate.  That a finished proof rests on no axiom is not looked at here."""
    own = errors_of(report.text, report.candidate, report.diagnostics)
    if errors := own or _new_errors_before(before, report):
        return Verdict(Status.REJECTED, reason=errors[0].message)
    if report.goals is None:
        return Verdict(Status.REJECTED, reason="Lean does not read it as a tactic here")
    if same_goals(report.goals, before.goals):
        return Verdict(Status.REFUSED, reason="it leaves the goals as they were")
    within = [d for d in report.diagnostics if report.command[0] <= d.range.start.line <= report.command[1]]
    admitted = any(d.admits_sorry for d in within)
    if admitted and not report.sorry_elsewhere:
        return Verdict(Status.REFUSED, reason="it rests on `sorry`")
    closed = not report.goals or same_goals(report.goals, before.goals[1:])
    finished = closed and not report.goals and not admitted and not any(d.is_error for d in within)
    status = Status.FINISHES if finished else Status.CLOSES if closed else Status.ADVANCES
    said = [d.message for d in report.diagnostics if concerns(report.text, d, report.candidate)]
    return Verdict(status, report.goals, proposals=tuple(p for message in said for p in proposals(message)))


def judge_axioms(finishing: Verdict, messages: list[str]) -> Verdict:
    """`finishing` if the axioms that Lean lists make a proof; `messages` answer `#print axioms`."""
    listed = [axioms for message in messages for _, found, axioms in [message.partition(" axioms")] if found]
    if not listed:
        return Verdict(Status.UNKNOWN, reason="the axioms that the proof rests on could not be read")
    for name in ("sorryAx", "ofReduceBool", "ofReduceNat", "trustCompiler", "native_decide"):
        if any(name in axioms for axioms in listed):
            return Verdict(Status.REFUSED, reason=f"the proof rests on `{name}`")
    return finishing


def errors_of(text: str, candidate: Range, diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The errors about what stands in `candidate`, or about how what follows can be read behind it."""
    return [
        d
        for d in diagnostics
        if d.is_error and (concerns(text, d, candidate) or unparsed_after(text, d, candidate.end))
    ]


def breaks_what_follows(report: Report) -> bool:
    """Whether Lean reports an error behind the candidate, in the same command."""
    behind = [d for d in report.diagnostics if d.range.start > report.candidate.end]
    return any(d.is_error and d.range.start.line <= report.command[1] for d in behind)


def _new_errors_before(before: ProofState, report: Report) -> list[Diagnostic]:
    """Errors that Lean reports above the candidate because of it, such as those of the kernel."""
    return [
        d
        for d in report.diagnostics
        if d.is_error
        and not d.unsolved
        and d.range.start < report.candidate.start
        and (d.range.start, d.message) not in before.errors
    ]
