"""Owns what the records of an evaluation say of each set of generators, and of two sets beside each other."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from llmstep_lsp.domain.model import Status
from llmstep_lsp.evaluation.record import Outcome, Record

_CLOSING = {Status.FINISHES, Status.CLOSES}
_ACCEPTED = {*_CLOSING, Status.ADVANCES}
# The quantile of the normal distribution for 95 %.
_Z = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """Of `of` theorems, `count`; `low` and `high` are Wilson's 95 % interval of that rate."""

    count: int
    of: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class Solved:
    """What search is worth with `set`: `single` proofs have one step.

    Medians are over what was solved; `attempts` and `seconds_in_all` go into all that was measured.
    """

    set: str
    solved: Rate
    single: int
    nodes: float
    candidates: float
    seconds: float
    attempts: int
    seconds_in_all: float
    unknown: int
    refuted: int
    not_stated: int
    failed: int


@dataclass(frozen=True)
class Accepted:
    """What the first candidates of `set` are worth: Lean accepts the first one, any one; any one closes."""

    set: str
    at_1: Rate
    at_k: Rate
    closes: Rate
    seconds: float
    unknown: int
    not_stated: int
    failed: int


@dataclass(frozen=True)
class Pair:
    """Two sets on the theorems that both were measured on, how many of which both did, only one, or neither.

    `ratio` is what `a` did to what `b` did, None if that is nothing; `p` is McNemar's, exact.
    """

    a: str
    b: str
    both: int
    only_a: int
    only_b: int
    neither: int
    ratio: float | None
    p: float


def rate(count: int, of: int) -> Rate:
    """`count` of `of` with its interval; nothing is known of none."""
    if of == 0:
        return Rate(0, 0, 0.0, 0.0, 1.0)
    share = count / of
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    reach = _Z / (1 + _Z**2 / of) * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return Rate(count, of, share, max(0.0, middle - reach), min(1.0, middle + reach))


def mcnemar(only_a: int, only_b: int) -> float:
    """How probable it is that two equally good sets differ so much, or more."""
    different, fewer = only_a + only_b, min(only_a, only_b)
    ways = sum(math.comb(different, k) for k in range(fewer + 1))
    return min(1.0, 2 * ways / float(2**different))


def solved(records: Sequence[Record]) -> list[Solved]:
    """One for each set, in the order of `records`."""
    return [_solved(name, own, Counter(one.outcome for one in own)) for name, own in _sets(records)]


def _solved(name: str, own: Sequence[Record], count: Counter[Outcome]) -> Solved:
    measured = _measured(own)
    done = [one for one in measured if _succeeded(one)]
    return Solved(
        set=name,
        solved=rate(len(done), len(measured)),
        single=sum(len(one.steps) == 1 for one in done),
        nodes=median([one.nodes for one in done] or [0]),
        candidates=median([one.candidates for one in done] or [0]),
        seconds=median([one.seconds for one in done] or [0]),
        attempts=sum(one.candidates for one in measured),
        seconds_in_all=round(sum(one.seconds for one in measured), 3),
        unknown=sum(one.unknown for one in measured),
        refuted=count[Outcome.REFUTED],
        not_stated=count[Outcome.NOT_STATED],
        failed=count[Outcome.FAILED],
    )


def accepted(records: Sequence[Record]) -> list[Accepted]:
    """One for each set, in the order of `records`."""
    return [_accepted(name, own, Counter(one.outcome for one in own)) for name, own in _sets(records)]


def _accepted(name: str, own: Sequence[Record], count: Counter[Outcome]) -> Accepted:
    measured = _measured(own)
    return Accepted(
        set=name,
        at_1=rate(sum(bool(_ACCEPTED & set(one.verdicts[:1])) for one in measured), len(measured)),
        at_k=rate(sum(map(_succeeded, measured)), len(measured)),
        closes=rate(sum(bool(_CLOSING & set(one.verdicts)) for one in measured), len(measured)),
        seconds=median([one.seconds for one in measured] or [0]),
        unknown=sum(one.unknown for one in measured),
        not_stated=count[Outcome.NOT_STATED],
        failed=count[Outcome.FAILED],
    )


def pairs(records: Sequence[Record]) -> list[Pair]:
    """Each two sets."""
    found = []
    for (a, of_a), (b, of_b) in combinations(_sets(records), 2):
        done_a, done_b = ({one.key[1:]: _succeeded(one) for one in _measured(own)} for own in (of_a, of_b))
        count = Counter((done_a[key], done_b[key]) for key in done_a.keys() & done_b.keys())
        both, only_a, only_b = count[True, True], count[True, False], count[False, True]
        ratio = (both + only_a) / (both + only_b) if both + only_b else None
        found.append(Pair(a, b, both, only_a, only_b, count[False, False], ratio, mcnemar(only_a, only_b)))
    return found


def _succeeded(record: Record) -> bool:
    return record.outcome is Outcome.SOLVED or bool(_ACCEPTED & set(record.verdicts))


def _measured(records: Sequence[Record]) -> list[Record]:
    return [one for one in records if one.outcome not in {Outcome.NOT_STATED, Outcome.FAILED}]


def _sets(records: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    names = dict.fromkeys(one.set for one in records)
    return [(name, [one for one in records if one.set == name]) for name in names]
