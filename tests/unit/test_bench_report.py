"""What `llmstep-lsp bench all` says and keeps."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.bench import circumstances, lsp
from llmstep_lsp.bench.circumstances import Circumstances, Machine, Source
from llmstep_lsp.bench.lsp import Report
from llmstep_lsp.bench.parts import Part, Parts, Result
from llmstep_lsp.bench.prove import own_theorems, read_goals
from llmstep_lsp.bench.report import Evaluation, Results, Verified, report_json, report_markdown
from llmstep_lsp.bench.runtime import Runtime, Runtimes
from llmstep_lsp.bench.verify import PLAIN, RPC, Measurement
from llmstep_lsp.domain.sites import sorries
from llmstep_lsp.errors import GeneratorError, InputError
from llmstep_lsp.evaluation.record import Outcome, Record
from llmstep_lsp.evaluation.statistics import solved

LEAN = "Lean (version 4.28.0, wasm32-unknown-emscripten)"
MODEL = "ctranslate2,model=M"
DATE = "2030-01-02T03:04:05+00:00"
CIRCUMSTANCES = Circumstances(
    machine=Machine("A Processor", 2, 23.4, "Linux-6.1"),
    lean=LEAN,
    webassembly=True,
    versions={"Python": "3.11.7", "llmstep-lsp": "0.1.0"},
    source=Source("abc", changed=True),
    date=DATE,
    command="llmstep-lsp bench all --out out --model M",
)
SETTINGS: dict[str, Any] = {"lean": None, "generators": ["symbolic"], "seconds": 15.0, "quick": False}
RUNTIMES = Runtimes(
    {MODEL: "ctranslate2 on cpu, int8"}, (Runtime(MODEL, "fair", 4, 10, 20, 5.0, 400.0, 900.0, None),)
)
VERIFIED = Verified(
    (Measurement("short", RPC, 96, 1.0, 2.0, 800.0), Measurement("short", PLAIN, 96, 10.0, 30.0, 80.0))
)
REPORT = Report(
    lean=LEAN,
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
    figures=(lsp.figure("", "initialize", "start", [1.0, 3.0]), lsp.figure("short", "goal", "cold", [60.0])),
)
RECORDS = (
    Record("symbolic", "a", "A.lean", 2, Outcome.SOLVED, "", "rfl", ("rfl",), 1, 3, 0, 0.5),
    Record("symbolic", "b", "A.lean", 5, Outcome.UNSOLVED, "No state is left.", nodes=4, seconds=2.0),
)
EVALUATION = Evaluation(tuple(solved(RECORDS)), RECORDS)


def done(part: str, figures: Any) -> Result[Any]:
    return Result(part, DATE, 12.5, 0.3, figures)


MEASURED = Results(
    done("runtime", RUNTIMES), done("verify", VERIFIED), done("lsp", REPORT), done("eval", EVALUATION)
)


def test_everything_measured() -> None:
    assert report_markdown(CIRCUMSTANCES, SETTINGS, MEASURED, "![The figures](report.png)") == (
        """# Benchmarks of llmstep-lsp

    llmstep-lsp bench all --out out --model M

* date: 2030-01-02T03:04:05+00:00
* machine: A Processor, 2 cores, 23.4 GiB of memory, Linux-6.1
* model: ctranslate2,model=M: ctranslate2 on cpu, int8
* Lean: WebAssembly, Lean (version 4.28.0, wasm32-unknown-emscripten)
* versions: Python 3.11.7, llmstep-lsp 0.1.0
* commit: abc, with uncommitted changes
* generators: symbolic
* seconds: 15.0
* quick: no

![The figures](report.png)

## runtime: how long generators take to propose steps

Measured at 2030-01-02T03:04:05+00:00, in 12.5 s; load before: 0.3.

| generator | method | at a time | s a request | suggestions/s | p50 ms | p95 ms | overhead |
| --- | --- | --- | --- | --- | --- | --- | --- |
| ctranslate2,model=M | fair | 4 | 0.500 | 4.0 | 400 | 900 |  |

## verify: how fast candidates are judged

Measured at 2030-01-02T03:04:05+00:00, in 12.5 s; load before: 0.3.

| file | candidates judged by | a second | p50 ms | p95 ms | times plain |
| --- | --- | --- | --- | --- | --- |
| short | Lean package | 800 | 1.0 | 2.0 | 10.0 |
| short | plain | 80 | 10.0 | 30.0 | 1.0 |

## lsp: how long an editor waits

Measured at 2030-01-02T03:04:05+00:00, in 12.5 s; load before: 0.3.

| the server | when | n | p50 ms | p95 ms | budget | met |
| --- | --- | --- | --- | --- | --- | --- |
| initialize | start | 2 | 2.0 | 2.9 | 400 / 700 | yes |

| short | when | n | p50 ms | p95 ms | budget | met |
| --- | --- | --- | --- | --- | --- | --- |
| goal | cold | 1 | 60.0 | 60.0 | 50 / 150 | no |

Lean (version 4.28.0, wasm32-unknown-emscripten): the WebAssembly Lean, while budgets are for native Lean.
Candidates are proposed by symbolic, and judged in batches, by LLMStep, our Lean package.
Linux, 2 CPUs, load 0.5 before; Python 3.11.7, pygls 2.1.1, llmstep-lsp 0.1.0; goals in each file: 1.

## eval: how many theorems are proved

Measured at 2030-01-02T03:04:05+00:00, in 12.5 s; load before: 0.3.

