"""A language server for each editor's profile, and a Lean of its own to confirm what was inserted."""

import os
import sys
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.e2e.editing import encoding_of, make_client
from tests.lean_wasm.lsp_client import LspClient

SERVER = [sys.executable, "-m", "llmstep_lsp", "--stdio"]
# Where the editor chooses the generators, which the environment would do before it.
CHOOSING = {name: value for name, value in os.environ.items() if name != "LLMSTEP_GENERATORS"}
EDITORS = ["neovim", "visual_studio_code", "emacs"]
# For what is the same in all editors.
one_editor = pytest.mark.parametrize("client", EDITORS[:1], indirect=True)


@pytest_lsp.fixture(
    scope="session",
    loop_scope="session",
    params=EDITORS,
    config=ClientServerConfig(server_command=SERVER, client_factory=make_client),
)
async def client(
    request: pytest.FixtureRequest, lsp_client: LanguageClient, real_lean: Toolchain
) -> AsyncGenerator[None, None]:
    initialized = await lsp_client.initialize_session(
        types.InitializeParams(
            capabilities=client_capabilities(request.param),
            initialization_options={"budgetSeconds": 120, "proveSeconds": 200, "acceptLog": True},
        )
    )
    assert initialized.capabilities.position_encoding == encoding_of(lsp_client)
    assert initialized.capabilities.inline_completion_provider == types.InlineCompletionOptions()
    yield
    await lsp_client.shutdown_session()


@dataclass
class Confirmer:
    """A Lean that shares nothing with the server: what it says of a whole file counts."""

    lean: LspClient
    folder: Path
    uris: dict[str, str] = field(default_factory=dict)

    def errors(self, text: str) -> list[str]:
        """Lean's errors about `text`, those left out that only say that a proof goes on."""
        uri = self.uris.get("file")
        if uri is None:
            uri = self.uris["file"] = self.lean.open(self.folder / "Confirm.lean", text)
        else:
            self.lean.change(uri, {"text": text})
        found: list[dict[str, Any]] = self.lean.diagnostics(uri)
        return [
            d["message"]
            for d in found
            if d["severity"] == 1 and not d["message"].startswith("unsolved goals")
        ]


@pytest.fixture(scope="session")
def confirmer(real_lean: Toolchain, lean_folder: Path) -> Iterator[Confirmer]:
    with LspClient(list(real_lean.server), lean_folder) as lean:
        lean.initialize()
        yield Confirmer(lean, lean_folder)
