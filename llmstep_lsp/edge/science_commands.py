"""Owns `llmstep-lsp science …`: open questions about models that suggest steps, each as an experiment."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from llmstep_lsp.adapters.lean.sources import find_sources
from llmstep_lsp.compose import make_prover, make_sampled
from llmstep_lsp.domain.extraction import Source
from llmstep_lsp.domain.search import Limits
from llmstep_lsp.edge.eval_command import digest_of, measured, progress, require_success, show
from llmstep_lsp.edge.options import LeanOption
from llmstep_lsp.edge.settings_commands import configured
from llmstep_lsp.edge.train import new_model, train
from llmstep_lsp.errors import InputError
from llmstep_lsp.evaluation.evaluator import Evaluator, Task
from llmstep_lsp.evaluation.folder import Records
from llmstep_lsp.evaluation.report import Table, write_tables
from llmstep_lsp.evaluation.statistics import accepted
from llmstep_lsp.evaluation.theorems import read_theorems
from llmstep_lsp.science.comparing import Comparer
from llmstep_lsp.science.models import described, folder_name, generator_of, milliseconds_of, prompts_of
from llmstep_lsp.science.record import ModelRecord, StepRecord
from llmstep_lsp.science.steps import Step, draw, read_steps
from llmstep_lsp.science.tables import (
    by_prefix,
    compared,
    counted,
    human_tables,
    prefix_table,
    scaled,
    scaling_table,
)

science_app = typer.Typer(
    help="Measure what models learn, and how their steps compare with people's.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_NEW = (
    "gpt-neox,hidden=64,layers=2,heads=2",
    "gpt-neox,hidden=128,layers=4,heads=4",
    "gpt-neox,hidden=256,layers=6,heads=4",
    "llama,hidden=128,layers=4,heads=4",
    "t5,hidden=128,layers=4,heads=4",
)
_PROMPT = "names"
_FIRST = 8
# Time alone ends a training.
_EPOCHS = 100_000.0
_LIMITS = Limits(seconds=60.0)
_PREFIX_TOKENS = 4
_SECONDS_TO_READ = 600.0

_Out = Annotated[Path, typer.Option(metavar="DIR", help="The folder for records, table and picture.")]
_Seed = Annotated[int, typer.Option(min=0, help="Start of all chance.")]
_Files = Annotated[
    list[Path], typer.Argument(metavar="FILES...", help="Lean files with proofs, and folders of such.")
]
_Generator = Annotated[str, typer.Option(metavar="SPEC", help="Who proposes: ENGINE[,OPTION=VALUE…].")]
_Steps = Annotated[int, typer.Option(min=1, help="How many steps are drawn.")]


@science_app.callback()
def science() -> None:
    """Measure what models learn, and how their steps compare with people's."""


@science_app.command()
def scaling(  # noqa: PLR0913  # one parameter is one option
    pairs: Annotated[list[Path], typer.Argument(metavar="PAIRS...", help="Files of pairs, as for `train`.")],
    *,
    theorems: Annotated[
        list[Path], typer.Option(help="Theorems, as for `eval`; may be given several times.")
    ],
    out: _Out,
    new: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help="A model, as for `train --new`; may be given several times."),
    ] = None,
    max_minutes: Annotated[float, typer.Option(min=0.01, help="How long each model is trained.")] = 30.0,
    seed: _Seed = 0,
    lean: LeanOption = None,
) -> None:
    """Train models of several sizes and architectures alike, and see what each is worth.

    If it is interrupted, run it again: what is done is not done again.
    """
    models = list(dict.fromkeys(new or _NEW))
    for model in models:
        new_model(model)  # a wrong one is told before anything is done
    tried = read_theorems(theorems, Path())
    chosen = configured(Path(), {"lean": lean}).lean
    settings: dict[str, Any] = {
        "pairs": f"{' '.join(map(str, pairs))}, {_digest(pairs)}",
        "theorems": f"{len(tried)} of {' '.join(map(str, theorems))}, {digest_of(tried)}",
        "prompt": _PROMPT,
        "max_minutes": max_minutes,
        "k": _FIRST,
        "seed": seed,
        "lean": chosen,
    }
    folder = Records(out, settings, ModelRecord)
    places = {model: out / "models" / folder_name(model) for model in models}
    for model in models:
        if model not in folder.records:
            folder.add(_trained(pairs, model, places[model], max_minutes, seed))
    make = partial(
        _make_evaluator,
        places={folder_name(model): place for model, place in places.items()},
        lean=chosen,
        seed=seed,
    )
    records = measured(out / "eval", settings, tried, [folder_name(model) for model in models], make)
    rows = scaled([folder.records[model] for model in models], accepted(records))
    _write(out, "Scaling", settings, [scaling_table(rows, _FIRST)], [asdict(one) for one in rows])
    _draw(lambda plots: plots.plot_scaling(rows, _FIRST, out / "scaling.png"))
    require_success(records, out / "eval")


@science_app.command()
def prefix(  # noqa: PLR0913  # one parameter is one option
    files: _Files,
    *,
    generator: _Generator,
    out: _Out,
    steps: _Steps = 100,
    k: Annotated[int, typer.Option(min=1, help="How many steps are asked for at each prefix.")] = 8,
    seed: _Seed = 0,
    lean: LeanOption = None,
) -> None:
    """What the first tokens of a person's step are worth to a generator.

    If it is interrupted, run it again: what is done is not done again.
    """
    settings, records = _steps_compared(files, generator, out, steps, (k, _PREFIX_TOKENS, seed), lean)
    rows = by_prefix(records, _PREFIX_TOKENS)
    long = by_prefix(records, _PREFIX_TOKENS, _PREFIX_TOKENS)
    _write(
        out,
        "Prefixes: all steps, and those with four tokens or more",
        settings,
        [prefix_table(rows, k), prefix_table(long, k)],
        {"all": [asdict(one) for one in rows], "long": [asdict(one) for one in long]},
    )
    _draw(lambda plots: plots.plot_prefix(rows, out / "prefix.png"))
    require_success(records, out)


