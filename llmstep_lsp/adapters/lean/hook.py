"""Owns how a document that imports our Lean package is asked for goals, verdicts and lemmas."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from llmstep_lsp.adapters.lean import protocol
from llmstep_lsp.adapters.lean.scratch_text import PROBE, scratch_text
from llmstep_lsp.adapters.lean.server import LeanDocument
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.header import imports, with_import
from llmstep_lsp.domain.model import Goal, ProofState, Verdict
from llmstep_lsp.domain.text import Position
from llmstep_lsp.errors import LeanHookError, LeanRequestError

_Answer = TypeVar("_Answer")

MODULE = "LLMStep.Rpc"
"""What a file imports to have the methods."""

# Lean's own default of the option `maxHeartbeats`.
_MAX_HEARTBEATS = 200_000
# Source: `Lean.JsonRpc.ErrorCode.methodNotFound`.
_NO_SUCH_METHOD = -32601
# Candidates run in parallel, but on one core that is no gain; and Lean needs time of its own.
_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class View:
    """The text to ask about, and where in it the state is that candidates start from."""

    text: str
    position: Position


def view(state: ProofState) -> View | None:
    """The text that imports the package at `state`; None if such a file cannot import anything."""
    text, place, _ = scratch_text(state.snapshot, state.site, PROBE)
    if any(name in {"LLMStep", MODULE} for name in imports(text)):
        return View(text, place.start)
    hooked = with_import(text, MODULE)
    if hooked is None:
        return None
    return View(hooked, Position(place.start.line + 1, place.start.column))


async def goals(document: LeanDocument, view: View) -> tuple[Goal, ...]:
    """The goals at the state.

    Raises:
        LeanHookError: the package is not there, or speaks another protocol.
        LeanRequestError: the package sees no tactic.
        LeanGoneError: Lean ended before it answered.
    """
    document.put(view.text)
    request = protocol.StateRequest(document.place(view.position))
    answer = await _ask(document, view, "proofState", request, protocol.StateAnswer)
    return tuple(parse_goal(goal.text) for goal in answer.goals)


async def judge(
    document: LeanDocument, view: View, candidates: Sequence[str], milliseconds: int
) -> list[Verdict]:
    """Lean's verdicts on `candidates`, each of which gets `milliseconds`.

    Raises:
        LeanHookError: the package is not there, speaks another protocol, or does not answer in time.
        LeanRequestError: Lean answered with an error.
        LeanGoneError: Lean ended before it answered.
    """
    document.put(view.text)
    request = protocol.CheckRequest(
        document.place(view.position), tuple(candidates), _MAX_HEARTBEATS, milliseconds
    )
    seconds = len(candidates) * milliseconds / 1000 + _GRACE_SECONDS
    try:
        async with asyncio.timeout(seconds):
            answer = await _ask(document, view, "check", request, protocol.CheckAnswer)
    except TimeoutError as error:
        await document.aclose()  # the next question starts it again
        raise LeanHookError(f"LLMStep did not answer within {seconds:g} s") from error
    return [_verdict(shape) for shape in answer.verdicts]


async def lemmas(document: LeanDocument, view: View, count: int, milliseconds: int) -> tuple[str, ...]:
    """Names of up to `count` lemmas near to the first goal, as far as Lean finds them in `milliseconds`.

    Raises:
        LeanHookError: the package is not there, or speaks another protocol.
        LeanRequestError: Lean answered with an error.
        LeanGoneError: Lean ended before it answered.
    """
    document.put(view.text)
    request = protocol.LemmasRequest(document.place(view.position), count, milliseconds)
    answer = await _ask(document, view, "lemmas", request, protocol.LemmasAnswer)
    return answer.lemmas


async def _ask(
    document: LeanDocument, view: View, method: str, request: Any, answer: type[_Answer]
) -> _Answer:
    try:
        found = await document.call(f"LLMStep.{method}", view.position, protocol.to_json(request))
    except LeanRequestError as error:
        if error.code != _NO_SUCH_METHOD:
            raise
        raise LeanHookError(
            "Lean does not find LLMStep, our Lean package; one that the editor lends finds it in a project "
            "that requires it."
        ) from error
    try:
        return protocol.from_json(found, answer)
    except ValueError as error:
        what = str(error).partition(":")[0]  # behind that the answer is quoted, which is no matter for a log
        raise LeanHookError(f"LLMStep answered what cannot be read ({what})") from error


def _verdict(shape: protocol.VerdictShape) -> Verdict:
    return Verdict(
        shape.status,
        tuple(parse_goal(goal) for goal in shape.goals),
        shape.reason,
        shape.proposals,
        shape.milliseconds,
    )
