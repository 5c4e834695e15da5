"""Owns `llmstep-lsp suggest`: its options, and the answers it prints."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from llmstep_lsp.compose import Setup, make_parts
from llmstep_lsp.edge.answer_json import as_json
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
from llmstep_lsp.edge.places import places
from llmstep_lsp.edge.report import print_answer
from llmstep_lsp.edge.settings_commands import configured
from llmstep_lsp.errors import GeneratorError, InputError
from llmstep_lsp.service.suggest import Request, Suggester


def suggest(  # noqa: PLR0913  # one parameter is one option
    place: PlaceArgument,
    *,
    every: EveryOption = False,
    prefix: Annotated[str, typer.Option(help="Only steps that start with this.")] = "",
    as_json_lines: JsonOption = False,
    lean: LeanOption = None,
    generators: GeneratorsOption = None,
    model: ModelOption = None,
    repair: RepairOption = None,
    cache_megabytes: CacheOption = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Time for each position.")] = 60.0,
    count: Annotated[int | None, typer.Option(help="How many suggestions to show at most.")] = None,
) -> None:
    """Print the steps that Lean accepts at a position; without COL, at the end of the line.

    What is not given is as configured: see `llmstep-lsp settings show`.
    """
    file, snapshot, positions = places(place, every=every)
    options = {
        "lean": lean,
        "generators": generators or None,
        "model": model,
        "repair": repair,
        "cacheMegabytes": cache_megabytes,
        "count": count,
    }
    chosen = configured(file.parent, options)
    requests = [Request(snapshot, position, seconds, chosen.count, prefix) for position in positions]
    setup = Setup(chosen.lean, chosen.generators, chosen.model, chosen.repair, chosen.cache_megabytes)
    asyncio.run(_answer_all(file, requests, setup, as_json_lines=as_json_lines))


async def _answer_all(file: Path, requests: list[Request], setup: Setup, *, as_json_lines: bool) -> None:
    """Answer `requests` one after the other over one Lean.

    Raises:
        InputError: a generator cannot be made as it was chosen.
        GeneratorError: a generator failed, which cost only its own steps.
    """
    parts = make_parts(setup)
    if parts.problems:
        raise InputError(" ".join(parts.problems))
    suggester = Suggester(parts.prover, parts.generators, repair=parts.repair)
    failures: dict[str, None] = {}
    try:
        for request in requests:
            answer = await suggester.suggest(request)
            if as_json_lines:
                typer.echo(json.dumps(as_json(file, request.position, answer), ensure_ascii=False))
                for note in answer.notes:
                    typer.echo(note, err=True)
            else:
                print_answer(file, request.position, answer)
            failures |= dict.fromkeys(answer.failures)
    finally:
        await parts.aclose()
    if failures:
        raise GeneratorError(" ".join(failures))
