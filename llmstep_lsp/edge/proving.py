"""Owns the command `llmstep.prove`: its progress, how it is cancelled, how a proof gets into the document."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from llmstep_lsp.domain.place import holds, place_at
from llmstep_lsp.domain.search import Limits
from llmstep_lsp.edge.session import Session
from llmstep_lsp.edge.wording import shortened
from llmstep_lsp.errors import StaleError
from llmstep_lsp.service.prove import Progress, Proof, ProofRequest, Searcher

_TITLE = "llmstep: searching for a proof"
_LABEL = "llmstep: proof"


async def prove(
    session: Session, uri: str, cursor: types.Position, token: types.ProgressToken | None
) -> dict[str, Any]:
    """Search for a proof of what is to be proved at `cursor`, and insert it, as one edit.

    `token` is where the editor wants to hear of progress, if it said so.

    Raises:
        JsonRpcException: the document changed there meanwhile, or Lean failed.
    """
    request, _ = session.request(uri, cursor)
    settings = session.settings
    limits = Limits(
        expansion=settings.prove_expansion,
        depth=settings.prove_depth,
        nodes=settings.prove_nodes,
        seconds=settings.prove_seconds,
    )
    searcher = Searcher(session.parts.prover, session.parts.generators, repair=session.parts.repair)
    place = place_at(request.snapshot, request.position)
    with session.refusing():
        with session.searching(place):  # which ends when the document changes there, as by our own edit below
            async with _progress(session, token) as report:
                proof = await searcher.prove(ProofRequest(request.snapshot, request.position, limits), report)
        snapshot, view = session.snapshot(uri)
        if not holds(place, snapshot):
            raise StaleError("The document changed. Ask again.")
        applied = proof.edit is not None and await _apply(session, view.workspace_edit(proof.edit))
    _tell(session, proof, applied=applied)
    return {
        "proof": proof.text,
        "status": proof.status.value,
        "nodes": proof.nodes,
        "seconds": round(proof.seconds, 3),
        "applied": applied,
        "notes": [*proof.notes, *proof.failures],
    }


async def _apply(session: Session, edit: types.WorkspaceEdit) -> bool:
    """Whether the editor made `edit`; it refuses one for another version than it has by now."""
    answer = await session.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(edit, _LABEL))
    return answer.applied


def _tell(session: Session, proof: Proof, *, applied: bool) -> None:
    for failure in proof.failures:
        session.warn(f"llmstep: {failure}")
    if proof.text is None:
        reason = " ".join(proof.notes) or "Nothing was found."
        session.window_show_message(types.ShowMessageParams(types.MessageType.Info, f"llmstep: {reason}"))
    elif not applied:
        message = "llmstep: a proof was found, but the editor did not insert it, as the document changed."
        session.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))
    else:
        session.tell(proof.notes)


@asynccontextmanager
async def _progress(
    session: Session, token: types.ProgressToken | None
) -> AsyncIterator[Callable[[Progress], None]]:
    """Shows how far a search is, as far as the editor can; the person may cancel it there."""
    if token is None and session.client.progress:
        token = await _created(session)
    if token is None:
        yield lambda _: None
        return
    shown = session.work_done_progress
    shown.begin(token, types.WorkDoneProgressBegin(_TITLE, cancellable=True))
    searching = asyncio.current_task()
    shown.tokens[token].add_done_callback(lambda _: searching.cancel() if searching else None)

    def report(progress: Progress) -> None:
        shown.report(token, types.WorkDoneProgressReport(message=_message(progress)))

    try:
        yield report
    finally:
        shown.tokens.pop(token, None)
        shown.end(token, types.WorkDoneProgressEnd())


async def _created(session: Session) -> types.ProgressToken | None:
    """A place in the editor to show progress in, if it gives one."""
    token = f"llmstep-{uuid4()}"
    try:
        await session.work_done_progress.create_async(token)
    except JsonRpcException:
        return None
    return token


def _message(progress: Progress) -> str:
    states = f"{progress.nodes} proof state{'s' if progress.nodes != 1 else ''}, {progress.open} open"
    if not progress.goals:
        return states
    target = f"best: ⊢ {shortened(progress.goals[0].target)}"
    after = f" after {shortened('; '.join(progress.steps))}" if progress.steps else ""
    return f"{states}; {target}{after}"
