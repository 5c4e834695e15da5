"""Owns the `Prover` that judges candidates in scratch documents, by diagnostics and goals alone.

This is the plain way, for every Lean: a candidate is written into the scratch document, and
Lean elaborates again only what changed.  The user's own document is never touched.
"""

import asyncio
import contextlib
import logging
import re
import textwrap
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from llmstep_lsp.adapters.lean.lent import lent_document
from llmstep_lsp.adapters.lean.scratch_text import PROBE, SENTINEL, plain_text, scratch_text
from llmstep_lsp.adapters.lean.scratches import Scratches, path_of, start_beside
from llmstep_lsp.adapters.lean.server import LeanDocument
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.domain.commands import Command, command_at
from llmstep_lsp.domain.diagnostics import Diagnostic, concerns
from llmstep_lsp.domain.guard import malformed, refusal
from llmstep_lsp.domain.header import header_lines
from llmstep_lsp.domain.judgement import Report, errors_of, fails_behind, judge, judge_axioms
from llmstep_lsp.domain.model import NothingToProve, ProofState, Site, Snapshot, Status, Verdict
from llmstep_lsp.domain.sites import sorries
from llmstep_lsp.domain.text import Position
from llmstep_lsp.errors import LeanError, LeanImportError, LeanNotFoundError
from llmstep_lsp.ports import LeanLender, LeanStatus

_log = logging.getLogger(__name__)

_GRACE_SECONDS = 3.0
_SECONDS_TO_LOAD = 60.0
# Characters of an error above that are told.
_COMPLAINT = 120
_COPY_NAME = "llmstep_checked_copy"
_NO_GOALS_LEFT = "No goals are left here."
_NO_TACTIC_BLOCK = "No goal here: the cursor is not in a tactic block."
_UNFINISHED = "No goal here: the cursor is not in a tactic block, or the step above it is not complete."
_IMPORT_FAILED = re.compile(
    r"unknown module prefix|object file|of module|[Ii]mports? .*(?:out of date|fail)|bad import"
)


