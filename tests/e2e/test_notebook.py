"""The Colab notebook, run from its first cell to its last."""

import os
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.e2e.processes import await_no_process_with
from tests.e2e.serving import plain_environment

pytestmark = pytest.mark.model

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "colab" / "llmstep_lsp.ipynb"
TUNNEL = "https://quiet-tiny-river.trycloudflare.com"


@pytest.fixture
def choices(converted: Path) -> Iterator[dict[str, str]]:
    """What the environment chooses instead of the form; no process that has it outlives the test."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yield {
        "LLMSTEP_MODEL": str(converted),
        "LLMSTEP_ENGINE": "ctranslate2",
        "LLMSTEP_PORT": str(port),
        "LLMSTEP_STOP": "True",
    }
    await_no_process_with(f"LLMSTEP_PORT={port}")


class Run:
    """The notebook in a kernel of its own; `printed` is what each cell printed, by its id."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._notebook: Any = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
        self._client = NotebookClient(
            self._notebook,
            timeout=200,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
        )
        self._environment = plain_environment() | environment

    def all(self) -> None:
        self._client.execute(env=self._environment)

    @property
    def printed(self) -> dict[str, str]:
        return {
            cell.id: "".join(output.text for output in cell.outputs if output.output_type == "stream")
            for cell in self._notebook.cells
            if cell.cell_type == "code"
        }


def test_it_serves_answers_and_stops(tmp_path: Path, choices: dict[str, str]) -> None:
    run = Run(tmp_path, choices)
    run.all()
    printed = run.printed
    assert printed["choose"].startswith(f"{choices['LLMSTEP_MODEL']} by the engine ctranslate2")
    assert printed["install"] == "installed already\n"
    assert re.fullmatch(r"loading; .*\nready: converted by ctranslate2 on \S+, \S+\n", printed["start"])
    assert printed["ask"].splitlines()[0] == "rfl"
    assert printed["tunnel"] == "no tunnel: only this machine reaches the server\n"
    assert printed["stop"] == "stopped\n"
    with socket.socket() as connection:
        assert connection.connect_ex(("127.0.0.1", int(choices["LLMSTEP_PORT"]))) != 0


def test_it_says_how_to_come_through_the_tunnel(tmp_path: Path, choices: dict[str, str]) -> None:
    """With a stand-in for the program that needs the internet."""
    tunnel = tmp_path / "bin" / "cloudflared"
    tunnel.parent.mkdir()
    tunnel.write_text(f'#!/bin/sh\necho "$@" > asked\necho "INF |  {TUNNEL}  |" >&2\nexec sleep 1000\n')
    tunnel.chmod(stat.S_IRWXU)
    path = f"{tunnel.parent}{os.pathsep}{os.environ['PATH']}"
    run = Run(tmp_path, choices | {"LLMSTEP_TUNNEL": "cloudflared", "PATH": path})
    run.all()
    said = run.printed["tunnel"]
    url = f"http://127.0.0.1:{choices['LLMSTEP_PORT']}"
    assert (tmp_path / "asked").read_text() == f"tunnel --no-autoupdate --url {url}\n"
    found = re.search(r"LLMSTEP_API_KEY=(\S+)\n", said)
    assert found
    token = found[1]
    assert len(token) >= 32
    assert f"export LLMSTEP_MODEL={TUNNEL}/v1\n" in said
    assert f"export LLMSTEP_HOST={TUNNEL.replace('https://', f'https://llmstep:{token}@')}\n" in said
    others = "".join(text for cell, text in run.printed.items() if cell != "tunnel")
    assert token not in others + (tmp_path / "llmstep-serve.log").read_text()


def test_it_says_why_there_is_no_model(tmp_path: Path, choices: dict[str, str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CellExecutionError, match="holds no model"):
        Run(tmp_path, choices | {"LLMSTEP_MODEL": str(empty)}).all()


def test_it_is_kept_without_outputs() -> None:
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)
