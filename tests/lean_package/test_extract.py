"""`llmstep-lsp extract` in real Lean: which steps, in what words, and that each does again what it did."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmstep_lsp.adapters.pairs import read_pairs
from llmstep_lsp.domain.pairs import Pair
from llmstep_lsp.domain.text import Position, offset
from llmstep_lsp.domain.units import to_units

from .conftest import Open

pytestmark = pytest.mark.lean

PROOFS = Path(__file__).with_name("Proofs.lean")
STEPS = Path(__file__).with_name("Proofs.steps")
COMMENT = "it contains a comment"
RECURSIVE = "it uses `Space.even_or`, which is being proved"
IDLE = "it leaves the goals as they were"
REFUSED = [
    ("· -- a comment\n  exact hq", COMMENT),
    ("cases n with\n| zero => rfl\n| succ n => exact congrArg (· + 1) (odd_or n)", RECURSIVE),
    ("exact congrArg (· + 1) (odd_or n)", RECURSIVE),
    ("show n = 0", IDLE),
    ("show n - 1 + 1 = n", IDLE),
    ("skip", IDLE),
    ("skip", IDLE),
]
"""Steps that no candidate may be, and why; all others must do what they did."""

SMALL = """\
namespace Small

-- Bäume
private theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p := by
  refine
    ⟨And.right h,
     ?_⟩
  exact h.left

example : 1 + 1 = 2 := by
  have two : 1 + 1 = 2 := by
    decide
  first | exact two | rfl
"""
ABOVE_SWAP = "namespace Small\n\n-- Bäume\n"
GOAL = "p q : Prop\nh : p ∧ q\n⊢ "


def spelled(tactic: str, text: str) -> str:
    """The start of `text` that is `tactic`, indented in whatever way."""
    found = re.match(r"\s+".join(map(re.escape, tactic.split())), text)
    assert found
    return found[0]


def run(folder: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "llmstep_lsp", "extract", *map(str, arguments), "--jobs", "1"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def extracted(lean: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Pair]]:
    """What is said of `PROOFS`, and its pairs."""
    out = tmp_path_factory.mktemp("extract") / "pairs.jsonl"
    done = run(out.parent, PROOFS, "--out", out, "--lean", lean)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, list(read_pairs(out))


def test_which_steps_a_file_has(extracted: tuple[str, list[Pair]]) -> None:
    said, pairs = extracted
    steps = [
        f"{pair.line}:{pair.column} {pair.declaration}: {pair.tactic.partition(chr(10))[0]}" for pair in pairs
    ]
    assert steps == STEPS.read_text().splitlines()
    assert said.startswith("80 pairs of 22 declarations in 1 file are in ")
    assert said.endswith("Left out: 4 steps with `sorry`, 6 steps of declarations with errors.\n")


def test_each_step_is_proposed_where_it_stood_and_does_what_it_did(
    extracted: tuple[str, list[Pair]], open_document: Open
) -> None:
    text = PROOFS.read_text()
    document = open_document("Proofs.lean", text)
    refused: list[tuple[str, str]] = []
    for pair in extracted[1]:
        place = Position(pair.line - 1, pair.column - 1)
        start = offset(text, place)
        stop = start + len(spelled(pair.tactic, text[start:]))
        document.client.change(document.uri, {"text": f"import LLMStep\n{text[:start]}skip{text[stop:]}"})
        line, column = place.line + 1, to_units(text.split("\n")[place.line], place.column, "utf-16")
        assert (
            "\n\n".join(goal["text"] for goal in document.state(line, column)["goals"]) == pair.state_before
        )
        limits = {"maxHeartbeats": 20000, "maxMilliseconds": 10000}
        request = document.start("check", line, column, candidates=[pair.tactic], **limits)
        (verdict,) = document.client.answer(request)["verdicts"]
        if verdict["status"] == "refused":
            refused.append((pair.tactic, verdict["reason"]))
            assert verdict["reason"] != IDLE or pair.state_before == pair.state_after
        else:
            assert verdict["status"] in {"finishes", "closes", "advances"}, (pair, verdict)
            assert "\n\n".join(verdict["goals"]) == pair.state_after
    assert refused == REFUSED


def test_the_record_of_a_step(lean: Path, tmp_path: Path) -> None:
    (tmp_path / "Small.lean").write_text(SMALL)
    done = run(tmp_path, ".", "--out", "pairs.jsonl", "--lean", lean)
    assert (done.returncode, done.stderr) == (0, "")
    records = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    swap = {"declaration": "Small.swap", "file": "Small.lean", "context": ABOVE_SWAP}
    example = {
        "declaration": "Small._example",
        "file": "Small.lean",
        "context": SMALL[: SMALL.index("example")],
        "premises": [],
    }
    assert records == [
        {
            "state_before": f"{GOAL}q ∧ p",
            "tactic": "refine\n  ⟨And.right h,\n   ?_⟩",
            "state_after": f"{GOAL}p",
            **swap,
            "line": 5,
            "column": 3,
            "premises": ["And.right"],
        },
        {
            "state_before": f"{GOAL}p",
            "tactic": "exact h.left",
            "state_after": "",
            **swap,
            "line": 8,
            "column": 3,
            "premises": ["And.left"],
        },
        {
            "state_before": "⊢ 1 + 1 = 2",
            "tactic": "have two : 1 + 1 = 2 := by\n  decide",
            "state_after": "two : 1 + 1 = 2\n⊢ 1 + 1 = 2",
            **example,
            "line": 11,
            "column": 3,
        },
        {
            "state_before": "⊢ 1 + 1 = 2",
            "tactic": "decide",
            "state_after": "",
            **example,
            "line": 12,
            "column": 5,
        },
        {
            "state_before": "two : 1 + 1 = 2\n⊢ 1 + 1 = 2",
            "tactic": "first | exact two | rfl",
            "state_after": "",
            **example,
            "line": 13,
            "column": 3,
        },
    ]


LAKE = """#!/bin/sh
shift
case $1 in
  env) shift 2; exec {lean} "$@";;
  setup-file) echo '{setup}';;
