"""Owns how long generators take to propose steps.

By the method of LLMSTEP (`python/benchmark` in its repository): each case once, one after the
other, wall time divided by their number.  And a fairer one: after a first pass that does not count,
several questions at a time, with median and 95th percentile.  For models in a worker of ours, the
library itself is asked, too: what we add to its time is our overhead.
"""

import asyncio
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path
from statistics import median, quantiles

from llmstep_lsp.adapters.generators.language_model import LanguageModel
from llmstep_lsp.adapters.generators.worker import WorkerCompleter
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.errors import GeneratorError, InputError
from llmstep_lsp.ports import Generator, Question
from llmstep_lsp.worker.bare import BARE, Outcome, Trial

LLMSTEP = "LLMSTEP's"
FAIR = "fair"
LIBRARY = "library alone"
CONCURRENT = (1, 4, 16)


@dataclass(frozen=True)
class Case:
    """A state and a prefix, as LLMSTEP's benchmark has them."""

    tactic_state: str
    prefix: str


@dataclass(frozen=True)
class Runtime:
    """What a generator needed: `seconds` for all of `requests`, `concurrent` ones at a time.

    `p50` and `p95` are milliseconds a request; `overhead` is the share by which one at a time
    takes longer than in the library alone, None where there is nothing to compare.
    """

    generator: str
    method: str
    concurrent: int
    requests: int
    suggestions: int
    seconds: float
    p50: float
    p95: float
    overhead: float | None


@dataclass(frozen=True)
class Runtimes:
    """What generators needed; `models` says what runs each that is a model, where, and in what numbers."""

    models: dict[str, str]
    rows: tuple[Runtime, ...]


def read_cases(file: Path | None) -> list[Case]:
    """The cases of `file`, one JSON object a line, or our own.

    Raises:
        InputError: they cannot be read.
    """
    try:
        text = (file or resources.files("llmstep_lsp.bench") / "runtime_cases.jsonl").read_text("utf-8")
        objects = [json.loads(line) for line in text.splitlines() if line.strip()]
        cases = [Case(str(one["tactic_state"]), str(one["prefix"])) for one in objects]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{file} holds no cases ({error!r}): each line must be an object with the texts "
            "`tactic_state` and `prefix`."
        ) from error
    if not cases:
        raise InputError(f"{file} holds no cases: it is empty.")
    return cases


async def measure_runtime(
    generators: Sequence[tuple[str, Generator]],
    cases: Sequence[Case],
    count: int,
    progress: Callable[[str], None],
) -> Runtimes:
    """Measure `generators`, by name, by both methods, and end them; `count` steps are wanted a case.

    Raises:
        GeneratorError: one failed.
    """
    questions = [Question((parse_goal(case.tactic_state),), case.prefix, "", count) for case in cases]
    models: dict[str, str] = {}
    rows: list[Runtime] = []
    for name, generator in generators:
        try:
            progress(f"{name}: loading")
            if isinstance(generator, LanguageModel):
                model = await generator.completer.ready()
                models[name] = f"{model.engine} on {model.device}, {model.dtype}"
                progress(f"{name}: {models[name]}")
            rows += await _measure_generator(name, generator, questions, progress)
        finally:
            await generator.aclose()
    return Runtimes(models, tuple(rows))


async def _measure_generator(
    name: str, generator: Generator, questions: Sequence[Question], progress: Callable[[str], None]
) -> list[Runtime]:
    found: list[Runtime] = []
    progress(f"{name}: {LLMSTEP} method")
    found.append(await _measure(name, LLMSTEP, generator, questions, concurrent=1))
    for concurrent in CONCURRENT:
        progress(f"{name}: {concurrent} at a time")
        rounds = math.ceil(2 * concurrent / len(questions))
        found.append(await _measure(name, FAIR, generator, list(questions) * rounds, concurrent))
    trial = _trial(generator, questions)
    if trial is None:
        return found
    await generator.aclose()  # its memory may be needed
    progress(f"{name}: {LIBRARY}")
    alone = _runtime(name, LIBRARY, 1, await _outcome(trial))
    return [alone, *(_compared(one, alone) for one in found)]


async def _measure(
    name: str, method: str, generator: Generator, questions: Sequence[Question], concurrent: int
) -> Runtime:
    waiting = iter(questions)
    durations: list[float] = []
    suggestions: list[int] = []

    async def ask() -> None:
        for question in waiting:
            started = time.perf_counter()
            proposed = generator.candidates(question)
            suggestions.append(len([candidate async for candidate in proposed]))
            durations.append(time.perf_counter() - started)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrent):
            group.create_task(ask())
    seconds = time.perf_counter() - started
    return _runtime(name, method, concurrent, Outcome(tuple(durations), tuple(suggestions)), seconds)


def _runtime(
    name: str, method: str, concurrent: int, outcome: Outcome, seconds: float | None = None
) -> Runtime:
    """The row for requests that took as long as `outcome` says, and `seconds` together (None: their sum)."""
    milliseconds = [one * 1000 for one in outcome.seconds]
    return Runtime(
        name,
        method,
        concurrent,
        len(milliseconds),
        sum(outcome.suggestions),
        sum(outcome.seconds) if seconds is None else seconds,
        median(milliseconds),
        quantiles(milliseconds, n=20)[-1] if len(milliseconds) > 1 else milliseconds[0],
        overhead=None,
    )


def _compared(one: Runtime, alone: Runtime) -> Runtime:
    if one.method != FAIR or one.concurrent != 1:
        return one
    return replace(one, overhead=(one.seconds / one.requests) / (alone.seconds / alone.requests) - 1)


def _trial(generator: Generator, questions: Sequence[Question]) -> Trial | None:
    """What to ask the library of `generator`, if it runs in a worker of ours and can be asked."""
    if not isinstance(generator, LanguageModel) or generator.prompt_format is None:
        return None
    if not isinstance(generator.completer, WorkerCompleter) or generator.sampling.beams:
        return None
    engine, asked = generator.completer.engine, generator.prompt_format
    if engine.name not in BARE:
        return None
    return Trial(
        engine=engine.name,
        model=engine.model,
        device=engine.device,
        dtype=engine.dtype,
        prompts=tuple(asked.prompt(question).text for question in questions),
        count=min(questions[0].count, generator.sampling.samples),
        max_new_tokens=generator.sampling.max_new_tokens,
        temperature=generator.sampling.temperature,
    )


async def _outcome(trial: Trial) -> Outcome:
    """What the library needs, asked in a process of its own.

    Raises:
        GeneratorError: it fails.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "llmstep_lsp.worker.bare"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(json.dumps(asdict(trial)).encode())
    if process.returncode != 0:
        last = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise GeneratorError(f"{trial.engine} alone cannot continue prompts by {trial.model}: {last}")
    said = json.loads(output)
    return Outcome(tuple(said["seconds"]), tuple(said["suggestions"]))
