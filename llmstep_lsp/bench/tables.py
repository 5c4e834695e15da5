"""Owns what was measured as rows of text, for the console and for a report."""

from collections.abc import Sequence
from itertools import groupby

from llmstep_lsp.bench.lsp import Report
from llmstep_lsp.bench.runtime import Runtime
from llmstep_lsp.bench.verify import PLAIN, Measurement
from llmstep_lsp.evaluation.report import Table


def runtime_table(found: Sequence[Runtime]) -> Table:
    """A row for each generator, method and number of requests at a time."""
    headings = ("generator", "method", "at a time", "s a request", "suggestions/s", "p50 ms", "p95 ms")
    rows = [
        (
            one.generator,
            one.method,
            str(one.concurrent),
            f"{one.seconds / one.requests:.3f}",
            f"{one.suggestions / one.seconds:.1f}",
            f"{one.p50:.0f}",
            f"{one.p95:.0f}",
            "" if one.overhead is None else f"{one.overhead:.0%}",
        )
        for one in found
    ]
    return Table((*headings, "overhead"), tuple(rows))


def verify_table(found: Sequence[Measurement]) -> Table:
    """A row for each file and way."""
    plain = {m.file: m.per_second for m in found if m.way == PLAIN}
    rows = [
        (
            m.file,
            m.way,
            f"{m.per_second:.0f}",
            f"{m.p50:.1f}",
            f"{m.p95:.1f}",
            f"{m.per_second / plain[m.file]:.1f}",
        )
        for m in found
    ]
    return Table(("file", "candidates judged by", "a second", "p50 ms", "p95 ms", "times plain"), tuple(rows))


def lsp_tables(report: Report) -> list[Table]:
    """A table for each file, whose name is the first heading, and one for the server."""
    tables = []
    for file, figures in groupby(report.figures, key=lambda one: one.file):
        rows = [
            (
                one.what,
                one.when,
                str(one.n),
                f"{one.p50:.1f}",
                f"{one.p95:.1f}",
                "" if one.budget is None else "{:.0f} / {:.0f}".format(*one.budget),
                "" if one.met is None else "yes" if one.met else "no",
            )
            for one in figures
        ]
        headings = (file or "the server", "when", "n", "p50 ms", "p95 ms", "budget", "met")
        tables.append(Table(headings, tuple(rows)))
    return tables


def lsp_caption(report: Report) -> str:
    """By whom and on what the figures came about."""
    kind = "the WebAssembly Lean, while budgets are for native Lean" if report.webassembly else "native Lean"
    judged = "in batches, by LLMStep, our Lean package" if report.batches else "one by one"
    return (
        f"{report.lean}: {kind}.\n"
        f"Candidates are proposed by {', '.join(report.generators)}, and judged {judged}.\n"
        f"{report.platform}, {report.cpus} CPUs, load {report.load} before; Python {report.python}, "
        f"pygls {report.pygls}, llmstep-lsp {report.llmstep_lsp}; goals in each file: {report.rounds}."
    )
