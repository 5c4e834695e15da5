"""Where the server has its settings from, seen by what it says of wrong ones and of the value that counts."""

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from tests.e2e.conftest import SERVER

WRONG = "llmstep: setting `{}` from {} is wrong: it must be from 1 to 50, not 0. {}"


@pytest_lsp.fixture(
    config=ClientServerConfig(
        server_command=[*SERVER, "--set", "count=0"], server_env={**os.environ, "LLMSTEP_PROVE_DEPTH": "many"}
    )
)
async def client(lsp_client: LanguageClient) -> AsyncGenerator[None, None]:
    yield
    await asyncio.wait_for(lsp_client.shutdown_session(), 20)


async def said(client: LanguageClient, count: int) -> list[str]:
    """The messages of the server, as soon as there are `count`; they are forgotten then."""
    async with asyncio.timeout(20):
        while len(client.messages) < count:  # noqa: ASYNC110  # the client keeps a plain list
            await asyncio.sleep(0.02)
    found = [message.message for message in client.messages]
    client.messages.clear()
    return found


async def test_the_server_hears_all_places(client: LanguageClient, tmp_path: Path) -> None:
    registered: list[types.Registration] = []

    @client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(params: types.RegistrationParams) -> None:
        registered.extend(params.registrations)

    file = tmp_path / "llmstep.toml"
    file.write_text('count = 3\nmodel = "http://elsewhere"\n')
    client.set_configuration({"count": 4}, section="llmstep")
    await client.initialize_session(
        types.InitializeParams(
            capabilities=client_capabilities("visual_studio_code"),
            root_uri=tmp_path.as_uri(),
            initialization_options={"proveDepth": 7, "count": 5},
        )
    )
    assert await said(client, 3) == [
        WRONG.format("count", "the command line", "4 from the editor's settings is used."),
        "llmstep: setting `proveDepth` from the environment variable LLMSTEP_PROVE_DEPTH is wrong: it must be a "
        "whole number, not 'many'. 7 from the editor's settings is used.",
        f"llmstep: setting `model` from {file} is refused, because a project may not choose what runs, where your "
        "text goes or what is kept of it: set it in the editor or by LLMSTEP_MODEL. "
        "The default, none, is used.",
    ]
    assert [one.method for one in registered] == [types.WORKSPACE_DID_CHANGE_CONFIGURATION]

    def change(settings: object) -> None:
        client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))

    change({"llmstep": {"count": 0}})  # what was said at the start counts then
    assert await said(client, 2) == [
        WRONG.format("count", "the command line", "5 from the editor's settings is used."),
        WRONG.format("count", "the editor's settings", "5 from the editor's settings is used."),
    ]
    client.set_configuration({"count": 6}, section="llmstep")
    change(None)  # so it asks
    assert await said(client, 1) == [
        WRONG.format("count", "the command line", "6 from the editor's settings is used.")
    ]
