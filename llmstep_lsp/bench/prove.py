"""Owns what search for whole proofs is worth: how many goals of a file are proved, and at what cost.

Each declaration with a `sorry` is a goal, and the others are not there to prove it.  One that is
proved by a single step would be proved without search, too; the rest is what search adds.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from statistics import median

from llmstep_lsp.domain.alone import alone
from llmstep_lsp.domain.commands import command_at
from llmstep_lsp.domain.model import Snapshot
from llmstep_lsp.domain.search import Limits
from llmstep_lsp.domain.sites import sites_at, sorries
from llmstep_lsp.domain.text import to_lf
from llmstep_lsp.errors import GeneratorError, InputError
from llmstep_lsp.evaluation.theorems import Theorem, read_theorems
from llmstep_lsp.ports import Generator, Prover
from llmstep_lsp.service.prove import ProofRequest, Searcher

_OWN = "ProveGoals.lean"


@dataclass(frozen=True)
class Attempt:
    """What came of searching with `generators` for a proof of `goal`: its `steps`, none if there is no proof.

    `nodes` is how many proof states were expanded, `notes` say why there is no proof.
    """

    generators: str
    goal: str
    steps: tuple[str, ...]
    proof: str | None
    nodes: int
    seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Total:
    """Of so many `goals`, `single` are proved by one step and `proved` at all; medians over those proved."""

    generators: str
    goals: int
    single: int
    proved: int
    nodes: float
    seconds: float


def read_goals(file: Path | None, folder: Path) -> Snapshot:
    """The file with the goals; our own is as if it were in `folder`.

    Raises:
        InputError: it cannot be read, or has no goal.
    """
    try:
        text = (file or resources.files("llmstep_lsp.bench") / "prove_goals.lean").read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.") from error
    if not sorries(text):
        raise InputError(f"There is no `sorry` in {file}, so there is nothing to prove.")
    return Snapshot((file or folder / _OWN).absolute().as_uri(), 0, to_lf(text))


def own_theorems(folder: Path) -> list[Theorem]:
    """Our own goals as theorems, as if their file were in `folder`."""
    uri = (folder / _OWN).absolute().as_uri()
    with resources.as_file(resources.files("llmstep_lsp.bench") / "prove_goals.lean") as file:
        found = read_theorems([file], folder)
    return [replace(one, file=_OWN, snapshot=replace(one.snapshot, uri=uri)) for one in found]


async def measure_prove(
    name: str, prover: Prover, generators: Sequence[Generator], snapshot: Snapshot, limits: Limits
) -> AsyncIterator[Attempt]:
    """Search for each goal of `snapshot`, one after the other, with `generators`, which are called `name`.

    Raises:
        LeanError: Lean cannot be asked.
        GeneratorError: a generator failed, so what it is worth cannot be told.
    """
    searcher = Searcher(prover, generators)
    goals = sorries(snapshot.text)
    await prover.locate(
        snapshot, sites_at(snapshot.text, goals[0])
    )  # starts Lean, which no goal should pay for
    for position in goals:
        single = replace(snapshot, text=alone(snapshot.text, position.line))
        proof = await searcher.prove(ProofRequest(single, position, limits), lambda _: None)
        if proof.failures:
            raise GeneratorError(" ".join(proof.failures))
        goal = command_at(snapshot.text, position.line).name
        yield Attempt(name, goal, proof.steps, proof.text, proof.nodes, proof.seconds, proof.notes)


def totals(attempts: Sequence[Attempt]) -> list[Total]:
    """One for each set of generators."""
    found = []
    for name in dict.fromkeys(attempt.generators for attempt in attempts):
        own = [attempt for attempt in attempts if attempt.generators == name]
        proved = [attempt for attempt in own if attempt.steps]
        single = sum(len(attempt.steps) == 1 for attempt in proved)
        nodes = median([attempt.nodes for attempt in proved] or [0])
        seconds = median([attempt.seconds for attempt in proved] or [0])
        found.append(Total(name, len(own), single, len(proved), nodes, seconds))
    return found
