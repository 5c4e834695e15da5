"""Owns `llmstep-lsp prove`: its options, and what a person and a program see of a search and its proof."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from llmstep_lsp.compose import Setup, make_parts
from llmstep_lsp.domain.model import Status
from llmstep_lsp.domain.search import Limits
from llmstep_lsp.domain.text import Position
from llmstep_lsp.edge.options import (
    CacheOption,
    EveryOption,
    GeneratorsOption,
    JsonOption,
    LeanOption,
    ModelOption,
    PlaceArgument,
    RepairOption,
)
from llmstep_lsp.edge.output import output
from llmstep_lsp.edge.places import places
from llmstep_lsp.edge.settings_commands import configured
from llmstep_lsp.edge.wording import SYMBOLS, shortened
from llmstep_lsp.errors import GeneratorError, InputError
from llmstep_lsp.service.prove import Progress, Proof, ProofRequest, Searcher


def prove(  # noqa: PLR0913  # one parameter is one option
    place: PlaceArgument,
    *,
    every: EveryOption = False,
    as_json_lines: JsonOption = False,
    lean: LeanOption = None,
    generators: GeneratorsOption = None,
    model: ModelOption = None,
    repair: RepairOption = None,
    cache_megabytes: CacheOption = None,
    seconds: Annotated[float | None, typer.Option(help="Time for each position.")] = None,
    nodes: Annotated[int | None, typer.Option(help="How many proof states are looked at.")] = None,
    depth: Annotated[int | None, typer.Option(help="How many steps a proof may have.")] = None,
    expansion: Annotated[int | None, typer.Option(help="How many steps are tried at a proof state.")] = None,
) -> None:
    """Search for a whole proof at a position, and print it once Lean has accepted it as it is printed.

    The file is not changed.  What is not given is as configured: see `llmstep-lsp settings show`.
    """
    file, snapshot, positions = places(place, every=every)
    options = {
        "lean": lean,
        "generators": generators or None,
        "model": model,
        "repair": repair,
        "cacheMegabytes": cache_megabytes,
        "proveSeconds": seconds,
        "proveNodes": nodes,
        "proveDepth": depth,
        "proveExpansion": expansion,
    }
    chosen = configured(file.parent, options)
    limits = Limits(
        seconds=chosen.prove_seconds,
        nodes=chosen.prove_nodes,
        depth=chosen.prove_depth,
        expansion=chosen.prove_expansion,
    )
    requests = [ProofRequest(snapshot, position, limits) for position in positions]
    setup = Setup(chosen.lean, chosen.generators, chosen.model, chosen.repair, chosen.cache_megabytes)
    show = _show_json if as_json_lines else _show
    proofs = asyncio.run(_prove_all(file, requests, setup, show))
    if every and proofs and not as_json_lines:
        typer.echo(_summary(proofs))
    if failures := dict.fromkeys(failure for proof in proofs for failure in proof.failures):
        raise GeneratorError(" ".join(failures))


async def _prove_all(
    file: Path, requests: list[ProofRequest], setup: Setup, show: Callable[[Path, Position, Proof], None]
) -> list[Proof]:
    """Show a proof for each of `requests`, one after the other, over one Lean.

    Raises:
        InputError: a generator cannot be made as it was chosen.
    """
    parts = make_parts(setup)
    if parts.problems:
        raise InputError(" ".join(parts.problems))
    searcher = Searcher(parts.prover, parts.generators, repair=parts.repair)
    proofs: list[Proof] = []
    try:
        for request in requests:
            with _progress() as report:
                proofs.append(await searcher.prove(request, report))
            show(file, request.position, proofs[-1])
    finally:
        await parts.aclose()
    return proofs


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """Shows how far a search is in one line on standard error, if that is a terminal."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("searching") as shown:
        yield lambda progress: shown.update(Text(_line(progress)))


def _line(progress: Progress) -> str:
    target = shortened(progress.goals[0].target)
    steps = shortened("; ".join(progress.steps))
    return f"{_states(progress.nodes)}, {progress.open} open; best: ⊢ {target} after {steps}"


def _show_json(file: Path, position: Position, proof: Proof) -> None:
    typer.echo(json.dumps(as_json(file, position, proof), ensure_ascii=False))


def as_json(file: Path, position: Position, proof: Proof) -> dict[str, Any]:
    """The proof as `--json` prints it; lines and columns from 1."""
    return {
        "file": str(file),
        "line": position.line + 1,
        "column": position.column + 1,
        "goals": [goal.text for goal in proof.goals],
        "proof": proof.text,
        "status": proof.status.value,
        "nodes": proof.nodes,
        "seconds": round(proof.seconds, 3),
        "notes": list(proof.notes),
    }


def _show(file: Path, position: Position, proof: Proof) -> None:
    console = output()
    console.print(Text(f"{file}:{position.line + 1}:{position.column + 1}", style="bold"))
    if proof.goals:
        console.print(Text(proof.goals[0].text, style="cyan"))
    if proof.text is not None:
        console.print(Text(SYMBOLS[proof.status]))
        console.print(Text(proof.text, style="bold"), soft_wrap=True)
    for note in proof.notes:
        console.print(Text(note, style="yellow"))
    console.print(Text(f"{_states(proof.nodes)}, {proof.seconds:.1f} s", style="dim"), end="\n\n")


def _summary(proofs: list[Proof]) -> str:
    count = Counter(proof.status for proof in proofs)
    found = count[Status.FINISHES] + count[Status.CLOSES]
    closed = (
        f" ({count[Status.CLOSES]} in a declaration that is not finished)" if count[Status.CLOSES] else ""
    )
    seconds = sum(proof.seconds for proof in proofs)
    states = _states(sum(proof.nodes for proof in proofs))
    return f"proved {found} of {len(proofs)}{closed}; {states}, {seconds:.1f} s"


def _states(count: int) -> str:
    return f"{count} state{'s' if count != 1 else ''}"
