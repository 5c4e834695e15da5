"""Owns the figures that answer the questions, as they go into tables and JSON."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from llmstep_lsp.domain.model import Status
from llmstep_lsp.evaluation.record import Outcome
from llmstep_lsp.evaluation.report import Table, interval, share
from llmstep_lsp.evaluation.statistics import Accepted, Rate, rate
from llmstep_lsp.science.prefixes import same
from llmstep_lsp.science.record import Asked, Judged, ModelRecord, StepRecord

_CLOSING = {Status.FINISHES, Status.CLOSES}
_ACCEPTED = {*_CLOSING, Status.ADVANCES}
_RECALLED = (1, 8, 32)


@dataclass(frozen=True)
class AtPrefix:
    """Of the steps with that many `tokens`: how many have a candidate of each kind."""

    tokens: int
    accepted: Rate
    closes: Rate
    human: Rate


@dataclass(frozen=True)
class Beside:
    """A median over the steps where Lean accepts both: of people's steps, and of the best candidates."""

    what: str
    human: float
    model: float


@dataclass(frozen=True)
class Comparison:
    """How people's steps compare with a generator's.

    `ranks` are those of people's steps among the candidates, from 1, None where it is not there.
    `accepted` says in how many places Lean accepts the person's step where the file is cut, `both` where
    that and a candidate; the rest is over the latter.
    """

    ranks: tuple[int | None, ...]
    recall: tuple[tuple[int, Rate], ...]
    accepted: Rate
    both: Rate
    medians: tuple[Beside, ...]
    shorter: Rate
    fewer_goals: Rate
    equal: Rate


@dataclass(frozen=True)
class Scaled:
    """A model, and what its first candidates are worth."""

    model: ModelRecord
    perplexity: float | None
    accepted: Accepted


def measured(records: Sequence[StepRecord]) -> list[StepRecord]:
    """Those of which something is known."""
    return [one for one in records if one.outcome is Outcome.JUDGED]


def by_prefix(records: Sequence[StepRecord], longest: int, least: int = 0) -> list[AtPrefix]:
    """One for each number of tokens up to `longest`, over the steps that have `least` of them at least."""
    counted = [one for one in measured(records) if len(one.asked) > least]
    rows = []
    for tokens in range(longest + 1):
        asked = [(one, one.asked[tokens]) for one in counted if len(one.asked) > tokens]
        rows.append(
            AtPrefix(
                tokens,
                rate(sum(_any(at, _ACCEPTED) for _, at in asked), len(asked)),
                rate(sum(_any(at, _CLOSING) for _, at in asked), len(asked)),
                rate(sum(_rank(one, at) is not None for one, at in asked), len(asked)),
            )
        )
    return rows


def compared(records: Sequence[StepRecord], count: int) -> Comparison:
    """What the records of a generator say that was asked for `count` candidates."""
    known = [(one, one.human, one.asked[0]) for one in measured(records) if one.human]
    ranks = tuple(_rank(one, at) for one, _, at in known)
    both = [
        (human, at.candidates[at.best])
        for _, human, at in known
        if human.status in _ACCEPTED and at.best is not None
    ]
    return Comparison(
        ranks=ranks,
        recall=tuple(
            (first, rate(sum(place is not None and place <= first for place in ranks), len(ranks)))
            for first in _RECALLED
            if first <= count
        ),
        accepted=rate(sum(human.status in _ACCEPTED for _, human, _ in known), len(known)),
        both=rate(len(both), len(known)),
        medians=(
            _beside("characters", [(len(human.text), len(best.text)) for human, best in both]),
            _beside("milliseconds", [(human.milliseconds, best.milliseconds) for human, best in both]),
            _beside("goals left", [(human.goals, best.goals) for human, best in both]),
        ),
        shorter=rate(sum(len(best.text) < len(human.text) for human, best in both), len(both)),
        fewer_goals=rate(sum(best.goals < human.goals for human, best in both), len(both)),
        equal=rate(sum(same(best.text, human.text) for human, best in both), len(both)),
    )


def scaled(models: Sequence[ModelRecord], accepted: Sequence[Accepted]) -> list[Scaled]:
    """`models` with what is known of each by its name."""
    by_name = {one.set: one for one in accepted}
    return [
        Scaled(one, None if one.loss is None else math.exp(one.loss), by_name[one.name]) for one in models
    ]


def prefix_table(rows: Sequence[AtPrefix], count: int) -> Table:
    """The rows for people."""
    headings = ("tokens", f"accepted@{count}", "95 %", f"closes@{count}", "95 %", f"human@{count}", "95 %")
    return Table(
        headings,
        tuple((str(one.tokens), *_cells(one.accepted, one.closes, one.human)) for one in rows),
    )


def human_tables(found: Comparison) -> list[Table]:
    """The comparison for people."""
    shares = [
        *((f"human step among the first {first}", value) for first, value in found.recall),
        ("Lean accepts the human step", found.accepted),
        ("Lean accepts that and a candidate", found.both),
        ("… the best candidate is shorter", found.shorter),
        ("… it leaves fewer goals", found.fewer_goals),
        ("… it is the human step", found.equal),
    ]
    return [
        Table(
            ("median", "human", "best candidate"),
            tuple((one.what, f"{one.human:g}", f"{one.model:g}") for one in found.medians),
        ),
        Table(("share of steps", "", "95 %"), tuple((what, *_cells(value)) for what, value in shares)),
    ]


def scaling_table(rows: Sequence[Scaled], count: int) -> Table:
    """The models for people."""
    headings = ("model", "parameters", "steps", "epochs", "held-out loss", "perplexity")
    others = (f"accepted@{count}", "95 %", f"closes@{count}", "95 %", "ms")
    return Table(
        (*headings, *others),
        tuple(
            (
                one.model.model,
                f"{one.model.parameters:,}",
                str(one.model.steps),
                f"{one.model.epochs:g}",
                "" if one.model.loss is None else f"{one.model.loss:.3f}",
                "" if one.perplexity is None else f"{one.perplexity:.2f}",
                *_cells(one.accepted.at_k, one.accepted.closes),
                f"{one.model.milliseconds:.0f}",
            )
            for one in rows
        ),
    )


def counted(records: Sequence[StepRecord]) -> str:
    """How many steps there are, and how many of them were not compared."""
    absent = sum(one.outcome is Outcome.NOT_STATED for one in records)
    failed = sum(one.outcome is Outcome.FAILED for one in records)
    return f"{len(measured(records))} compared, {absent} not stated, {failed} failed"


def _any(asked: Asked, wanted: set[Status]) -> bool:
    return any(one.status in wanted for one in asked.candidates)


def _rank(record: StepRecord, asked: Asked) -> int | None:
    """The place of the person's step among the candidates, from 1."""
    human: Judged | None = record.human
    places = (i for i, one in enumerate(asked.candidates, 1) if human and same(one.text, human.text))
    return next(places, None)


def _beside(what: str, pairs: Sequence[tuple[float, float]]) -> Beside:
    return Beside(
        what, median([human for human, _ in pairs] or [0]), median([model for _, model in pairs] or [0])
    )


def _cells(*rates: Rate) -> tuple[str, ...]:
    return tuple(cell for one in rates for cell in (share(one), interval(one)))
