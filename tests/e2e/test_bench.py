"""`llmstep-lsp bench …` runs and says what it measured; how fast is no business of a test."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.bench import verify
from llmstep_lsp.bench.runtime import read_cases
from llmstep_lsp.edge.cli import app
from llmstep_lsp.errors import InputError

WAYS = ["Lean package", "package, confirmed", "plain"]


@pytest.fixture(autouse=True)
def short_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_FILES", (("short", 2, 1),))


@pytest.mark.lean
def test_json(real_lean: Toolchain) -> None:
    done = CliRunner().invoke(app, ["bench", "verify", "--rounds", "1", "--json"], catch_exceptions=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(m["file"], m["way"], m["candidates"]) for m in found] == [("short", way, 96) for way in WAYS]
    assert all(0 < m["p50"] <= m["p95"] and m["per_second"] > 0 for m in found)


@pytest.mark.lean
def test_table(real_lean: Toolchain) -> None:
    done = CliRunner().invoke(app, ["bench", "verify", "--rounds", "1"], catch_exceptions=False)
    assert [way for way in WAYS if way in done.stdout] == WAYS
    assert "times plain" in done.stdout


def test_runtime_json(tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl").write_text('{"tactic_state": "⊢ 1 = 1", "prefix": "rf"}\n' * 3)
    arguments = ["--generator", "symbolic", "--cases", str(tmp_path / "cases.jsonl"), "--json"]
    done = CliRunner().invoke(app, ["bench", "runtime", *arguments], catch_exceptions=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [
        (m["generator"], m["method"], m["concurrent"], m["requests"], m["suggestions"]) for m in found
    ] == [
        ("symbolic", "LLMSTEP's", 1, 3, 3),
        ("symbolic", "fair", 1, 3, 3),
        ("symbolic", "fair", 4, 9, 9),
        ("symbolic", "fair", 16, 33, 33),
    ]
    assert all(0 < m["p50"] <= m["p95"] and m["overhead"] is None for m in found)


def test_runtime_as_table_and_plot(tmp_path: Path) -> None:
    plot = tmp_path / "runtime.svg"
    arguments = ["bench", "runtime", "--generator", "symbolic", "--plot", str(plot)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.stdout.count("symbolic") == 4
    drawn = plot.read_text()
    assert "<svg" in drawn
    assert "symbolic, p95" in drawn


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "it is empty"), ("{}", "`tactic_state` and `prefix`"), ("no", "`tactic_state` and `prefix`")],
)
def test_a_file_without_cases_is_told(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "cases.jsonl").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_cases(tmp_path / "cases.jsonl")


def test_a_picture_that_cannot_be_drawn_is_told(tmp_path: Path) -> None:
    for file in (tmp_path / "runtime.doc", tmp_path / "none" / "runtime.svg"):
        done = CliRunner().invoke(app, ["bench", "runtime", "--generator", "symbolic", "--plot", str(file)])
        assert isinstance(done.exception, InputError)
        assert done.stderr == ""  # nothing was measured before


def test_what_to_measure_must_be_said() -> None:
    assert CliRunner().invoke(app, ["bench", "runtime"]).exit_code == 2


@pytest.mark.model
def test_the_library_alone_is_measured_beside_our_engines(tmp_path: Path) -> None:
    from llmstep_lsp.worker.conversion import convert  # noqa: PLC0415  # needs torch
    from tests.tiny_model import save_random  # noqa: PLC0415  # needs torch

    save_random(tmp_path / "model", context=256)
    convert(str(tmp_path / "model"), tmp_path / "converted", "float32")
    (tmp_path / "cases.jsonl").write_text('{"tactic_state": "⊢ 1 = 1", "prefix": ""}\n' * 2)
    arguments = ["--cases", str(tmp_path / "cases.jsonl"), "--count", "2", "--json"]
    for engine, model in (("transformers", "model"), ("ctranslate2", "converted")):
        arguments += ["--generator", f"{engine},model={tmp_path / model},max_new_tokens=4"]
    done = CliRunner().invoke(app, ["bench", "runtime", *arguments], catch_exceptions=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    methods = [("library alone", 1), ("LLMSTEP's", 1), ("fair", 1), ("fair", 4), ("fair", 16)]
    assert [(m["method"], m["concurrent"]) for m in found] == methods * 2
    assert [m["overhead"] is not None for m in found] == [False, False, True, False, False] * 2
    assert all(m["suggestions"] > 0 for m in found)
