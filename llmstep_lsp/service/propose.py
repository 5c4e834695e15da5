"""Owns asking several generators at once: their candidates as they come, each step once."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest

from llmstep_lsp.domain.insertion import normalise
from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.ports import Generator, Question

_log = logging.getLogger(__name__)

# How many candidates are handed on together at most: what a slow generator proposes meanwhile
# waits for no more than these.
_BATCH = 16


@dataclass(frozen=True)
class Proposals:
    """Candidates of each generator in turn, and which generators failed, and why."""

    candidates: tuple[Candidate, ...]
    failures: tuple[str, ...]


async def propose(generators: Sequence[Generator], question: Question, seconds: float) -> Proposals:
    """What `generators` propose within `seconds`."""
    failures: list[str] = []
    tried: set[str] = set()
    found: list[Candidate] = []
    try:
        async with asyncio.timeout(seconds), merged(generators, question, failures) as arriving:
            async for batch in arriving:
                found += untried(batch, question.prefix, tried)
    except TimeoutError:
        pass  # what has come by now is the answer
    return Proposals(tuple(_in_turn(found)[: question.count]), tuple(failures))


def untried(batch: Sequence[Candidate], prefix: str, tried: set[str]) -> list[Candidate]:
    """Those of `batch`, normalised, that start with `prefix` and are not in `tried`; adds them to it."""
    found = []
    for candidate in batch:
        text = normalise(candidate.text)
        if text.startswith(prefix.strip()) and text not in tried:
            tried.add(text)
            found.append(replace(candidate, text=text))
    return found


def _in_turn(candidates: Sequence[Candidate]) -> list[Candidate]:
    """`candidates`, one of each source at a time: a slow one counts as much.

    Those of one source stay in their order if they have no scores; else the best comes first.
    """
    sources: dict[str, list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda candidate: -(candidate.score or 0.0)):
        sources.setdefault(candidate.source, []).append(candidate)
    return [candidate for turn in zip_longest(*sources.values()) for candidate in turn if candidate]


@asynccontextmanager
async def merged(
    generators: Sequence[Generator], question: Question, failures: list[str], silent: set[str] | None = None
) -> AsyncIterator[AsyncIterator[list[Candidate]]]:
    """The candidates of all `generators`, those that have come at a time, one of each source in turn.

    A generator that fails loses what it has not proposed yet, and adds to `failures`.  `silent` are
    the names of those that have neither proposed anything nor ended.
    """
    silent = set() if silent is None else silent
    silent |= {generator.name for generator in generators}
    queue: asyncio.Queue[Candidate | None] = asyncio.Queue()

    async def feed(generator: Generator) -> None:
        try:
            async with aclosing(generator.candidates(question)) as proposed:
                async for candidate in proposed:
                    silent.discard(generator.name)
                    queue.put_nowait(candidate)
            silent.discard(generator.name)
        except GeneratorError as error:
            silent.discard(generator.name)
            failures.append(f"{generator.name}: {error}")
        except Exception as error:  # noqa: BLE001  # it may be anybody's
            _log.debug("generator %s failed", generator.name, exc_info=True)
            failures.append(
                f"{generator.name}: It failed ({type(error).__name__}: {error}); its author can mend that."
            )
        finally:
            queue.put_nowait(None)

    async def drain() -> AsyncIterator[list[Candidate]]:
        running = len(generators)
        waiting: list[Candidate] = []
        while running or waiting:
            come = [] if waiting else [await queue.get()]
            while not queue.empty():
                come.append(queue.get_nowait())
            running -= come.count(None)
            waiting = _in_turn([*waiting, *(candidate for candidate in come if candidate)])
            if waiting:
                yield waiting[:_BATCH]
            waiting = waiting[_BATCH:]

    tasks = [asyncio.create_task(feed(generator)) for generator in generators]
    try:
        yield drain()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
