"""`llmstep-lsp bench …` runs and says what it measured; how fast is no business of a test."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.bench import lsp, verify
from llmstep_lsp.bench.lsp import Figure, Report
from llmstep_lsp.bench.runtime import read_cases
from llmstep_lsp.edge import bench_commands
from llmstep_lsp.edge.cli import app
from llmstep_lsp.errors import InputError

WAYS = ["Lean package", "package, confirmed", "plain"]


@pytest.fixture(autouse=True)
def short_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_FILES", (("short", 2, 1),))
    monkeypatch.setattr(verify, "_GOALS", verify._GOALS[:2])
    monkeypatch.setattr(verify, "_CANDIDATES", ("rfl", "constructor", "exact ⟨hp, hq⟩"))
    monkeypatch.setattr(lsp, "_FILES", (("short", 2),))


@pytest.fixture(scope="module")
def measured() -> list[Any]:
    """What has been measured, once for all tests: it takes long."""
    return []


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch, measured: list[Any]) -> None:
    async def measure(*how: Any, **more: Any) -> Any:
        if not measured:
            measured.append(await verify.measure_verify(*how, **more))
        return measured[0]

    monkeypatch.setattr(bench_commands, "measure_verify", measure)


@pytest.mark.lean
@pytest.mark.usefixtures("once")
def test_json(real_lean: Toolchain) -> None:
    done = CliRunner().invoke(app, ["bench", "verify", "--rounds", "1", "--json"], catch_exceptions=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(m["file"], m["way"], m["candidates"]) for m in found] == [("short", way, 6) for way in WAYS]
    assert all(0 < m["p50"] <= m["p95"] and m["per_second"] > 0 for m in found)


@pytest.mark.lean
@pytest.mark.usefixtures("once")
def test_table(real_lean: Toolchain) -> None:
    done = CliRunner().invoke(app, ["bench", "verify", "--rounds", "1"], catch_exceptions=False)
    assert [way for way in WAYS if way in done.stdout] == WAYS
    assert "times plain" in done.stdout


@pytest.mark.lean
def test_lsp_json(real_lean: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMSTEP_GHOST_TEXT", "off")  # of no effect here, or there would be no ghost text
    done = CliRunner().invoke(app, ["bench", "lsp", "--rounds", "1", "--json"], catch_exceptions=False)
    found = json.loads(done.stdout)
    figures = [
        Figure(**{**one, "budget": one["budget"] and tuple(one["budget"])}) for one in found["figures"]
    ]
    requests = ["llmstep.suggest", "codeAction, invoked", "codeAction, automatic"]
    assert [(one.file, one.what, one.when) for one in figures] == [
        ("", "initialize", "start"),
        ("short", "inlineCompletion", "no Lean runs"),
        *(
            ("short", what, "cold")
            for what in ["goal", "generate", "verify", "render", *requests, "inlineCompletion", "completion"]
        ),
        *(
            ("short", what, "cached")
            for what in [*requests, "codeAction/resolve", "inlineCompletion", "completion"]
        ),
        ("short", "codeAction, automatic", "edited below"),
        ("short", "inlineCompletion", "edited above"),
    ]
    assert all(one.n == 1 and 0 <= one.p50 == one.p95 for one in figures)
    assert [one.what for one in figures if one.budget is None] == [
        "inlineCompletion",
        "generate",
        "verify",
        "render",
    ]
    assert [one.met is None for one in figures] == [one.budget is None for one in figures]
    assert found["webassembly"] == ("wasm" in found["lean"])
    assert found["lean"].startswith("Lean (version 4.")
    assert (found["batches"], found["generators"], found["rounds"]) == (True, ["symbolic"], 1)


def test_lsp_table(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = (lsp.figure("", "initialize", "start", [1.0, 3.0]), lsp.figure("short", "goal", "cold", [60.0]))
    report = Report(
        lean="Lean (version 4.28.0, wasm32-unknown-emscripten)",
        webassembly=True,
        batches=True,
        generators=("symbolic",),
        platform="Linux",
        cpus=2,
        load=0.5,
        python="3.11.7",
        pygls="2.1.1",
        llmstep_lsp="0.1.0",
        rounds=1,
        figures=figures,
    )
    monkeypatch.setattr(bench_commands, "measure_lsp", lambda *_: report)
    done = CliRunner().invoke(app, ["bench", "lsp"], catch_exceptions=False)
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["the", "server", "when", "n", "p50", "ms", "p95", "ms", "budget", "met"],
        ["initialize", "start", "2", "2.0", "2.9", "400", "/", "700", "yes"],
        ["short", "when", "n", "p50", "ms", "p95", "ms", "budget", "met"],
        ["goal", "cold", "1", "60.0", "60.0", "50", "/", "150", "no"],
        *(
            line.split()
            for line in (
                "Lean (version 4.28.0, wasm32-unknown-emscripten): the WebAssembly Lean, while budgets are "
                "for native Lean.",
                "Candidates are proposed by symbolic, and judged in batches, by LLMStep, our Lean package.",
                "Linux, 2 CPUs, load 0.5 before; Python 3.11.7, pygls 2.1.1, llmstep-lsp 0.1.0; "
                "goals in each file: 1.",
            )
        ),
    ]


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
