"""Owns `llmstep-lsp corpus …`: how data to learn from is made up, and goals to be tested on."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.toolchain import find_toolchain
from llmstep_lsp.adapters.pairs import read_pairs
from llmstep_lsp.adapters.pairs.json_lines import write_line
from llmstep_lsp.compose import make_sampled
from llmstep_lsp.corpus.held_out import Wanted, keep_goals
from llmstep_lsp.corpus.lean_judge import LeanJudge
from llmstep_lsp.corpus.library import library_statements
from llmstep_lsp.corpus.make import PAIRS, Plan, Propose, Told, make_corpus
from llmstep_lsp.corpus.selection import instructive, pair_statement, shapes_kept_out
from llmstep_lsp.corpus.split import Part, shape
from llmstep_lsp.domain.model import Goal
from llmstep_lsp.edge.options import LeanOption
from llmstep_lsp.edge.settings_commands import configured
from llmstep_lsp.ports import Generator, Question

corpus_app = typer.Typer(
    help="Made-up theories: proofs to learn from, and goals to be tested on.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

# How many steps a generator is asked for at a goal, and for how long.
_PROPOSED = 16
_PROPOSING_SECONDS = 5.0

SecondsOption = Annotated[float, typer.Option(min=0.1, help="How long a goal is attempted.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Start of all chance.")]


@corpus_app.command()
def make(  # noqa: PLR0913  # one parameter is one option
    folder: Annotated[Path, typer.Argument(help="Where the corpus lies, or will.")],
    *,
    sheets: Annotated[int, typer.Option(min=1, help="How many theories are made up.")] = 100,
    first: Annotated[int, typer.Option(min=0, help="The number of the first.")] = 0,
    seed: SeedOption = 0,
    seconds: SecondsOption = 4.0,
    generator: Annotated[
        str | None, typer.Option(help="Ask this generator first: what Lean accepts of it is learned, too.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="How many Leans attempt proofs.", show_default="one for each core"),
    ] = None,
    lean: LeanOption = None,
) -> None:
    """Make up theories, conjecture theorems about them, and keep each step of the proofs that are found.

    If it is interrupted, run it again: theories that are done are not attempted again.
    """
    plan = Plan(sheets, first, seed, seconds)
    asyncio.run(_make(folder.absolute(), plan, jobs or os.cpu_count() or 1, generator, _chosen(lean)))


@corpus_app.command()
def goals(  # noqa: PLR0913  # as above
    folder: Annotated[Path, typer.Argument(help="Where the files are written.")],
    *,
    part: Annotated[Part, typer.Option(help="Of which part of all theories.")] = "test",
    count: Annotated[int, typer.Option(min=1, help="How many goals are wanted.")] = 100,
    seed: SeedOption = 0,
    seconds: SecondsOption = 4.0,
    lean: LeanOption = None,
) -> None:
    """Write Lean files of goals about definitions of their own, of a kind that is never learned from."""
    asyncio.run(_goals(folder.absolute(), Wanted(part, count, seed, seconds), _chosen(lean)))


@corpus_app.command()
def select(
    folder: Annotated[Path, typer.Argument(help="The folder of the corpus.")],
    *,
    out: Annotated[Path, typer.Option(help="Where the pairs to learn from are written.")],
    keep_out: Annotated[
        list[Path] | None, typer.Option(help="A Lean file, or JSON lines, whose statements are not learned.")
    ] = None,
) -> None:
    """Take the pairs of a corpus, but those of theorems that tests have, whatever their names are."""
    kept_out = shapes_kept_out(keep_out or [])
    pairs = list(read_pairs(folder / PAIRS))
    chosen = [pair for pair in pairs if shape(pair_statement(pair)) not in kept_out]
    distinct = list({(one.state_before, one.tactic, pair_statement(one)): one for one in chosen}.values())
    learned = instructive(distinct)
    out.write_text("".join(write_line(pair) + "\n" for pair in learned), encoding="utf-8")
    typer.echo(
        f"{len(learned)} pairs are in {out}; {len(pairs) - len(chosen)} are left out, whose theorems are "
        f"among {len(kept_out)} kept for tests, {len(chosen) - len(distinct)} that are there twice, and "
        f"{len(distinct) - len(learned)} more ways to prove what is proved at once."
    )


def _chosen(lean: str | None) -> str | None:
    return configured(Path(), {"lean": lean}).lean


async def _make(folder: Path, plan: Plan, jobs: int, generator: str | None, lean: str | None) -> None:
    generators = make_sampled([generator] if generator else [], _PROPOSED, plan.seed)
    proved = 0
    with _progress(plan.sheets) as bar:

        def tell(told: Told) -> None:
            nonlocal proved
            proved += told.proofs
            bar.update(bar.task_ids[0], advance=1, description=f"{told.sheet}, {proved} proofs")

        try:
            if plan.wants_library:
                bar.update(bar.task_ids[0], description="listing the library")
                plan = replace(plan, library=await library_statements(find_toolchain(folder, lean)))
            async with _judges(folder, jobs, lean) as judges:
                await make_corpus(folder, plan, judges, tell, _proposer(generators))
        finally:
            for one in generators:
                await one.aclose()
    typer.echo(f"{proved} theorems were proved; {folder / PAIRS} has the steps.")


def _proposer(generators: Sequence[Generator]) -> Propose | None:
    if not generators:
        return None

    async def propose(context: str, goal: Goal) -> list[str]:
        question = Question((goal,), "", context, _PROPOSED, _PROPOSING_SECONDS)
        return [found.text for one in generators async for found in one.candidates(question)]

    return propose


async def _goals(folder: Path, wanted: Wanted, lean: str | None) -> None:
    found = proved = 0
    with _progress(wanted.goals) as bar:
        async with _judges(folder, 1, lean) as (judge,):
            async for kept in keep_goals(folder, wanted, judge):
                found, proved = found + kept.goals, proved + kept.proved
                bar.update(bar.task_ids[0], completed=found, description=kept.file.name)
    typer.echo(f"{found} goals are in {folder}; of {proved}, a proof is known.")


@asynccontextmanager
async def _judges(folder: Path, count: int, lean: str | None) -> AsyncIterator[list[LeanJudge]]:
    """So many Leans with our package, for documents in `folder`."""
    toolchain, library = find_toolchain(folder, lean), HookLibrary()
    judges: list[LeanJudge] = []
    try:
        package = await library.folder(toolchain)
        judges += (LeanJudge(toolchain, package, folder, f"Judge{i}") for i in range(count))
        yield judges
    finally:
        for judge in judges:
            await judge.aclose()
        await library.aclose()


@contextmanager
def _progress(total: int) -> Iterator[Progress]:
    """A bar on standard error; nothing is drawn where that is no terminal."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(
        *columns, console=(console := Console(stderr=True)), disable=not console.is_terminal
    ) as bar:
        bar.add_task("", total=total)
        yield bar
