"""Owns how a verdict follows from what Lean reports about a text with the candidate in it.

This is the plain way, for a Lean that offers nothing but diagnostics and goals.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from llmstep_lsp.domain.diagnostics import Diagnostic, concerns, proposals, unparsed_after
from llmstep_lsp.domain.goals import same_goals
from llmstep_lsp.domain.model import Goal, ProofState, Status, Verdict
from llmstep_lsp.domain.text import Range

# Errors that say no more than that Lean gave up.
_LIMIT = re.compile(r"maximum recursion depth|\(deterministic\) timeout")


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
        status = Status.UNKNOWN if _LIMIT.search(errors[0].message) else Status.REJECTED
        return Verdict(status, reason=errors[0].message)
    if report.goals is None:
        return Verdict(Status.REJECTED, reason="Lean does not read it as a tactic here")
    within = [d for d in report.diagnostics if report.command[0] <= d.range.start.line <= report.command[1]]
    if reason := _harm(before, report, within, report.goals):
        return Verdict(Status.REFUSED, reason=reason)
    closed = not report.goals or same_goals(report.goals, before.goals[1:])
    clean = not any(d.is_error or d.admits_sorry for d in within)
    status = Status.ADVANCES
    if closed:
        status = Status.FINISHES if clean and not report.goals else Status.CLOSES
    said = [d.message for d in report.diagnostics if concerns(report.text, d, report.candidate)]
    return Verdict(status, report.goals, proposals=tuple(p for message in said for p in proposals(message)))


def _harm(
    before: ProofState, report: Report, within: Sequence[Diagnostic], goals: tuple[Goal, ...]
) -> str | None:
    """Why a step that Lean accepts is of no use: what it leaves undone or spoils of the command, `within`."""
    if same_goals(goals, before.goals):
        return "it leaves the goals as they were"
    if not before.fails_below and fails_behind(report.candidate, report.command, within):
        return "the lines below it fail because of it"
    if before.complete and any(d.is_error for d in within):
        return "the proof is finished without it, and not with it"
    if any(d.admits_sorry for d in within) and not report.sorry_elsewhere:
        return "it rests on `sorry`"
    return None


def judge_axioms(finishing: Verdict, messages: list[str], own: Collection[str]) -> Verdict:
    """`finishing` if the axioms that Lean lists make a proof; `messages` answer `#print axioms`.

    An axiom whose name goes on behind one of the declaration's `own` names was added by a step.
    """
    listed = [axioms for message in messages for _, found, axioms in [message.partition(" axioms")] if found]
    if not listed:
        return Verdict(Status.UNKNOWN, reason="the axioms that the proof rests on could not be read")
    for name in ("sorryAx", "ofReduceBool", "ofReduceNat", "trustCompiler", "native_decide"):
        if any(name in axioms for axioms in listed):
            return Verdict(Status.REFUSED, reason=f"the proof rests on `{name}`")
    for axioms in listed:
        for axiom in re.findall(r"[^\s\[\],:]+", axioms):
            if any(f".{name}." in f".{axiom}" for name in own):
                return Verdict(Status.REFUSED, reason=f"the proof rests on `{axiom}`, which it adds")
    return finishing


def errors_of(text: str, candidate: Range, diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The errors about what stands in `candidate`, or about how what follows can be read behind it."""
    return [
        d
        for d in diagnostics
        if d.is_error and (concerns(text, d, candidate) or unparsed_after(text, d, candidate.end))
    ]


def fails_behind(place: Range, command: tuple[int, int], diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether Lean reports an error behind `place` in the same command, the lines `command`."""
    behind = [d for d in diagnostics if d.range.start > place.end and d.range.start.line <= command[1]]
    return any(d.is_error for d in behind)


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
