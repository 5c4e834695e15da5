"""`llmstep-lsp bench all` measures each part once, and makes one report of them."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.bench import lsp
from llmstep_lsp.bench.lsp import Report
from llmstep_lsp.bench.verify import CONFIRMED, PLAIN, RPC, Measurement
from llmstep_lsp.edge import bench_all
from llmstep_lsp.edge.cli import app
from llmstep_lsp.errors import InputError, LeanGoneError

# That the real server and the real Lean are measured, test_bench.py shows; it takes long.
VERIFIED = [Measurement("short", way, 8, 3.0, 5.0, 300.0) for way in (RPC, CONFIRMED, PLAIN)]
REPORT = Report(
    lean="Lean",
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
    figures=(lsp.figure("", "initialize", "start", [1.0]), lsp.figure("short", "goal", "cold", [60.0])),
)
THEOREMS = "theorem both (p q : Prop) (hp : p) (hq : q) : p ∧ q := by\n  sorry\n"
VERSIONS = {"Python", "llmstep-lsp", "pygls", "lsprotocol"}


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *more: str) -> Any:
    arguments = ["bench", "all", "--out", str(folder / "out"), "--theorems", str(folder / "T.lean"), *more]
    monkeypatch.setattr(sys, "argv", ["llmstep-lsp", *arguments])
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "T.lean").write_text(THEOREMS)
    for name in ("LLMSTEP_LEAN", "LLMSTEP_MODEL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.lean
def test_each_part_is_measured_once(
    folder: Path, real_lean: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = folder / "out"

    def broken(*_: Any, **__: Any) -> Any:
        raise LeanGoneError("Lean ended.")

    async def verified(*_: Any, **__: Any) -> list[Measurement]:
        return VERIFIED

    monkeypatch.setattr(bench_all, "measure_verify", verified)
    monkeypatch.setattr(bench_all, "measure_lsp", broken)
    done = run(monkeypatch, folder, "--quick", "--seconds", "5")
    assert (done.exit_code, done.stderr.splitlines()) == (
        1,
        [
            *("verify", "lsp", "lsp failed: Lean ended.", "eval"),
            f"Written: {out / 'report.md'}",
            "Run the same command again to measure only what failed.",
        ],
    )
    assert "\n\nFailed after 0.0 s: Lean ended.\n\n" in (out / "report.md").read_text()
    assert {one.name for one in out.iterdir()} == {
        *("settings.json", "verify.json", "eval.json", "eval", "report.json", "report.md", "report.png")
    }
    before = (out / "verify.json").read_text()

    asked: list[Any] = []

    def measured(*how: Any, **more: Any) -> Report:
        asked.append((*how, more))
        return REPORT

    monkeypatch.setattr(bench_all, "measure_lsp", measured)
    monkeypatch.setattr(bench_all, "measure_verify", broken)
    monkeypatch.setattr(bench_all, "measured", broken)
    again = run(monkeypatch, folder, "--quick", "--seconds", "5")
    assert (again.exit_code, again.stderr.splitlines()) == (
        0,
        [
            *("verify: measured before", "lsp", "eval: measured before"),
            f"Written: {out / 'report.md'}",
        ],
    )
    ((options, _, rounds, _, more),) = asked
    assert (options, rounds, more) == ({"generators": ["symbolic"]}, 1, {"short": True})
    assert (out / "verify.json").read_text() == before

    found = json.loads((out / "report.json").read_text())
    assert set(found) == {"circumstances", "settings", "parts"}
    said = found["circumstances"]
    assert set(said) == {"machine", "lean", "webassembly", "versions", "source", "date", "command"}
    assert set(said["machine"]) == {"cpu", "cores", "memory", "system"}
    assert set(said["versions"]) >= VERSIONS
    assert said["webassembly"] == ("wasm" in said["lean"])
    assert said["command"].startswith("llmstep-lsp bench all --out ")
    assert found["settings"]["theorems"].startswith(f"1 of 1 of {folder / 'T.lean'}, ")
    parts = found["parts"]
    keys = {"part", "date", "seconds", "load", "figures", "reason", "failed"}
    assert [(name, set(one) == keys, one["failed"]) for name, one in parts.items()] == [
        (name, True, False) for name in ("runtime", "verify", "lsp", "eval")
    ]
    assert (parts["runtime"]["figures"], parts["runtime"]["reason"]) == (
        None,
        "Not measured: no model is among the generators.",
    )
    assert [row["candidates"] for row in parts["verify"]["figures"]["rows"]] == [8, 8, 8]
    assert parts["lsp"]["figures"] == json.loads(json.dumps(asdict(REPORT)))
    (record,) = parts["eval"]["figures"]["records"]
    assert (record["theorem"], record["outcome"]) == ("both", "solved")
    assert parts["eval"]["figures"]["sets"][0]["solved"]["count"] == 1
    assert "![The figures](report.png)" in (out / "report.md").read_text()
    assert (out / "report.png").read_bytes().startswith(b"\x89PNG")

    monkeypatch.setattr(bench_all, "measure_lsp", broken)
    monkeypatch.setitem(sys.modules, "llmstep_lsp.bench.picture", None)  # as without matplotlib
    third = run(monkeypatch, folder, "--quick", "--seconds", "5")
    assert third.exit_code == 0  # nothing is measured any more
    assert third.stderr.splitlines()[-2].endswith("pip install 'llmstep-lsp[bench]'")
    assert "pip install 'llmstep-lsp[bench]'" in (out / "report.md").read_text()

    other = run(monkeypatch, folder, "--quick", "--seconds", "6")
    assert str(other.exception) == (
        f"{out} is of another benchmark (seconds was 5.0 and is 6.0): choose another --out, or remove it."
    )


def test_what_cannot_be_made_is_told_before_anything_is_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run(monkeypatch, folder, "--generator", "nobody")
    assert isinstance(done.exception, InputError)
    assert str(done.exception).startswith("There is no generator nobody: choose ")
    assert not (folder / "out").exists()