esac
"""
SETUP = {
    "name": "Inner",
    "isModule": False,
    "importArts": {},
    "dynlibs": [],
    "plugins": [],
    "options": {"pp.unicode.fun": True, "weak.no.such.option": 1},
}


def test_a_lake_project_has_its_own_options_and_names(lean: Path, tmp_path: Path) -> None:
    (tmp_path / "lakefile.toml").write_text('name = "inner"\n')
    source = tmp_path / "src/Inner.lean"
    source.parent.mkdir()
    source.write_text("instance : Inhabited ((fun n : Nat => n) = id) where\n  default := by rfl\n")
    lake = tmp_path / "bin/lake"
    lake.parent.mkdir()
    lake.write_text(LAKE.format(lean=lean, setup=json.dumps(SETUP)))
    lake.chmod(0o755)
    path = f"{lake.parent}{os.pathsep}{os.environ['PATH']}"
    done = run(tmp_path, ".", "--out", "pairs.jsonl", PATH=path)
    assert (done.returncode, done.stderr) == (0, "")
    (pair,) = read_pairs(tmp_path / "pairs.jsonl")
    assert pair.state_before == "⊢ (fun n ↦ n) = id"
    assert pair.declaration.endswith("_inner")
    assert pair.file == "src/Inner.lean"


def test_files_that_fail_say_why(lean: Path, tmp_path: Path) -> None:
    (tmp_path / "Lost.lean").write_text("import No.Such.Module\n")
    done = run(tmp_path, ".", "--out", "pairs.jsonl", "--lean", lean)
    assert done.returncode == 1
    assert done.stderr == (
        "1 file failed; pairs.jsonl.failures.jsonl says why. Run the same command again to try only these.\n"
    )
    (failure,) = map(json.loads, (tmp_path / "pairs.jsonl.failures.jsonl").read_text().splitlines())
    assert failure["file"] == "Lost.lean"
    assert failure["reason"].startswith("unknown module prefix 'No'")
