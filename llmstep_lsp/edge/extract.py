"""Owns `llmstep-lsp extract`: its options, and what a person sees while files are read and at the end."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from llmstep_lsp.adapters.lean.extractor import LeanExtractor
from llmstep_lsp.adapters.lean.sources import find_sources
from llmstep_lsp.adapters.pairs.parts import Parts
from llmstep_lsp.domain.extraction import Source, Summary
from llmstep_lsp.edge.options import LeanOption
from llmstep_lsp.edge.settings_commands import configured
from llmstep_lsp.service.extract import extract_all

# What a Lean with a large library imported takes.
_BYTES_PER_JOB = 2 * 1024**3


def extract(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Lean files, and folders or Lake projects of such."),
    ],
    *,
    out: Annotated[Path, typer.Option(help="Where to write pairs: .jsonl, or .parquet (extra `data`).")],
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="How many files are read at a time.", show_default="by cores and memory"),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="Time for each file.")] = 600.0,
    lean: LeanOption = None,
) -> None:
    """Read pairs of proof state and next step out of Lean files, by elaborating them.

    If it is interrupted, run it again: files that are done, and have not changed, are not read again.
    """
    sources = find_sources(paths)
    parts = Parts(out)
    began = time.monotonic()
    with _progress(len(sources)) as report:
        summary = asyncio.run(
            _extract(
                sources,
                LeanExtractor(configured(Path(), {"lean": lean}).lean, seconds),
                parts,
                jobs or _default_jobs(),
                report,
            )
        )
    parts.write(summary)
    typer.echo(_words(summary, out, time.monotonic() - began))
    if summary.failures:
        typer.echo(
            f"{_count(len(summary.failures), 'file')} failed; {parts.failures} says why. "
            "Run the same command again to try only these.",
            err=True,
        )
        raise typer.Exit(1)


async def _extract(
    sources: list[Source],
    extractor: LeanExtractor,
    parts: Parts,
    jobs: int,
    report: Callable[[Source], None],
) -> Summary:
    try:
        return await extract_all(sources, extractor, parts, jobs, report)
    finally:
        await extractor.aclose()


def _default_jobs() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(os.cpu_count() or 1, memory // _BYTES_PER_JOB))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Source], None]]:
    """Shows on standard error how many files are done, if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)
        yield lambda source: bar.update(task, advance=1, description=source.name)


def _words(summary: Summary, out: Path, seconds: float) -> str:
    counts = summary.counts
    remembered = f" ({summary.remembered} of them before)" if summary.remembered else ""
    return (
        f"{_count(counts.pairs, 'pair')} of {_count(counts.declarations, 'declaration')} in "
        f"{_count(len(summary.done), 'file')}{remembered} are in {out}, after {seconds:.0f} s.\n"
        f"Left out: {_count(counts.sorries, 'step')} with `sorry`, "
        f"{_count(counts.errors, 'step')} of declarations with errors."
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
