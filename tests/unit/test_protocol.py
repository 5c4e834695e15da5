"""Where we differ from pygls in speaking the protocol."""

import asyncio
import io
from typing import Any

import pytest
from lsprotocol import types
from pygls.io_ import StdoutWriter
from pygls.lsp.server import LanguageServer

from llmstep_lsp.edge.protocol import Protocol


@pytest.mark.parametrize(
    "answer", [{"result": None}, {"error": {"code": types.LSPErrorCodes.RequestFailed, "message": "no"}}]
)
async def test_an_answer_that_nobody_waits_for_is_no_mistake(answer: dict[str, Any]) -> None:
    protocol: Any = LanguageServer("llmstep-lsp", "0", protocol_cls=Protocol).protocol
    protocol.set_writer(StdoutWriter(io.BytesIO()))
    params = types.WorkDoneProgressCreateParams("progress")
    asked = protocol.send_request_async(types.WINDOW_WORK_DONE_PROGRESS_CREATE, params, msg_id="1")
    asked.cancel()
    await asyncio.sleep(0)
    protocol.handle_message(protocol.structure_message({"jsonrpc": "2.0", "id": "1", **answer}))
    with pytest.raises(asyncio.CancelledError):
        await asked
