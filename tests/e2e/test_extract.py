"""`llmstep-lsp extract` as a command, with a Lean that is a script: what is written, resumed and reported."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.adapters.pairs import read_pairs
from llmstep_lsp.domain.pairs import Pair

# Answers like Lean; reads a file by what it says, and notes that it did.
LEAN = """#!/bin/sh
case "$1" in
  --print-prefix) echo {folder};;
  --version) echo "Lean (version 4.28.0)";;
  -R) touch "$5";;
  --run)
    echo "$3" >> {folder}/read
    while grep -q slow "$3"; do sleep 0.1; done
    grep -q crash "$3" && exit 134
    grep -q silent "$3" && exit 0
    if grep -q broken "$3"; then echo "uncaught exception: unknown module prefix 'No'" >&2; exit 1; fi
    cp {folder}/answer.json "$4";;
esac
"""
STEP = {
    "start": 14,
    "stop": 17,
    "block": 14,
    "above": 0,
    "declaration": "t",
    "before": ["⊢ a", "case h\n⊢ b"],
    "after": ["⊢ b"],
    "premises": ["Nat"],
}
ANSWER = {"steps": [STEP], "sorries": 2, "errors": 1}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with files A, B and C, a `lean`, and a cache."""
    lean = tmp_path / "tool/bin/lean"
    lean.parent.mkdir(parents=True)
    lean.write_text(LEAN.format(folder=tmp_path / "tool"))
    (tmp_path / "tool/answer.json").write_text(json.dumps(ANSWER))
    lean.chmod(0o755)
    for name in ("A", "B", "C"):
        source = tmp_path / f"project/{name}.lean"
        source.parent.mkdir(exist_ok=True)
        source.write_text(f"-- {name}\ntheorem t : a := by\n  rfl\n")
    return tmp_path / "project"


def command(project: Path, *arguments: str) -> tuple[list[str], dict[str, Any]]:
    tool = project.parent / "tool"
    full = [sys.executable, "-m", "llmstep_lsp", "extract", *arguments, "--lean", str(tool / "bin/lean")]
    environment = {**os.environ, "LLMSTEP_CACHE_DIR": str(project.parent / "cache")}
    return full, {"cwd": project, "env": environment, "text": True}


