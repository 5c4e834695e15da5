"""Owns `llmstep-lsp train`: its options, and what a person sees while a model is trained."""

import json
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from llmstep_lsp.adapters.generators.options import read_options
from llmstep_lsp.adapters.generators.prompts import PromptFormat, format_source, read_format
from llmstep_lsp.adapters.generators.registry import parse_spec
from llmstep_lsp.adapters.training.directory import alone, finished, prepare
from llmstep_lsp.adapters.training.process import reports
from llmstep_lsp.adapters.training.sources import read_all
from llmstep_lsp.domain.recipe import PRESETS, Architecture, NewModel, Run
from llmstep_lsp.edge.convert import Quantization
from llmstep_lsp.errors import InputError, TrainingError
from llmstep_lsp.training.protocol import CONVERTED, MODEL, At, Report, Said

_NEW = "ARCH[,hidden=N][,layers=N][,heads=N][,vocabulary=N]"


class Preset(StrEnum):
    """The recipes."""

    LLMSTEP = "llmstep"
    SCRATCH = "scratch"


class Precision(StrEnum):
    """Arithmetic of a training."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


def train(  # noqa: PLR0913  # one parameter is one option
    files: Annotated[list[Path], typer.Argument(metavar="PAIRS...", help="Files of pairs.")],
    *,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the model, and all that is kept of the training, go.")
    ],
    model: Annotated[
        str | None,
        typer.Option(help="The model to start from: a directory, or a name on the Hugging Face hub."),
    ] = None,
    new: Annotated[
        str | None, typer.Option(metavar=_NEW, help="Start from nothing: gpt-neox, llama or t5.")
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(help="The prompt format, or a file that says one.", show_default="by the model"),
    ] = None,
    preset: Annotated[
        Preset | None,
        typer.Option(help="Where the other options are from.", show_default="scratch with --new, or llmstep"),
    ] = None,
    epochs: Annotated[float | None, typer.Option(min=0.01, help="How often each pair is learned.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pairs at a time on each device.")] = None,
    accumulate: Annotated[int | None, typer.Option(min=1, help="Batches to a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0.0, help="The highest learning rate.")] = None,
    warmup: Annotated[
        float | None, typer.Option(min=0.0, max=0.9, help="Share of the steps until then.")
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(min=0.0, help="AdamW's weight decay.")] = None,
    precision: Annotated[Precision | None, typer.Option(help="Arithmetic, where the device has it.")] = None,
    length: Annotated[int | None, typer.Option(min=16, help="Tokens of prompt and step at most.")] = None,
    every: Annotated[int | None, typer.Option(min=1, help="Steps between two checkpoints.")] = None,
    held_out: Annotated[
        float | None, typer.Option(min=0.0, max=0.9, help="Share of the declarations to measure the loss on.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Start of all chance.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="End after so many steps.")] = None,
    max_minutes: Annotated[float | None, typer.Option(min=0.01, help="End after so much time.")] = None,
    lora: Annotated[
        int | None,
        typer.Option(min=1, metavar="RANK", help="Train only matrices of this rank beside the weights."),
    ] = None,
    quantization: Annotated[
        Quantization, typer.Option(help="How the weights are kept for CTranslate2.")
    ] = Quantization.INT8,
) -> None:
    """Train a language model on pairs of proof state and next step.

    PAIRS are files that `extract` writes, LeanDojo Benchmark 4, LLMSTEP's lines of `input` and `output`,
    or the log of accepted steps.  If it is interrupted, say the same again: it goes on from the last
    checkpoint.
    """
    start = _start(model, new)
    chosen = preset or (Preset.LLMSTEP if new is None else Preset.SCRATCH)
    options: dict[str, Any] = {
        "epochs": epochs,
        "batch": batch,
        "accumulate": accumulate,
        "learning_rate": learning_rate,
        "warmup": warmup,
        "weight_decay": weight_decay,
        "precision": precision and precision.value,
        "length": length,
        "every": every,
        "held_out": held_out,
        "seed": seed,
        "max_steps": max_steps,
        "max_minutes": max_minutes,
        "lora": lora,
    }
    recipe = replace(PRESETS[chosen], **{name: value for name, value in options.items() if value is not None})
    prompt_format, source = _format(model or "", prompt)
    run = Run(
        model=start,
        recipe=recipe,
        prompt=source,
        markers=prompt_format.markers,
        quantization=None if prompt_format.system is not None else quantization.value,
        examples="",
    )
    with alone(out) as lock:
        prepare(out, run, read_all(files, prompt_format))
        if finished(out, run):
            typer.echo(f"This training is finished: {_where(out, run)}")
            return
        _follow(out, lock)
    typer.echo(f"The model is ready: {_where(out, run)}")


def _start(model: str | None, new: str | None) -> NewModel | str:
    """What is trained: the one that is named."""
    if model is not None and new is None:
        return model
    if new is not None and model is None:
        return new_model(new)
    raise InputError("Say what to start from: --model NAME or --new ARCHITECTURE, one of them.")


def new_model(text: str) -> NewModel:
    """The new model that `text` says.

    Raises:
        InputError: it cannot be made.
    """
    spec = parse_spec(text)
    if spec.engine not in get_args(Architecture):
        raise InputError(
            f"There is no architecture {spec.engine}: choose {', '.join(get_args(Architecture))}."
        )
    try:
        return read_options({"architecture": spec.engine, **spec.options}, NewModel)
    except ValueError as error:
        raise InputError(f"The new model `{text}` cannot be made: {error}. Say {_NEW}.") from error


def _format(model: str, chosen: str | None) -> tuple[PromptFormat, str]:
    """The format of prompts, and it as TOML, with its name."""
    name, text = format_source(model, chosen)
    try:
        made = read_format(name, text)
    except ValueError as error:
        raise InputError(f"The prompt format {chosen or name} cannot be read: {error}.") from error
    return made, text if "name" in tomllib.loads(text) else f"name = {json.dumps(made.name)}\n{text}"


def _follow(directory: Path, lock: int) -> None:
    """See the training to its end."""
    try:
        with _progress() as show:
            for report in reports(directory, lock):
                show(report)
    except KeyboardInterrupt as error:
        raise TrainingError(
            "The training was interrupted. Run the same command again to go on from the last checkpoint."
        ) from error


@contextmanager
def _progress() -> Iterator[Callable[[Report], None]]:
    """Shows reports on standard error: what is said, and a bar, if that is a terminal."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)

        def show(report: Report) -> None:
            match report:
                case Said(message):
                    console.print(message, markup=False)
                case At(step, steps, share, loss):
                    words = f"step {step} of {steps}" + ("" if loss is None else f", loss {loss:.3f}")
                    bar.update(task, completed=share, description=words)

        yield show


def _where(out: Path, run: Run) -> str:
    if run.quantization is None:
        return f"name {out / MODEL} with --model."
    return f"name {out / CONVERTED} with --model, or, on a GPU, {out / MODEL}."
