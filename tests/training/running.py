"""Owns how tests run `llmstep-lsp train`, and what they let it learn."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.asking import environment

TINY = "hidden=64,layers=2,heads=4,vocabulary=300"
"""A new model that learns a few pairs by heart in seconds."""


def command(*arguments: str | Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "llmstep_lsp", "train", *map(str, arguments))


def run(*arguments: str | Path, paths: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    """What the command says, in this checkout and where Python files in `paths` come first."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, env=environment(*paths)
    )


def write_pairs(file: Path, steps: Iterable[tuple[str, str]]) -> Path:
    """A file of pairs, each of a declaration of its own."""
    lines = (
        {"state_before": state, "tactic": tactic, "state_after": "", "declaration": f"d{i}", "file": "A.lean"}
        for i, (state, tactic) in enumerate(steps)
    )
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return file


def log(directory: Path) -> list[dict[str, Any]]:
    """The log of the run in `directory`."""
    return [json.loads(line) for line in (directory / "log.jsonl").read_text().splitlines()]
