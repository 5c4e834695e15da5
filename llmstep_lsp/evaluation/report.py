"""Owns what is said of an evaluation at its end: tables for people, and the same figures as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llmstep_lsp.evaluation.record import Record
from llmstep_lsp.evaluation.statistics import Pair, Rate, accepted, pairs, solved


@dataclass(frozen=True)
class Table:
    """Texts by columns; the first one is a name."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(records: Sequence[Record], first: int | None) -> list[Table]:
    """One of the sets, and if there are several one that compares them; `first` as in `Task`."""
    sets = _solved_table(records) if first is None else _accepted_table(records, first)
    compared = pairs(records)
    return [sets, *([_pairs_table(compared, "solved" if first is None else f"@{first}")] if compared else [])]


def write_report(
    folder: Path, settings: Mapping[str, Any], records: Sequence[Record], first: int | None
) -> None:
    """Write `report.json` and `report.md` into `folder`."""
    sets = solved(records) if first is None else accepted(records)
    said = {
        "settings": settings,
        "sets": [asdict(one) for one in sets],
        "pairs": [asdict(one) for one in pairs(records)],
    }
    text = json.dumps(said, ensure_ascii=False, indent=2) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8")
    write_tables(folder, "Evaluation", settings, tables(records, first))


def write_tables(folder: Path, title: str, settings: Mapping[str, Any], made: Sequence[Table]) -> None:
    """Write `report.md` into `folder`: the tables `made`, below the settings."""
    words = "\n".join(f"* {name}: {_word(value)}" for name, value in settings.items())
    drawn = "\n\n".join(map(markdown, made))
    (folder / "report.md").write_text(f"# {title}\n\n{words}\n\n{drawn}\n", encoding="utf-8")


def _solved_table(records: Sequence[Record]) -> Table:
    headings = ("set", "solved", "rate", "95 %", "by one step", "states", "candidates", "tried in all")
    others = ("refuted", "not stated", "failed", "s", "s in all")
    rows = [
        (
            one.set,
            _fraction(one.solved),
            _percent(one.solved),
            interval(one.solved),
            str(one.single),
            f"{one.nodes:g}",
            f"{one.candidates:g}",
            str(one.attempts),
            str(one.refuted),
            str(one.not_stated),
            str(one.failed),
            f"{one.seconds:.1f}",
            f"{one.seconds_in_all:.0f}",
        )
        for one in solved(records)
    ]
    return Table((*headings, *others), tuple(rows))


def _accepted_table(records: Sequence[Record], first: int) -> Table:
    headings = ("set", "accepted@1", "95 %", f"accepted@{first}", "95 %", f"closes@{first}", "95 %")
    rows = [
        (
            one.set,
            *(cell(value) for value in (one.at_1, one.at_k, one.closes) for cell in (share, interval)),
            str(one.not_stated),
            str(one.failed),
            f"{one.seconds:.1f}",
        )
        for one in accepted(records)
    ]
    return Table((*headings, "not stated", "failed", "s"), tuple(rows))


def _pairs_table(compared: Sequence[Pair], what: str) -> Table:
    headings = ("A", "B", f"both {what}", "only A", "only B", "neither", "A : B", "McNemar p")
    rows = [
        (
            one.a,
            one.b,
            *map(str, (one.both, one.only_a, one.only_b, one.neither)),
            "" if one.ratio is None else f"{one.ratio:.2f}",
            f"{one.p:.3g}",
        )
        for one in compared
    ]
    return Table(headings, tuple(rows))


def _word(value: Any) -> str:
    return "; ".join(value) if isinstance(value, list) else "as found" if value is None else str(value)


def markdown(table: Table) -> str:
    """`table` as Markdown."""
    lines = [table.headings, ("---",) * len(table.headings), *table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _fraction(one: Rate) -> str:
    return f"{one.count}/{one.of}"


def _percent(one: Rate) -> str:
    return f"{100 * one.rate:.1f} %"


def share(one: Rate) -> str:
    """The cell that says how many of how many."""
    return f"{_fraction(one)} = {_percent(one)}"


def interval(one: Rate) -> str:
    """The cell that says between which shares the true one probably is."""
    return f"{100 * one.low:.1f}-{100 * one.high:.1f} %"