class LeanProver:
    """Implements `Prover` with Lean servers of our own, or with that of `lender`."""

    def __init__(
        self,
        find_toolchain: Callable[[Path], Toolchain],
        seconds_per_check: float,
        lender: LeanLender | None = None,
    ) -> None:
        async def start(file: Path) -> LeanDocument:
            self._lent = bool(lender and await lender.ready())
            if lender and self._lent:
                return lent_document(lender, file)
            return await start_beside(file, find_toolchain(file))

        self._find_toolchain = find_toolchain
        self._lender = lender
        self._lent = lender is not None
        self._scratches = Scratches(start)
        self._seconds = seconds_per_check

    async def locate(self, snapshot: Snapshot, sites: Sequence[Site]) -> ProofState | NothingToProve:
        """As the port says.

        Raises:
            LeanNotFoundError: there is no Lean to run.
            LeanImportError: Lean cannot load the imports of the file.
            LeanGoneError: Lean ended, or does not speak its protocol.
        """
        scratch = await self._scratches.beside(snapshot.uri)
        async with scratch.lock:
            state = await _locate(await scratch.document(), snapshot, sites)
        if isinstance(state, NothingToProve):
            return state
        with contextlib.suppress(LeanNotFoundError):  # a lent Lean need not be one that we would find
            state = replace(state, toolchain=self._find_toolchain(path_of(snapshot.uri)).identity)
        return state

    async def lemmas(self, state: ProofState) -> tuple[str, ...]:  # noqa: ARG002  # as the port asks
        """None: diagnostics and goals name no lemmas."""
        return ()

    async def check(
        self, state: ProofState, texts: Sequence[str]
    ) -> AsyncGenerator[tuple[str, Verdict], None]:
        """As the port says, one after the other; whatever goes wrong with Lean makes a verdict unknown."""
        name = command_at(state.snapshot.text, state.site.range.start.line).name
        for text in texts:
            started = time.perf_counter()
            if reason := malformed(text):
                verdict = Verdict(Status.REJECTED, reason=reason)
            elif reason := refusal(text, name):
                verdict = Verdict(Status.REFUSED, reason=reason)
            else:
                verdict = await self._judge(state, text)
            yield text, replace(verdict, milliseconds=(time.perf_counter() - started) * 1000)

    async def _judge(self, state: ProofState, text: str) -> Verdict:
        try:
            scratch = await self._scratches.beside(state.snapshot.uri)
            async with scratch.lock:
                document = await scratch.document()
                # A Lean that was started again loads the file's imports first.
                seconds = self._seconds if document.answered else _SECONDS_TO_LOAD
                try:
                    async with asyncio.timeout(seconds):
                        return await _check(document, state, text)
                except asyncio.CancelledError:
                    _put_probe(document, state)
                    raise
                except TimeoutError:
                    await _stop(document, state)
                    raise
        except TimeoutError:
            return Verdict(Status.UNKNOWN, reason=f"Lean did not answer within {seconds:g} s")
        except LeanError as error:
            _log.debug("no verdict on %r: %s", text, error)
            return Verdict(Status.UNKNOWN, reason=str(error))

    async def status(self, uri: str) -> LeanStatus:
        """As the port says; it always judges one by one."""
        running = self._scratches.running(uri)
        if self._lent:
            reason = (
                "It is asked, and none of ours." if running else "If it lends none, one of ours is asked."
            )
            return LeanStatus((), reason, lent=True, running=running, batches=False)
        unlent = "The editor lends no Lean. " if self._lender else ""
        try:
            toolchain = self._find_toolchain(path_of(uri))
        except LeanError as error:
            return LeanStatus((), f"{unlent}{error}", running=running)
        return LeanStatus(toolchain.lean, unlent + toolchain.reason, running=running, batches=False)

    async def aclose(self) -> None:
        """End every Lean."""
        await self._scratches.aclose()


async def _locate(
    document: LeanDocument, snapshot: Snapshot, sites: Sequence[Site]
) -> ProofState | NothingToProve:
    accepted = False
    reason, suspect = _NO_TACTIC_BLOCK, False
    for site in sites:
        if accepted and site.prefix:  # what would be replaced is a step that Lean accepts
            continue
        text, probe, command = scratch_text(snapshot, site, PROBE)
        document.put(text)
        diagnostics = await document.diagnostics()
        _require_imports(text, diagnostics)
        errors = [d for d in diagnostics if d.is_error]
        above = [d for d in errors if d.range.start < probe.start and not d.unsolved]
        if any(probe.start <= d.range.start <= probe.end for d in errors):
            reason, suspect = _UNFINISHED, bool(above)
        elif site.complete is None or not any(concerns(text, d, site.complete) for d in errors):
            accepted = accepted or site.complete is not None
            goals = await document.goals(probe.start)
            if goals:
                known = frozenset((d.range.start, d.message) for d in above)
                below = fails_behind(probe, (command.first, command.last), diagnostics)
                complete = not any(command.first <= d.range.start.line <= command.last for d in errors)
                return ProofState(snapshot, site, goals, known, below, complete)
            if goals == ():
                reason, suspect = _NO_GOALS_LEFT, False
            else:
                suspect = suspect or bool(above)
    return NothingToProve((suspect and await _complaint(document, snapshot, sites[0])) or reason)


