"""Owns the commands `llmstep.…` of editors: their arguments, what they do, and their results."""

import time
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from llmstep_lsp.edge.answer_json import suggestion_as_json, timings_as_json
from llmstep_lsp.edge.command_names import (
    ACCEPTED,
    PROVE,
    RESTART_LEAN,
    SHOW_STATUS,
    STOP,
    SUGGEST,
    SUGGEST_WITH_PREFIX,
)
from llmstep_lsp.edge.session import Session
from llmstep_lsp.edge.wording import titled

_SHAPE = '{"textDocument": {"uri": …}, "position": {"line": …, "character": …}}'


def register(server: Session) -> None:
    """Let `server` run them."""

    @server.command(SUGGEST)
    async def suggest(session: Session, params: types.ExecuteCommandParams) -> dict[str, Any]:
        uri, cursor, prefix = _arguments(params)
        return await _suggest(session, uri, cursor, prefix or "")

    @server.command(SUGGEST_WITH_PREFIX)
    async def suggest_with_prefix(session: Session, params: types.ExecuteCommandParams) -> dict[str, Any]:
        uri, cursor, prefix = _arguments(params)
        if prefix is None:
            raise _invalid(f'{SUGGEST_WITH_PREFIX} also needs "prefix": the text that steps begin with.')
        return await _suggest(session, uri, cursor, prefix)

    @server.command(PROVE)
    async def prove(session: Session, params: types.ExecuteCommandParams) -> dict[str, Any]:
        from llmstep_lsp.edge.proving import prove as search  # noqa: PLC0415  # needed by few sessions

        uri, cursor, _ = _arguments(params)
        return await search(session, uri, cursor, params.work_done_token)

    @server.command(STOP)
    async def stop(session: Session, _params: types.ExecuteCommandParams) -> None:
        session.stop()

    @server.command(RESTART_LEAN)
    async def restart_lean(session: Session, _params: types.ExecuteCommandParams) -> None:
        await session.restart_lean()

    @server.command(SHOW_STATUS)
    async def show_status(session: Session, params: types.ExecuteCommandParams) -> dict[str, Any]:
        from llmstep_lsp.edge.status import show  # noqa: PLC0415  # as above

        return await show(session, quietly=list(params.arguments or ()) == [{"quiet": True}])

    @server.command(ACCEPTED)
    async def accepted(session: Session, params: types.ExecuteCommandParams) -> None:
        match params.arguments:
            case [str(offer), int(number)]:
                session.accepted(offer, number)
            case _:
                raise _invalid(
                    f"{ACCEPTED} is what suggestions bring along; it is not to be called otherwise."
                )


async def _suggest(session: Session, uri: str, cursor: types.Position, prefix: str) -> dict[str, Any]:
    """What `suggest --json` prints, and for each suggestion its title and the edit that makes it."""
    request, view = session.request(uri, cursor, prefix)
    answer = await session.answer(request)
    started = time.perf_counter()
    suggestions = [
        {
            **suggestion_as_json(suggestion),
            "title": titled(suggestion, score=session.settings.show_scores),
            "edit": session.protocol.plain(view.workspace_edit(suggestion.edit)),
        }
        for suggestion in answer.suggestions
    ]
    render = (time.perf_counter() - started) * 1000
    return {
        "goals": [goal.text for goal in answer.goals],
        "suggestions": suggestions,
        "notes": [*answer.notes, *answer.failures],
        "complete": answer.complete,
        "timings": {**timings_as_json(answer.timings), "render": round(render, 1)},
    }


def _arguments(params: types.ExecuteCommandParams) -> tuple[str, types.Position, str | None]:
    """The document, the cursor and the prefix, if any, that a command is called with."""
    match params.arguments:
        case [
            {
                "textDocument": {"uri": str(uri)},
                "position": {"line": int(line), "character": int(character)},
                **others,
            }
        ] if line >= 0 and character >= 0:
            prefix = others.get("prefix")
            if prefix is not None and not isinstance(prefix, str):
                raise _invalid(f'"prefix" must be a text, not {prefix!r}.')
            return uri, types.Position(line, character), prefix
    raise _invalid(f"{params.command} needs one argument, {_SHAPE}.")


def _invalid(message: str) -> JsonRpcException:
    return JsonRpcException(message, types.ErrorCodes.InvalidParams)
