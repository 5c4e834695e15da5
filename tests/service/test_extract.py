"""Reading many files: several at a time, and not a moment longer where none can be read."""

import asyncio
from pathlib import Path

import pytest

from llmstep_lsp.domain.extraction import Counts, Extracted, Failure, Source, Summary
from llmstep_lsp.errors import LeanExtractError, LeanNotFoundError
from llmstep_lsp.service.extract import extract_all

SOURCES = [Source(Path(f"/project/{name}.lean"), f"{name}.lean") for name in "ABCDE"]
ONE = Counts(pairs=3, declarations=2, sorries=1)


class Scripted:
    """Extractor and shelf; `fails` are files that cannot be read, `known` those that have been before."""

    def __init__(self, fails: dict[str, Exception] | None = None, known: tuple[str, ...] = ()) -> None:
        self.fails = fails or {}
        self.known = known
        self.running = 0
        self.most = 0
        self.kept: list[tuple[str, str]] = []
        self.heard: list[str] = []

    async def digest(self, source: Source) -> str:
        return f"digest of {source.name}"

    async def extract(self, source: Source) -> Extracted:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0.01)
            if error := self.fails.get(source.name):
                raise error
            return Extracted((), ONE)
        finally:
            self.running -= 1

    def find(self, source: Source, digest: str) -> Counts | None:
        return Counts(pairs=10) if source.name in self.known else None

    def put(self, source: Source, digest: str, extracted: Extracted) -> None:
        self.kept.append((source.name, digest))

    async def run(self, jobs: int) -> Summary:
        return await extract_all(SOURCES, self, self, jobs, lambda source: self.heard.append(source.name))


async def test_what_fails_and_what_is_known_costs_the_others_nothing() -> None:
    scripted = Scripted({"B.lean": LeanExtractError("no")}, known=("D.lean",))
    summary = await scripted.run(2)
    assert summary == Summary(
        done=(SOURCES[0], SOURCES[2], SOURCES[3], SOURCES[4]),
        counts=Counts(pairs=19, declarations=6, sorries=3),
        failures=(Failure("B.lean", "no"),),
        remembered=1,
    )
    assert sorted(scripted.kept) == [(name, f"digest of {name}") for name in ("A.lean", "C.lean", "E.lean")]
    assert sorted(scripted.heard) == [source.name for source in SOURCES]


@pytest.mark.parametrize("jobs", [1, 3])
async def test_so_many_at_a_time(jobs: int) -> None:
    scripted = Scripted()
    await scripted.run(jobs)
    assert scripted.most == jobs


async def test_without_a_lean_nothing_goes_on() -> None:
    scripted = Scripted({"A.lean": LeanNotFoundError("no Lean")})
    with pytest.raises(LeanNotFoundError, match="no Lean"):
        await scripted.run(2)
    assert scripted.running == 0
    assert len(scripted.kept) <= 1