async def _check(document: LeanDocument, state: ProofState, candidate: str) -> Verdict:
    # White space changes nothing, but on an empty line at the candidate's column Lean shows
    # the goals after all of it.
    empty_line = "\n" + " " * (state.site.column + 1)
    text, place, command = scratch_text(state.snapshot, state.site, candidate, empty_line)
    if command.name:  # asked along with the candidate, since each change of the text takes its time
        text = text.removesuffix(SENTINEL) + _print_axioms(command.name)
    document.put(text)
    diagnostics = await document.diagnostics()
    goals = await document.goals(Position(place.end.line + 1, state.site.column))
    elsewhere = any(command.first <= at.line <= command.last for at in sorries(text))
    report = Report(text, place, (command.first, command.last), goals, diagnostics, elsewhere)
    verdict = judge(state, report)
    if (
        verdict.accepted
        and fails_behind(place, report.command, diagnostics)
        and not await _stands_alone(document, state, candidate)
    ):
        return Verdict(Status.REJECTED, reason="it is not complete by itself")
    if verdict.status is not Status.FINISHES:
        return verdict
    if command.name:
        listed = [d.message for d in diagnostics if d.range.start.line > command.last]
        return judge_axioms(verdict, listed, {command.name})
    return judge_axioms(verdict, await _axioms_of_copy(document, text, command), {"_example", _COPY_NAME})


def _put_probe(document: LeanDocument, state: ProofState) -> None:
    """Put no candidate there; Lean goes on with one until the text changes."""
    with contextlib.suppress(LeanError):
        document.put(scratch_text(state.snapshot, state.site, PROBE)[0])


async def _stop(document: LeanDocument, state: ProofState) -> None:
    """Make Lean stop what it does, or end it; then the next question starts it again."""
    _put_probe(document, state)
    try:
        async with asyncio.timeout(_GRACE_SECONDS):
            await document.diagnostics()
    except TimeoutError:
        await document.aclose()


async def _stands_alone(document: LeanDocument, state: ProofState, candidate: str) -> bool:
    """Whether `candidate` is complete without the text that follows it.

    An unfinished step can take the next line for its argument, and then the error is there.
    """
    column = state.site.column
    text, place, _ = scratch_text(state.snapshot, state.site, candidate, "\n" + " " * column + PROBE)
    document.put(text)
    diagnostics = await document.diagnostics()
    probe = Position(place.end.line + 1, column)
    return not errors_of(text, place, diagnostics) and all(
        d.range.start != probe for d in diagnostics if d.is_error
    )


async def _axioms_of_copy(document: LeanDocument, text: str, command: Command) -> list[str]:
    """The axioms of a declaration without a name: only what has one can be asked for them."""
    above = text.removesuffix(SENTINEL)
    body = "\n".join(text.split("\n")[command.first : command.last + 1])
    # What follows `example` stays in its column, below which later lines of a proof may be aligned.
    margin = " " * (command.end - body.rfind("\n", 0, command.end) - 1)
    copy = f"\nnoncomputable def {_COPY_NAME}\n{margin}{body[command.end :]}{_print_axioms(_COPY_NAME)}"
    document.put(above + copy)
    line = above.count("\n")
    return [d.message for d in await document.diagnostics() if d.range.start.line > line]


def _print_axioms(name: str) -> str:
    return f"\n#print axioms {name}\n"


def _require_imports(text: str, diagnostics: Sequence[Diagnostic]) -> None:
    header = header_lines(text)
    for found in diagnostics:
        if (
            found.is_error
            and found.range.start.line < max(header, 1)
            and _IMPORT_FAILED.search(found.message)
        ):
            raise LeanImportError(
                f"Lean cannot load the imports of this file: {found.message.strip()}\n"
                "Build them first (`lake build` in the project), or correct the import. "
                "`llmstep-lsp lean status FILE` says which Lean was asked, and whether it knows the project."
            )


async def _complaint(document: LeanDocument, snapshot: Snapshot, site: Site) -> str | None:
    """What Lean finds wrong above `site` in the text as it is: a tactic there may be what is wrong."""
    document.put(plain_text(snapshot, site))
    for found in await document.diagnostics():
        if found.is_error and not found.unsolved and found.range.start < site.range.start:
            line = found.range.start.line + 1
            message = textwrap.shorten(found.message, _COMPLAINT, placeholder=" …")
            return f"No goal here. Lean reports an error above, in line {line}: {message}"
    return None