"""
        "| set | solved | rate | 95 % | by one step | states | candidates | tried in all | refuted "
        "| not stated | failed | s | s in all |\n"
        f"|{' --- |' * 13}\n"
        "| symbolic | 1/2 | 50.0 % | 9.5-90.5 % | 1 | 1 | 3 | 3 | 0 | 0 | 0 | 0.5 | 2 |\n"
        "\nWhat came of each theorem is in `eval/`.\n"
    )


def test_what_is_missing_is_told() -> None:
    others = replace(
        CIRCUMSTANCES,
        lean="Lean (version 4.28.0)",
        webassembly=False,
        versions={"Python": "3.11.7"},
        source=None,
    )
    verify, waits = (
        Result[Any](part, DATE, 1.5, 0.3, None, f"No {part}.", failed=True) for part in ("verify", "lsp")
    )
    results = Results(
        Result("runtime", DATE, 0, 0, None, "Not measured: no model."),
        verify,
        waits,
        done("eval", EVALUATION),
    )
    lines = report_markdown(others, {}, results, "Nothing is drawn.").splitlines()
    assert lines[6:25] == [
        "* Lean: native, Lean (version 4.28.0)",
        "* versions: Python 3.11.7",
        "* commit: not run from a git checkout",
        "",
        "Nothing is drawn.",
        "",
        "## runtime: how long generators take to propose steps",
        "",
        "Not measured: no model.",
        "",
        "## verify: how fast candidates are judged",
        "",
        "Failed after 1.5 s: No verify.",
        "",
        "## lsp: how long an editor waits",
        "",
        "Failed after 1.5 s: No lsp.",
        "",
        "## eval: how many theorems are proved",
    ]


def test_json() -> None:
    found = json.loads(report_json(CIRCUMSTANCES, SETTINGS, MEASURED))
    assert found["circumstances"]["source"] == {"commit": "abc", "changed": True}
    assert found["settings"] == SETTINGS
    assert list(found["parts"]) == ["runtime", "verify", "lsp", "eval"]
    assert found["parts"]["verify"]["figures"]["rows"][1]["per_second"] == 80.0
    assert found["parts"]["eval"]["figures"]["sets"][0]["solved"]["count"] == 1
    assert found["parts"]["eval"]["figures"]["records"][1]["outcome"] == "unsolved"
    assert (found["parts"]["lsp"]["date"], found["parts"]["lsp"]["failed"]) == (DATE, False)


@pytest.mark.parametrize(
    ("kind", "figures"),
    [(Runtimes, RUNTIMES), (Verified, VERIFIED), (Report, REPORT), (Evaluation, EVALUATION)],
)
def test_a_part_is_measured_once(tmp_path: Path, kind: type[Any], figures: Any) -> None:
    said: list[str] = []
    first = Parts(tmp_path / "out", SETTINGS).result(Part("p", kind, lambda: figures), said.append)
    again = Parts(tmp_path / "out", SETTINGS).result(Part("p", kind, lambda: 1 / 0), said.append)
    assert again == first
    assert again.figures == figures
    assert said == ["p", "p: measured before"]


def fails(error: Exception) -> Callable[[], Any]:
    def measure() -> Any:
        raise error

    return measure


def test_a_part_that_fails_is_told_and_measured_again(tmp_path: Path) -> None:
    parts, said = Parts(tmp_path, SETTINGS), list[str]()
    for error, reason in [
        (GeneratorError("It ended."), "It ended."),
        (ExceptionGroup("", [GeneratorError("It ended.")]), "It ended."),
        (KeyError("x"), "KeyError: 'x'"),
    ]:
        found = parts.result(Part("p", Verified, fails(error)), said.append)
        assert (found.figures, found.failed, found.reason) == (None, True, reason)
    assert said == ["p", "p failed: It ended."] * 2 + ["p", "p failed: KeyError: 'x'"]
    assert parts.result(Part("p", Verified, lambda: VERIFIED), said.append).figures == VERIFIED


def test_what_is_left_out_is_not_measured(tmp_path: Path) -> None:
    found = Parts(tmp_path, SETTINGS).result(Part("p", Verified, lambda: VERIFIED, "No model."), print)
    assert (found.figures, found.failed, found.reason) == (None, False, "No model.")
    assert not (tmp_path / "p.json").exists()


def test_another_benchmark_is_refused(tmp_path: Path) -> None:
    Parts(tmp_path, SETTINGS)
    with pytest.raises(InputError) as raised:
        Parts(tmp_path, {**SETTINGS, "seconds": 1.0})
    assert str(raised.value) == (
        f"{tmp_path} is of another benchmark (seconds was 15.0 and is 1.0): "
        "choose another --out, or remove it."
    )


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read: remove it, or choose another --out"):
        Parts(tmp_path, SETTINGS).result(Part("p", Verified, lambda: VERIFIED), print)
    with pytest.raises(InputError, match="cannot be used"):
        Parts(tmp_path / "p.json", SETTINGS)


def test_the_commit_is_that_of_the_checkout(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    package = tmp_path / "package"
    package.mkdir()
    assert circumstances._source(package) is None
    git("init")
    assert circumstances._source(package) is None  # nothing has been committed
    (package / "a.py").write_text("")
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-m", "first")
    clean = circumstances._source(package)
    assert clean
    assert (len(clean.commit), clean.changed) == (40, False)
    (tmp_path / "out").write_text("")
    assert circumstances._source(package) == clean
    (package / "a.py").write_text("1\n")
    assert circumstances._source(package) == Source(clean.commit, changed=True)
    assert circumstances._source(package / "lib/package") is None  # installed in somebody's project


def test_our_goals_are_read_as_if_they_were_here(tmp_path: Path) -> None:
    snapshot = read_goals(None, tmp_path)
    found = own_theorems(tmp_path)
    assert [one.line for one in found] == [place.line + 1 for place in sorries(snapshot.text)]
    assert {(one.file, one.snapshot.uri) for one in found} == {("ProveGoals.lean", snapshot.uri)}
    assert all(one.place for one in found)
