"""Owns how the proofs of many files become pairs: several files at a time, each once, whatever fails."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from llmstep_lsp.domain.extraction import Counts, Failure, Source, Summary
from llmstep_lsp.errors import LeanExtractError
from llmstep_lsp.ports import Extractor, Shelf


async def extract_all(
    sources: Sequence[Source],
    extractor: Extractor,
    shelf: Shelf,
    jobs: int,
    progress: Callable[[Source], None],
) -> Summary:
    """Read `sources`, up to `jobs` at a time, unless they are on the shelf; `progress` hears of each.

    Raises:
        LlmstepError: nothing can be read, or nothing can be kept.  What is done is on the shelf.
    """
    reading = _Reading(sources, extractor, shelf, progress)
    workers = [asyncio.create_task(reading.work()) for _ in range(jobs)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return reading.summary()


class _Reading:
    """What workers share: the files that nobody has begun, and what came of the others."""

    def __init__(
        self,
        sources: Sequence[Source],
        extractor: Extractor,
        shelf: Shelf,
        progress: Callable[[Source], None],
    ) -> None:
        self._sources = sources
        self._waiting: Iterator[Source] = iter(sources)
        self._extractor = extractor
        self._shelf = shelf
        self._progress = progress
        self._done: dict[Source, Counts] = {}
        self._failed: dict[Source, str] = {}
        self._remembered = 0

    async def work(self) -> None:
        """Read one file after the other, until none is left."""
        for source in self._waiting:
            try:
                self._done[source] = await self._read(source)
            except LeanExtractError as error:
                self._failed[source] = str(error)
            self._progress(source)

    async def _read(self, source: Source) -> Counts:
        digest = await self._extractor.digest(source)
        known = self._shelf.find(source, digest)
        if known is not None:
            self._remembered += 1
            return known
        extracted = await self._extractor.extract(source)
        self._shelf.put(source, digest, extracted)
        return extracted.counts

    def summary(self) -> Summary:
        """What came of all files, in their order."""
        return Summary(
            done=tuple(source for source in self._sources if source in self._done),
            counts=sum(self._done.values(), Counts()),
            failures=tuple(
                Failure(source.name, self._failed[source])
                for source in self._sources
                if source in self._failed
            ),
            remembered=self._remembered,
        )
