"""Owns `llmstep-lsp bench all`: its options, and how each part is measured and all of them are told."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from llmstep_lsp.adapters.lean.toolchain import Toolchain, find_toolchain
from llmstep_lsp.bench.circumstances import Circumstances, circumstances_of
from llmstep_lsp.bench.lsp import Report, measure_lsp
from llmstep_lsp.bench.parts import Part, Parts
from llmstep_lsp.bench.prove import own_theorems
from llmstep_lsp.bench.report import Evaluation, Results, Verified, report_json, report_markdown
from llmstep_lsp.bench.runtime import Runtimes, measure_runtime, read_cases
from llmstep_lsp.bench.verify import measure_verify
from llmstep_lsp.compose import make_measured, make_prover, make_sampled
from llmstep_lsp.domain.search import Limits
from llmstep_lsp.edge.eval_command import digest_of, measured
from llmstep_lsp.edge.options import MeasuredGeneratorsOption, MeasuredLeanOption, MeasuredModelOption
from llmstep_lsp.edge.settings import SETTINGS, Settings, variable
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.evaluation.evaluator import Evaluator, Task
from llmstep_lsp.evaluation.record import Outcome
from llmstep_lsp.evaluation.statistics import solved
from llmstep_lsp.evaluation.theorems import Theorem, read_theorems
from llmstep_lsp.ports import Generator

Progress = Callable[[str], None]

# As the single commands have them.
_STEPS_A_CASE = 10
_EXPANSION = 32
_VERIFY_ROUNDS, _LSP_ROUNDS = 3, 6
# With --quick; there, rounds are one.
_QUICK_CASES = 4
_QUICK_THEOREMS = 8
_PICTURE = "report.png"


@dataclass(frozen=True)
class _Plan:
    """What is measured: who judges, who proposes, and how much; results go to the folder `out`."""

    out: Path
    lean: str | None
    generators: Sequence[str]
    model: str | None
    theorems: Sequence[Theorem]
    seconds: float
    seed: int
    quick: bool

    def sampled(self) -> list[Generator]:
        """All generators, as they are asked about theorems.

        Raises:
            InputError: one cannot be made.
        """
        return make_sampled(self.all, _EXPANSION, self.seed)

    @property
    def all(self) -> list[str]:
        """The generators and the model, as they are written."""
        return [name for name, _ in make_measured(self.generators, self.model)]


def bench_all(  # noqa: PLR0913  # one parameter is one option
    *,
    out: Annotated[Path, typer.Option(help="The folder for the report and what it is made of.")],
    lean: MeasuredLeanOption = None,
    generators: MeasuredGeneratorsOption = None,
    model: MeasuredModelOption = None,
    theorems: Annotated[
        list[Path] | None,
        typer.Option(help="What to prove, as `eval` reads it; the goals of `bench prove` by default."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="Time for each theorem.")] = 15.0,
    seed: Annotated[int, typer.Option(min=0, help="Start of all chance in `eval`.")] = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="A first look: one round, short files, eight theorems.")
    ] = False,
) -> None:
    """Runtime, verify, lsp and eval in one report, with the machine, the versions and the commit.

    If it is interrupted, run it again: parts that are done are not measured again.
    """
    found = read_theorems(theorems, Path()) if theorems else own_theorems(Path())
    read = " ".join(map(str, theorems)) if theorems else "bench prove"
    chosen = found[:_QUICK_THEOREMS] if quick else found
    plan = _Plan(out, lean, generators or Settings().generators, model, chosen, seconds, seed, quick)
    settings: dict[str, Any] = {
        "lean": lean,
        "generators": list(plan.generators),
        "model": model,
        "theorems": f"{len(chosen)} of {len(found)} of {read}, {digest_of(chosen)}",
        "seconds": seconds,
        "seed": seed,
        "quick": quick,
    }
    plan.sampled()  # a wrong name is told before anything is done
    toolchain = find_toolchain(Path(), lean)
    circumstances = circumstances_of(toolchain, sys.argv[1:])
    parts = Parts(out, {**settings, **_fixed(circumstances)})
    results = _measure(parts, plan, toolchain)
    parts.write("report.json", report_json(circumstances, settings, results))
    parts.write("report.md", report_markdown(circumstances, settings, results, _draw(results, out)))
    typer.echo(f"Written: {out / 'report.md'}", err=True)
    if any(one.failed for one in results.all):
        typer.echo("Run the same command again to measure only what failed.", err=True)
        raise typer.Exit(1)


def plain_server(
    lean: str | None, generators: Sequence[str] | None, model: str | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """The options and the environment of a server that this person has set nothing else for.

    Their own settings would make figures that cannot be compared.
    """
    given = {"lean": lean, "generators": generators or Settings().generators, "model": model}
    personal = {variable(setting) for setting in SETTINGS.values()}
    environment = {name: value for name, value in os.environ.items() if name not in personal}
    return {key: value for key, value in given.items() if value}, environment


def _fixed(circumstances: Circumstances) -> dict[str, Any]:
    """Circumstances that all parts of a report must share."""
    source = circumstances.source
    return {
        "machine": f"{circumstances.machine.cpu}, {circumstances.machine.cores} cores",
        "Lean": circumstances.lean,
        "versions": circumstances.versions,
        "commit": source and source.commit,
    }


def _measure(parts: Parts, plan: _Plan, toolchain: Toolchain) -> Results:
    def progress(stage: str) -> None:
        typer.echo(stage, err=True)

    modelless = plan.all == ["symbolic"]
    without = "Not measured: no model is among the generators." if modelless else ""
    return Results(
        parts.result(Part("runtime", Runtimes, partial(_runtime, plan, progress), without), progress),
        parts.result(Part("verify", Verified, partial(_verify, plan, toolchain, progress)), progress),
        parts.result(Part("lsp", Report, partial(_lsp, plan, progress)), progress),
        parts.result(Part("eval", Evaluation, partial(_eval, plan)), progress),
    )


def _runtime(plan: _Plan, progress: Progress) -> Runtimes:
    cases = read_cases(None)[: _QUICK_CASES if plan.quick else None]
    generators = make_measured(plan.generators, plan.model)
    return asyncio.run(measure_runtime(generators, cases, _STEPS_A_CASE, progress))


def _verify(plan: _Plan, toolchain: Toolchain, progress: Progress) -> Verified:
    rounds = 1 if plan.quick else _VERIFY_ROUNDS
    here = Path().absolute()
    return Verified(tuple(asyncio.run(measure_verify(here, toolchain, rounds, progress, short=plan.quick))))


def _lsp(plan: _Plan, progress: Progress) -> Report:
    rounds = 1 if plan.quick else _LSP_ROUNDS
    options, environment = plain_server(plan.lean, plan.generators, plan.model)
    return measure_lsp(options, environment, rounds, progress, short=plan.quick)


def _eval(plan: _Plan) -> Evaluation:
    """What comes of all theorems; those that are done are kept in a folder of their own.

    Raises:
        GeneratorError: one failed.
    """
    name, folder = " ".join(plan.all), plan.out / "eval"
    settings = {"theorems": digest_of(plan.theorems), "seconds": plan.seconds, "seed": plan.seed}
    records = measured(folder, settings, plan.theorems, [name], partial(_evaluator, plan=plan))
    if failed := [one for one in records if one.outcome is Outcome.FAILED]:
        raise GeneratorError(
            f"{len(failed)} of {len(records)} theorems failed, and {folder / 'records.jsonl'} says why; "
            f"the first: {failed[0].reason}"
        )
    return Evaluation(tuple(solved(records)), tuple(records))


def _evaluator(name: str, before: Evaluator | None = None, *, plan: _Plan) -> Evaluator:
    """That of all generators, which are called `name`, over the same Lean as the one `before`."""
    prover = before.prover if before else make_prover(plan.lean)
    limits = Limits(seconds=plan.seconds, expansion=_EXPANSION, node_share=1.0)
    return Evaluator(name, prover, plan.sampled(), plan.lean, Task(limits, None))


def _draw(results: Results, out: Path) -> str:
    """Draw the picture; what the report says of it."""
    try:
        from llmstep_lsp.bench.picture import plot_results  # noqa: PLC0415  # the extra `bench`
    except ImportError as error:
        said = f"Nothing is drawn ({error}): pip install 'llmstep-lsp[bench]'"
        typer.echo(said, err=True)
        return said
    plot_results(results, out / _PICTURE)
    return f"![The figures]({_PICTURE})"
