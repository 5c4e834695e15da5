"""Owns `llmstep-lsp eval`: its options, and what a person sees while theorems are tried and at the end."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from llmstep_lsp.compose import make_prover, make_sampled
from llmstep_lsp.domain.search import Limits
from llmstep_lsp.edge.options import LeanOption
from llmstep_lsp.edge.output import output
from llmstep_lsp.edge.settings_commands import configured
from llmstep_lsp.errors import InputError
from llmstep_lsp.evaluation.evaluator import Evaluator, Task
from llmstep_lsp.evaluation.folder import Folder, Kept
from llmstep_lsp.evaluation.record import Outcome, Record
from llmstep_lsp.evaluation.report import Table as Said
from llmstep_lsp.evaluation.report import tables, write_report
from llmstep_lsp.evaluation.theorems import Theorem, read_theorems


def evaluate(  # noqa: PLR0913  # one parameter is one option
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="THEOREMS...",
            help="Lean files with `sorry`, folders of such; .jsonl as miniF2F's, .json as LeanDojo's.",
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="The folder for records and the report.")],
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Who proposes steps: generators with spaces between; several sets are compared."
        ),
    ] = None,
    expansion: Annotated[int, typer.Option(min=1, help="How many steps are tried at a proof state.")] = 32,
    nodes: Annotated[int, typer.Option(min=1, help="How many proof states are looked at.")] = 100,
    seconds: Annotated[float, typer.Option(min=1, help="Time for each theorem.")] = 60.0,
    depth: Annotated[int, typer.Option(min=1, help="How many steps a proof may have.")] = 12,
    single: Annotated[bool, typer.Option("--single", help="Do not search: judge the first steps.")] = False,
    k: Annotated[int, typer.Option(min=1, help="With --single: how many steps are judged.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Start of all chance.")] = 0,
    root: Annotated[Path, typer.Option(help="The project that JSON tells of.", show_default="here")] = Path(),
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Work on a Ray cluster; `local` starts one.")
    ] = None,
    lean: LeanOption = None,
) -> None:
    """Search for a proof of each theorem, and say how many are solved by each set of generators.

    If it is interrupted, run it again: theorems that are done are not tried again.
    """
    theorems = read_theorems(paths, root)
    names = list(dict.fromkeys(sets or ["symbolic"]))
    task = Task(
        Limits(seconds=seconds, nodes=nodes, depth=depth, expansion=expansion, node_share=1.0),
        k if single else None,
    )
    chosen = configured(Path(), {"lean": lean}).lean
    settings: dict[str, Any] = {
        "theorems": f"{len(theorems)} of {' '.join(map(str, paths))}, {digest_of(theorems)}",
        "sets": names,
        **({"k": k} if single else {"expansion": expansion, "nodes": nodes, "depth": depth}),
        "seconds": seconds,
        "seed": seed,
        "lean": chosen,
    }
    make = partial(_make, lean=chosen, seed=seed, task=task)
    for name in names:
        make(name)  # a wrong name is told before anything is done
    records = measured(out, settings, theorems, names, make, ray=ray)
    write_report(out, settings, records, task.first)
    if task.first is None:
        _draw(records, out / "solved.png")
    show(tables(records, task.first))
    require_success(records, out)


def measured(  # noqa: PLR0913  # all that decides what is measured
    out: Path,
    settings: dict[str, Any],
    theorems: Sequence[Theorem],
    names: Sequence[str],
    make: "partial[Evaluator]",
    *,
    ray: str | None = None,
) -> list[Record]:
    """What comes of `theorems` with each of the sets `names`; what is in the folder `out` already is kept.

    Raises:
        InputError: `out` is of something else, or there is no such Ray cluster.
        GeneratorError: a generator cannot be started.
        LeanNotFoundError: there is no Lean.
    """
    folder = Folder(out, settings)
    missing = {name: [one for one in theorems if (name, *one.key) not in folder.records] for name in names}
    with progress(len(names) * len(theorems), len(folder.records)) as told:

        def keep(record: Record) -> None:
            folder.add(record)
            told(f"{record.theorem}: {record.outcome}")

        if ray is not None:
            _over_ray(ray, make, missing, keep)
        else:
            asyncio.run(_here(make, missing, keep))
    return [folder.records[name, *one.key] for name in names for one in theorems]


def require_success(records: Sequence[Kept], out: Path) -> None:
    """End the command with exit code 1, and what to do, if any of `records` says that something failed."""
    if failed := sum(one.outcome is Outcome.FAILED for one in records):
        typer.echo(
            f"{failed} failed; {out / 'records.jsonl'} says why. "
            "Run the same command again to try only these.",
            err=True,
        )
        raise typer.Exit(1)


def _make(
    name: str, before: Evaluator | None = None, *, lean: str | None, seed: int, task: Task
) -> Evaluator:
    """The evaluator of the generators `name`, over the same Lean as the one `before`.

    Raises:
        InputError: they cannot be made.
    """
    prover = before.prover if before else make_prover(lean)
    samples = task.first or task.limits.expansion
    return Evaluator(name, prover, make_sampled(name.split(), samples, seed), lean, task)


async def _here(
    make: "partial[Evaluator]", missing: dict[str, list[Theorem]], keep: Callable[[Record], None]
) -> None:
    """One theorem after the other."""
    evaluator: Evaluator | None = None
    try:
        for name, theorems in missing.items():
            if not theorems:
                continue
            evaluator = make(name, evaluator)
            try:
                await evaluator.warm()
                for theorem in theorems:
                    keep(await evaluator.evaluate(theorem))
            finally:
                await evaluator.aclose()
    finally:
        if evaluator:
            await evaluator.prover.aclose()


def _over_ray(
    address: str,
    make: "partial[Evaluator]",
    missing: dict[str, list[Theorem]],
    keep: Callable[[Record], None],
) -> None:
    """Several theorems at a time, on the Ray cluster at `address`.

    Raises:
        InputError: there is no Ray, or no such cluster.
    """
    try:
        from llmstep_lsp.evaluation.over_ray import (  # noqa: PLC0415  # the extra `ray`
            connected,
            evaluate_over_ray,
        )
    except ImportError as error:
        raise InputError(f"Ray is not there ({error}): pip install 'llmstep-lsp[ray]'") from error
    with connected(address):
        for name, theorems in missing.items():
            for record in evaluate_over_ray(partial(make, name), name, theorems):
                keep(record)


def digest_of(theorems: Sequence[Theorem]) -> str:
    """What tells a list of theorems from another one."""
    said = repr([(one.key, one.name, one.snapshot.text) for one in theorems])
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def _draw(records: Sequence[Record], file: Path) -> None:
    try:
        from llmstep_lsp.evaluation.plot import plot_solved  # noqa: PLC0415  # the extra `bench`
    except ImportError as error:
        typer.echo(f"Nothing is drawn ({error}): pip install 'llmstep-lsp[bench]'", err=True)
        return
    plot_solved(records, file)


@contextmanager
def progress(total: int, done: int) -> Iterator[Callable[[str], None]]:
    """Shows on standard error how much is done, and what was said of the last one, if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total, completed=done)
        yield lambda said: bar.update(task, advance=1, description=said)


def show(made: Sequence[Said]) -> None:
    """Print tables."""
    for one in made:
        table = Table(show_header=True, header_style="dim", box=box.SIMPLE)
        for number, heading in enumerate(one.headings):
            table.add_column(heading, justify="left" if number == 0 or heading == "B" else "right")
        for row in one.rows:
            table.add_row(*row)
        output().print(table)