@science_app.command()
def human(  # noqa: PLR0913  # one parameter is one option
    files: _Files,
    *,
    generator: _Generator,
    out: _Out,
    steps: _Steps = 100,
    k: Annotated[int, typer.Option(min=1, help="How many steps are asked for in the place of each.")] = 32,
    seed: _Seed = 0,
    lean: LeanOption = None,
) -> None:
    """How the steps of a generator compare with those that people wrote.

    If it is interrupted, run it again: what is done is not done again.
    """
    settings, records = _steps_compared(files, generator, out, steps, (k, 0, seed), lean)
    found = compared(records, k)
    _write(out, "Steps of people and of a generator", settings, human_tables(found), asdict(found))
    _draw(lambda plots: plots.plot_ranks(found, out / "ranks.png"))
    require_success(records, out)


def _trained(pairs: list[Path], model: str, place: Path, minutes: float, seed: int) -> ModelRecord:
    """What is known of `model`, which is trained in the folder `place` if it is not there."""
    train(pairs, out=place, new=model, prompt=_PROMPT, epochs=_EPOCHS, max_minutes=minutes, seed=seed)

    async def timed() -> float:
        generator = generator_of(place, _FIRST, None)
        try:
            return await milliseconds_of(generator, prompts_of(place), _FIRST)
        finally:
            await generator.aclose()

    return described(model, place, asyncio.run(timed()))


def _make_evaluator(
    name: str, before: Evaluator | None = None, *, places: Mapping[str, Path], lean: str | None, seed: int
) -> Evaluator:
    """The evaluator of the model called `name`, over the same Lean as the one `before`."""
    prover = before.prover if before else make_prover(lean)
    return Evaluator(name, prover, [generator_of(places[name], _FIRST, seed)], lean, Task(_LIMITS, _FIRST))


def _steps_compared(  # noqa: PLR0913, PLR0917  # what the two commands share
    files: list[Path],
    generator: str,
    out: Path,
    count: int,
    asked: tuple[int, int, int],
    lean: str | None,
) -> tuple[dict[str, Any], list[StepRecord]]:
    """The settings of a comparison, and what came of each of `count` steps.

    `asked` are how many candidates are wanted, how long prefixes are, and the seed.
    """
    k, longest, seed = asked
    chosen = configured(Path(), {"lean": lean}).lean
    make_sampled([generator], k, seed)  # a wrong one is told before anything is done
    sources = find_sources(files)
    settings: dict[str, Any] = {
        "files": f"{' '.join(map(str, files))}, {_digest([source.path for source in sources])}",
        "generator": generator,
        "steps": count,
        "k": k,
        "prefix": longest,
        "seed": seed,
        "lean": chosen,
    }
    folder = Records(out, settings, StepRecord)
    drawn = draw(asyncio.run(_read(sources, out, chosen)), count, seed)
    missing = [step for step in drawn if step.key not in folder.records]
    with progress(len(drawn), len(drawn) - len(missing)) as told:

        def keep(record: StepRecord) -> None:
            folder.add(record)
            told(f"{record.file}:{record.line}: {record.outcome}")

        asyncio.run(_compare(generator, missing, asked, chosen, keep))
    records = [folder.records[step.key] for step in drawn]
    typer.echo(f"{len(drawn)} steps drawn: {counted(records)}.")
    return {**settings, "drawn": counted(records)}, records


async def _read(sources: Sequence[Source], out: Path, lean: str | None) -> list[Step]:
    with progress(len(sources), 0) as told:
        return await read_steps(
            sources, out / "pairs.jsonl", lean, _SECONDS_TO_READ, lambda source: told(source.name)
        )


async def _compare(
    generator: str,
    missing: Sequence[Step],
    asked: tuple[int, int, int],
    lean: str | None,
    keep: Callable[[StepRecord], None],
) -> None:
    if not missing:
        return
    k, longest, seed = asked
    prover = make_prover(lean)
    comparer = Comparer(generator, prover, make_sampled([generator], k, seed), k, longest)
    try:
        await comparer.warm()
        for step in missing:
            keep(await comparer.compare(step))
    finally:
        await asyncio.gather(comparer.aclose(), prover.aclose())


def _digest(files: Sequence[Path]) -> str:
    """What tells the contents of files from others."""
    digest = hashlib.sha256()
    try:
        for file in files:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}): name another file.") from error
    return digest.hexdigest()[:12]


def _write(out: Path, title: str, settings: Mapping[str, Any], tables: Sequence[Table], figures: Any) -> None:
    """Write `report.md` and `report.json`, and print the tables."""
    write_tables(out, title, settings, tables)
    said = {"settings": settings, "figures": figures}
    text = json.dumps(said, ensure_ascii=False, indent=2) + "\n"
    (out / "report.json").write_text(text, encoding="utf-8")
    show(tables)


def _draw(draw_with: Callable[[Any], None]) -> None:
    try:
        from llmstep_lsp.science import plots  # noqa: PLC0415  # the extra `bench`
    except ImportError as error:
        typer.echo(f"Nothing is drawn ({error}): pip install 'llmstep-lsp[bench]'", err=True)
        return
    draw_with(plots)
