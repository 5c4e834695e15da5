"""The command `llmstep.showStatus`, as an editor runs it."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from llmstep_lsp import __version__
from tests.e2e.conftest import CHOOSING, SERVER
from tests.e2e.editing import Document


@pytest_lsp.fixture(config=ClientServerConfig(server_command=SERVER, server_env=CHOOSING))
async def client(lsp_client: LanguageClient) -> AsyncGenerator[None, None]:
    options = {"lean": "/nowhere/lean"}
    await lsp_client.initialize_session(
        types.InitializeParams(capabilities=client_capabilities("neovim"), initialization_options=options)
    )
    yield
    await lsp_client.shutdown_session()


async def show(client: LanguageClient) -> Any:
    return await client.workspace_execute_command_async(types.ExecuteCommandParams("llmstep.showStatus"))


async def test_the_state_is_shown_and_returned(client: LanguageClient, tmp_path: Path) -> None:
    assert (await show(client))["lean"] is None
    Document(client, tmp_path / "A.lean")
    found = await show(client)
    log_file, text = found.pop("logFile"), found.pop("text")
    assert found == {
        "version": __version__,
        "lean": {
            "command": [],
            "reason": "/nowhere/lean was chosen as the Lean to use, but is neither a `lean` that can be run nor a "
            "toolchain folder with one at bin/lean. Correct the setting `lean`, LLMSTEP_LEAN or --lean, or "
            "remove it.",
            "lent": False,
            "running": False,
            "batches": None,
            "obstacle": "",
        },
        "generators": [
            {"name": name, "state": "not asked yet", "reason": ""} for name in ("symbolic", "box")
        ],
        "kept": {"places": 0, "megabytes": 0.0, "limit": 0},
        "settings": {"lean": "the editor's settings"},
    }
    assert client.messages[-1].message == text
    shown = text.split("\n")
    assert shown[0] == f"llmstep-lsp {__version__}"
    assert shown[-2] == f"Log file: {log_file}"
    assert [message.message for message in client.log_messages[-len(shown) :]] == shown


async def test_a_plug_in_that_shows_it_in_its_own_way_asks_quietly(client: LanguageClient) -> None:
    quiet = types.ExecuteCommandParams("llmstep.showStatus", [{"quiet": True}])
    answer: Any = await client.workspace_execute_command_async(quiet)
    assert answer["version"] == __version__
    assert [m.message for m in client.messages if m.message.startswith(f"llmstep-lsp {__version__}")] == []
