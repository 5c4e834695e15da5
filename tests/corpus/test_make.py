"""A corpus and a file of goals made with real Lean: every step is one that Lean accepts in its place."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.adapters.pairs import read_pairs
from llmstep_lsp.corpus.library import library_sheet, library_statements
from llmstep_lsp.corpus.split import part

pytestmark = pytest.mark.lean


def run(folder: Path, *arguments: str) -> str:
    full = [sys.executable, "-m", "llmstep_lsp", "corpus", *arguments]
    done = subprocess.run(full, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def errors(lean: Toolchain, file: Path) -> list[str]:
    done = subprocess.run([*lean.lean, "--json", str(file)], capture_output=True, text=True, check=False)
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    return [one["data"] for one in messages if one["severity"] == "error"]


def test_a_corpus_is_made_and_no_sheet_is_made_twice(tmp_path: Path, real_lean: Toolchain) -> None:
    make = ("make", "data", "--sheets", "1", "--first", "3", "--seconds", "1", "--jobs", "1")
    said = run(tmp_path, *make)
    lines = (tmp_path / "data" / "proofs.jsonl").read_text().splitlines()
    proofs = [json.loads(line) for line in lines]
    proved = [one for one in proofs if one["steps"]]
    assert said == f"{len(proved)} theorems were proved; {tmp_path}/data/pairs.jsonl has the steps.\n"
    assert proved
    assert {part(one["about"], one["statement"]) for one in proofs} == {"train"}

    pairs = list(read_pairs(tmp_path / "data" / "pairs.jsonl"))
    assert len({pair.declaration for pair in pairs}) == len(proved)
    last = proved[-1]
    context = next(one.context for one in pairs if one.declaration == f"{last['sheet']}.{last['name']}")
    assert context.endswith(f"theorem {last['name']}{last['statement']} := by\n  ")
    (tmp_path / "All.lean").write_text(context + "\n  ".join("\n".join(last["steps"]).split("\n")) + "\n")
    assert errors(real_lean, tmp_path / "All.lean") == []

    assert run(tmp_path, *make) == f"0 theorems were proved; {tmp_path}/data/pairs.jsonl has the steps.\n"
    assert list(read_pairs(tmp_path / "data" / "pairs.jsonl")) == pairs


def test_goals_are_of_theories_that_are_never_learned_from(tmp_path: Path, real_lean: Toolchain) -> None:
    said = run(tmp_path, "goals", "kept", "--count", "1", "--seconds", "0.5")
    (file,) = (tmp_path / "kept").glob("*.lean")
    text = file.read_text()
    goals = text.count("  sorry\n")
    assert re.fullmatch(rf"{goals} goals are in {tmp_path}/kept; of \d+, a proof is known.\n", said)
    assert goals >= 3
    assert errors(real_lean, file) == []


async def test_the_library_is_listed_as_what_follows_a_name(real_lean: Toolchain) -> None:
    found = await library_statements(real_lean, ("Not",))
    assert found == [" {a : Prop} (h : a → False) : ¬a", " {a b : Prop} (H2 : ¬b) (H1 : a → b) : ¬a"]
    (task,) = library_sheet("Sheet2", found, random.Random(0), 1).tasks  # noqa: S311
    assert task.statement in found