def extract(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    full, how = command(project, *arguments)
    return subprocess.run(full, capture_output=True, check=False, **how)


def read(project: Path) -> list[str]:
    """The files that Lean was asked to read since the last time."""
    noted = project.parent / "tool/read"
    names = [Path(line).name for line in noted.read_text().splitlines()] if noted.exists() else []
    noted.unlink(missing_ok=True)
    return sorted(names)


def files_of(out: Path) -> list[str]:
    return [pair.file for pair in read_pairs(out)]


def test_every_file_below_a_folder_is_read_and_called_as_in_its_project(project: Path) -> None:
    (project / "lakefile.lean").write_text("import Lake\n")
    (project / ".lake/packages/Dep.lean").parent.mkdir(parents=True)
    (project / ".lake/packages/Dep.lean").write_text("\n")
    (project / "Sub").mkdir()
    (project / "A.lean").rename(project / "Sub/A.lean")
    done = extract(project, ".", "Sub/A.lean", "--out", "pairs.jsonl", "--jobs", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert files_of(project / "pairs.jsonl") == ["B.lean", "C.lean", "Sub/A.lean"]
    assert "3 pairs of 3 declarations in 3 files are in pairs.jsonl, after " in done.stdout
    assert done.stdout.endswith("Left out: 6 steps with `sorry`, 3 steps of declarations with errors.\n")


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.parquet"])
def test_a_record(project: Path, name: str) -> None:
    text = "-- α\r\ntheorem t : a := by\r\n  cases h\r\n    with x\r\n"
    source = project / "A.lean"
    source.write_bytes(text.encode())
    unix = text.replace("\r\n", "\n").encode()
    step = {
        **STEP,
        "start": unix.index(b"cases"),
        "stop": len(unix) - 1,
        "block": unix.index(b"cases"),
        "above": unix.index(b"theorem"),
    }
    (project.parent / "tool/answer.json").write_text(json.dumps({**ANSWER, "steps": [step]}))
    assert extract(project, "A.lean", "--out", name).returncode == 0
    assert list(read_pairs(project / name)) == [
        Pair("⊢ a\n\ncase h\n⊢ b", "cases h\n  with x", "⊢ b", "t", "A.lean", 3, 3, "-- α\n", ("Nat",))
    ]


def test_only_what_changed_is_read_again(project: Path) -> None:
    assert extract(project, ".", "--out", "pairs.jsonl").returncode == 0
    first = (project / "pairs.jsonl").read_text()
    assert read(project) == ["A.lean", "B.lean", "C.lean"]
    (project / "B.lean").write_text("-- another\ntheorem t : b := by\n  rfl\n")
    done = extract(project, ".", "--out", "pairs.jsonl")
    assert read(project) == ["B.lean"]
    assert "in 3 files (2 of them before) are in" in done.stdout
    assert files_of(project / "pairs.jsonl") == ["A.lean", "B.lean", "C.lean"]
    assert (project / "pairs.jsonl").read_text() != first
    (project / "C.lean").unlink()
    assert extract(project, ".", "--out", "pairs.jsonl").returncode == 0
    assert read(project) == []
    assert files_of(project / "pairs.jsonl") == ["A.lean", "B.lean"]


def test_what_was_done_when_it_was_killed_is_not_done_again(project: Path) -> None:
    (project / "C.lean").write_text("-- slow\n")
    full, how = command(project, ".", "--out", "pairs.jsonl", "--jobs", "1")
    with subprocess.Popen(full, **how) as running:
        wait_until_read(project, "C.lean")
        running.send_signal(signal.SIGKILL)
    assert not (project / "pairs.jsonl").exists()
    assert read(project) == ["A.lean", "B.lean", "C.lean"]
    (project / "C.lean").write_text("-- quick by now\n")
    assert extract(project, ".", "--out", "pairs.jsonl").returncode == 0
    assert read(project) == ["C.lean"]
    assert files_of(project / "pairs.jsonl") == ["A.lean", "B.lean", "C.lean"]


def wait_until_read(project: Path, name: str) -> None:
    noted = project.parent / "tool/read"
    end = time.monotonic() + 30
    while not (noted.exists() and name in noted.read_text()):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_half_a_part_is_read_again(project: Path) -> None:
    assert extract(project, "A.lean", "--out", "pairs.jsonl").returncode == 0
    (part,) = (project / "pairs.jsonl.parts").iterdir()
    part.write_text(part.read_text()[:20])
    read(project)
    assert extract(project, "A.lean", "--out", "pairs.jsonl").returncode == 0
    assert read(project) == ["A.lean"]
    assert files_of(project / "pairs.jsonl") == ["A.lean"]


def test_failures_are_listed_tried_again_and_cost_only_their_file(project: Path) -> None:
    (project / "A.lean").write_text("-- broken\n")
    (project / "B.lean").write_text("-- crash\n")
    (project / "D.lean").write_text("-- slow\n")
    (project / "E.lean").write_bytes(b"-- \xff\n")
    (project / "F.lean").write_text("-- silent\n")
    done = extract(project, ".", "--out", "pairs.jsonl", "--seconds", "1")
    assert done.returncode == 1
    assert done.stderr == (
        "5 files failed; pairs.jsonl.failures.jsonl says why. Run the same command again to try only these.\n"
    )
    failures = project / "pairs.jsonl.failures.jsonl"
    assert list(map(json.loads, failures.read_text().splitlines())) == [
        {"file": "A.lean", "reason": "unknown module prefix 'No'"},
        {"file": "B.lean", "reason": "Lean ended with exit code 134. "},
        {"file": "D.lean", "reason": "Lean did not finish in 1 s; give it more by --seconds"},
        {"file": "E.lean", "reason": "it is not UTF-8 text (byte 3)"},
        {"file": "F.lean", "reason": "Lean ended without an answer that can be read"},
    ]
    assert files_of(project / "pairs.jsonl") == ["C.lean"]
    read(project)
    for name in ("A", "B", "D", "E", "F"):
        (project / f"{name}.lean").write_text("-- fine\n")
    assert extract(project, ".", "--out", "pairs.jsonl").returncode == 0
    assert read(project) == ["A.lean", "B.lean", "D.lean", "E.lean", "F.lean"]
    assert not failures.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none"], "none does not exist. Name Lean files, or folders with some."),
        (["."], "There is no Lean file in .."),
    ],
)
def test_nothing_to_read(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "empty").mkdir()
    done = extract(tmp_path / "empty", *arguments, "--out", "pairs.jsonl")
    assert (done.returncode, done.stderr) == (1, f"llmstep-lsp: {said}\n")
