"""Owns what is known of a trained model without Lean: its size, its loss, and how fast it answers."""

import json
import math
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from statistics import median

from llmstep_lsp.adapters.generators.language_model import LanguageModel
from llmstep_lsp.adapters.generators.registry import Spec, make_language_model, sampled
from llmstep_lsp.domain.completion import Completion, Continuation, Prompt
from llmstep_lsp.domain.recipe import held_out
from llmstep_lsp.errors import InputError
from llmstep_lsp.science.record import ModelRecord
from llmstep_lsp.training.protocol import CONVERTED, LOG, MODEL, read_examples, read_run

# A header of safetensors begins with its own size.
_SIZE = 8
_PROMPTS = 20


def folder_name(model: str) -> str:
    """What the folder of a new model is called that is described as `model`."""
    return model.replace(",", "-").replace("=", "")


def described(model: str, directory: Path, milliseconds: float) -> ModelRecord:
    """What the run in `directory` made of `model`.

    Raises:
        InputError: it cannot be read.
    """
    try:
        log = [json.loads(line) for line in (directory / LOG).read_text(encoding="utf-8").splitlines()]
        losses = [entry["held_out_loss"] for entry in log if "held_out_loss" in entry]
        return ModelRecord(
            model=model,
            name=folder_name(model),
            architecture=model.partition(",")[0],
            parameters=parameters(directory / MODEL),
            loss=min(losses, default=None),
            steps=max(entry["step"] for entry in log),
            epochs=round(max(entry["epoch"] for entry in log), 2),
            milliseconds=round(milliseconds, 1),
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"The training in {directory} cannot be read ({error}): remove that folder, and run the command "
            "again."
        ) from error


def parameters(model: Path) -> int:
    """How many numbers the weights in the folder `model` are; those that are used twice count once.

    Raises:
        OSError: they cannot be read.
        ValueError: they are no safetensors.
    """
    return sum(map(_numbers, model.glob("*.safetensors")))


def _numbers(file: Path) -> int:
    with file.open("rb") as opened:
        size = int.from_bytes(opened.read(_SIZE), "little")
        header = json.loads(opened.read(size))
    return sum(math.prod(one["shape"]) for name, one in header.items() if name != "__metadata__")


def generator_of(directory: Path, samples: int, seed: int | None) -> LanguageModel:
    """What asks the converted model of the run in `directory`; with a `seed`, it always answers the same.

    Raises:
        InputError: it cannot be asked.
    """
    spec = Spec("ctranslate2", {"model": str(directory / CONVERTED), "samples": str(samples)})
    return make_language_model(spec if seed is None else sampled(spec, samples, seed))


def prompts_of(directory: Path) -> list[Prompt]:
    """Some prompts that the run in `directory` held out, or else some that it learned from."""
    share = read_run(directory).recipe.held_out
    examples = list(read_examples(directory))
    unseen = [one for one in examples if held_out(one.group, share)]
    return [one.prompt for one in (unseen or examples)[:_PROMPTS]]


async def milliseconds_of(generator: LanguageModel, prompts: Sequence[Prompt], count: int) -> float:
    """The median of what `generator` takes to continue each of `prompts` in `count` ways, once it is loaded.

    Raises:
        GeneratorError: it cannot.
    """
    times = []
    sampling, stop = generator.sampling, generator.prompt_format.stop if generator.prompt_format else ()
    for prompt in [prompts[0], *prompts]:
        completion = Completion(
            prompt, count, sampling.max_new_tokens, sampling.temperature, sampling.beams, stop=stop
        )
        started = time.perf_counter()
        await _drained(generator.completer.complete(completion))
        times.append((time.perf_counter() - started) * 1000)
    return median(times[1:])


async def _drained(continuations: AsyncGenerator[Continuation, None]) -> None:
    async with aclosing(continuations) as coming:
        async for _ in coming:
            pass
