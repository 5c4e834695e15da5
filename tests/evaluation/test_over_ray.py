"""Theorems over a Ray cluster of two workers on this machine."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.evaluation.test_command import records, run

# Two nodes with a CPU each; it ends when its input does.
CLUSTER = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
# An evaluator that ends its process: once at `once`, always at `always`; nothing is known of `never`.
LOSING = """
import json, os, sys
from pathlib import Path
from llmstep_lsp.domain.model import Snapshot
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.evaluation.over_ray import connected, evaluate_over_ray
from llmstep_lsp.evaluation.record import Outcome, Record
from llmstep_lsp.evaluation.theorems import Theorem

class Losing:
    @property
    def prover(self): return self
    async def warm(self): pass
    async def aclose(self): pass
    async def evaluate(self, theorem):
        marker = Path(FOLDER) / "seen"
        if theorem.name == "always" or (theorem.name == "once" and not marker.exists()):
            marker.touch()
            os._exit(1)
        if theorem.name == "broken":
            raise GeneratorError("The model ended.")
        return Record("set", theorem.name, "A.lean", theorem.line, Outcome.SOLVED)

def theorems(*names):
    return [Theorem(name, "A.lean", n, Snapshot("file:///A.lean", 0, ""), None) for n, name in enumerate(names)]

FOLDER = sys.argv[2]
with connected(sys.argv[1]):
    found = list(evaluate_over_ray(Losing, "set", theorems("fine", "once", "always", "fine")))
    told = sorted((one.line, one.theorem, one.outcome.value, one.reason[:32]) for one in found)
    try:
        list(evaluate_over_ray(Losing, "set", theorems("broken")))
    except GeneratorError as error:
        told.append(str(error))
Path(FOLDER, "told.json").write_text(json.dumps(told))
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "RAY_memory_monitor_refresh_ms": "0"},  # other tests may fill the memory
    ) as process:
        assert process.stdout
        assert process.stdin
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.mark.lean
def test_two_workers(tmp_path: Path, real_lean: Toolchain, cluster: str) -> None:
    (tmp_path / "T.lean").write_text(
        "theorem true : 1 + 1 = 2 := by\n  sorry\n\ntheorem false : 1 = 2 := by\n  sorry\n"
    )
    done = run(tmp_path, "T.lean", "--single", "--k", "1", "--out", "out", "--ray", cluster)
    assert done.returncode == 0
    found = sorted((one["theorem"], *one["verdicts"]) for one in records(tmp_path / "out"))
    assert found == [("false", "rejected"), ("true", "finishes")]


def test_a_lost_worker_is_replaced(tmp_path: Path, cluster: str) -> None:
    script = tmp_path / "losing.py"
    script.write_text(LOSING)
    done = subprocess.run(
        [sys.executable, str(script), cluster, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "told.json").read_text()) == [
        [0, "fine", "solved", ""],
        [1, "once", "solved", ""],
        [2, "always", "failed", "The Ray worker was lost 2 times:"],
        [3, "fine", "solved", ""],
        "The model ended.",
    ]


def test_no_cluster(tmp_path: Path) -> None:
    (tmp_path / "T.lean").write_text("theorem t : 1 = 1 := by\n  sorry\n")
    done = run(tmp_path, "T.lean", "--out", "out", "--ray", "127.0.0.1:1")
    assert done.returncode == 1
    assert "There is no Ray cluster at 127.0.0.1:1" in done.stderr
