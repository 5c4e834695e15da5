"""`llmstep-lsp bench …` runs and says what it measured; how fast is no business of a test."""

import json

import pytest
from typer.testing import CliRunner

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.bench import verify
from llmstep_lsp.edge.cli import app

pytestmark = pytest.mark.lean
WAYS = ["Lean package", "package, confirmed", "plain"]


@pytest.fixture(autouse=True)
def short_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_FILES", (("short", 2, 1),))


def test_json(real_lean: Toolchain) -> None:
    done = CliRunner().invoke(app, ["bench", "verify", "--rounds", "1", "--json"], catch_exceptions=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(m["file"], m["way"], m["candidates"]) for m in found] == [("short", way, 96) for way in WAYS]
    assert all(0 < m["p50"] <= m["p95"] and m["per_second"] > 0 for m in found)


def test_table(real_lean: Toolchain) -> None:
    done = CliRunner().invoke(app, ["bench", "verify", "--rounds", "1"], catch_exceptions=False)
    assert [way for way in WAYS if way in done.stdout] == WAYS
    assert "times plain" in done.stdout
