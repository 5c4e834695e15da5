"""Owns what `llmstep-lsp bench all` says of all parts: one text for people, one for programs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llmstep_lsp.bench.circumstances import Circumstances
from llmstep_lsp.bench.lsp import Report
from llmstep_lsp.bench.parts import Figures, Result, json_of
from llmstep_lsp.bench.runtime import Runtimes
from llmstep_lsp.bench.tables import lsp_caption, lsp_tables, runtime_table, verify_table
from llmstep_lsp.bench.verify import Measurement
from llmstep_lsp.evaluation.record import Record
from llmstep_lsp.evaluation.report import markdown, tables
from llmstep_lsp.evaluation.statistics import Solved


@dataclass(frozen=True)
class Verified:
    """How fast candidates are judged."""

    rows: tuple[Measurement, ...]


@dataclass(frozen=True)
class Evaluation:
    """How many theorems are proved by each set, and what came of each theorem."""

    sets: tuple[Solved, ...]
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Results:
    """What came of each part."""

    runtime: Result[Runtimes]
    verify: Result[Verified]
    lsp: Result[Report]
    eval: Result[Evaluation]

    @property
    def all(self) -> tuple[Result[Any], ...]:
        """One after the other."""
        return self.runtime, self.verify, self.lsp, self.eval


def report_json(circumstances: Circumstances, settings: Mapping[str, Any], results: Results) -> str:
    """All that is known."""
    return json_of({"circumstances": circumstances, "settings": dict(settings), "parts": results})


def report_markdown(
    circumstances: Circumstances, settings: Mapping[str, Any], results: Results, picture: str
) -> str:
    """The report; `picture` shows the picture, or says why there is none."""
    machine, source = circumstances.machine, circumstances.source
    kind = "WebAssembly" if circumstances.webassembly else "native"
    commit = "not run from a git checkout"
    if source:
        commit = source.commit + (", with uncommitted changes" if source.changed else "")
    lines = [
        "# Benchmarks of llmstep-lsp",
        "",
        f"    {circumstances.command}",
        "",
        f"* date: {circumstances.date}",
        f"* machine: {machine.cpu}, {machine.cores} cores, {machine.memory} GiB of memory, {machine.system}",
        *(f"* model: {name}: {said}" for name, said in _models(results).items()),
        f"* Lean: {kind}, {circumstances.lean}",
        f"* versions: {', '.join(f'{name} {number}' for name, number in circumstances.versions.items())}",
        f"* commit: {commit}",
        *(f"* {name}: {_word(value)}" for name, value in settings.items() if value is not None),
        "",
        picture,
    ]
    sections = [
        _section("runtime: how long generators take to propose steps", results.runtime, _runtime),
        _section("verify: how fast candidates are judged", results.verify, _verify),
        _section("lsp: how long an editor waits", results.lsp, _lsp),
        _section("eval: how many theorems are proved", results.eval, _eval),
    ]
    return "\n\n".join(["\n".join(lines), *sections]) + "\n"


def _section(title: str, result: Result[Figures], said: Callable[[Figures], list[str]]) -> str:
    if result.figures is None:
        why = f"Failed after {result.seconds} s: {result.reason}" if result.failed else result.reason
        return f"## {title}\n\n{why}"
    measured = f"Measured at {result.date}, in {result.seconds} s; load before: {result.load}."
    return "\n\n".join([f"## {title}", measured, *said(result.figures)])


def _runtime(found: Runtimes) -> list[str]:
    return [markdown(runtime_table(found.rows))]


def _verify(found: Verified) -> list[str]:
    return [markdown(verify_table(found.rows))]


def _lsp(found: Report) -> list[str]:
    return [*map(markdown, lsp_tables(found)), lsp_caption(found)]


def _eval(found: Evaluation) -> list[str]:
    return [*map(markdown, tables(found.records, None)), "What came of each theorem is in `eval/`."]


def _models(results: Results) -> dict[str, str]:
    return results.runtime.figures.models if results.runtime.figures else {}


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)
