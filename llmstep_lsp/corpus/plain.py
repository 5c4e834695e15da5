"""Owns made-up statements that need no definitions: of propositional logic, and of linear arithmetic."""

import random
from collections.abc import Callable, Iterator
from itertools import product

from llmstep_lsp.corpus.sheets import Sheet, Task

_PROPOSITIONS = "pqrs"
_NUMBERS = "abcxyz"
_TRIES = 200

_Meaning = Callable[[dict[str, bool]], bool]


def logic_sheet(name: str, count: int, rng: random.Random) -> Sheet:
    """Consequences of a few propositions, each with hypotheses that are all needed."""
    tasks = (Task(f"logic_{i}", found) for i, found in enumerate(_many(_consequence, count, rng)))
    return Sheet(name, tasks=tuple(tasks))


def arithmetic_sheet(name: str, count: int, rng: random.Random) -> Sheet:
    """Linear facts about natural numbers and integers, tested on many values."""
    tasks = (Task(f"linear_{i}", found) for i, found in enumerate(_many(_linear, count, rng)))
    return Sheet(name, tasks=tuple(tasks))


def _many(make: Callable[[random.Random], str | None], count: int, rng: random.Random) -> Iterator[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        statement = make(rng)
        if statement:
            found[statement] = None
    yield from found


def _formula(rng: random.Random, depth: int) -> tuple[str, _Meaning]:
    """A formula in which every part has brackets, and what it means."""
    if depth == 0 or rng.random() < 0.25:  # noqa: PLR2004
        letter = rng.choice(_PROPOSITIONS)
        return letter, lambda world: world[letter]
    if rng.random() < 0.15:  # noqa: PLR2004
        text, meaning = _formula(rng, depth - 1)
        return f"¬{text}" if len(text) == 1 else f"¬({text})", lambda world: not meaning(world)
    (left, a), (right, b) = _formula(rng, depth - 1), _formula(rng, depth - 1)
    symbol = rng.choice("∧∧∨→↔")
    meanings: dict[str, _Meaning] = {
        "∧": lambda world: a(world) and b(world),
        "∨": lambda world: a(world) or b(world),
        "→": lambda world: not a(world) or b(world),
        "↔": lambda world: a(world) == b(world),
    }
    return f"{_bracketed(left)} {symbol} {_bracketed(right)}", meanings[symbol]


def _bracketed(text: str) -> str:
    return f"({text})" if " " in text else text


def _consequence(rng: random.Random) -> str | None:
    worlds = [dict(zip(_PROPOSITIONS, w, strict=True)) for w in product((False, True), repeat=4)]
    for _ in range(_TRIES):
        given = [_formula(rng, rng.choice((1, 1, 2))) for _ in range(rng.choice((0, 1, 1, 2, 2, 3)))]
        goal, meaning = _formula(rng, rng.choice((0, 1, 1, 2)))

        def follows(kept: list[tuple[str, _Meaning]], meant: _Meaning = meaning) -> bool:
            return all(meant(world) for world in worlds if all(m(world) for _, m in kept))

        if goal in {text for text, _ in given} or not follows(given):
            continue
        if any(follows([other for other in given if other is not one]) for one in given):
            continue
        if not any(all(m(world) for _, m in given) for world in worlds):
            continue
        texts = [*(text for text, _ in given), goal]
        letters = sorted({c for text in texts for c in text if c in _PROPOSITIONS})
        names = ("h", "k", "l") if rng.random() < 0.3 else ("h₁", "h₂", "h₃") if len(given) > 1 else ("h",)  # noqa: PLR2004
        hypotheses = "".join(f" ({name} : {text})" for name, (text, _) in zip(names, given, strict=False))
        return f" ({' '.join(letters)} : Prop){hypotheses} : {goal}"
    return None


def _linear(rng: random.Random) -> str | None:
    letters = rng.sample(_NUMBERS, rng.choice((2, 2, 3)))
    kind = rng.choice(("Nat", "Nat", "Int"))
    values = [{one: rng.randrange(-9 if kind == "Int" else 0, 12) for one in letters} for _ in range(400)]
    for _ in range(_TRIES):
        given = [_comparison(rng, letters) for _ in range(rng.choice((1, 1, 2)))]
        goal, meaning = _comparison(rng, letters)
        holding = [value for value in values if all(m(value) for _, m in given)]
        if len(holding) < 8 or not all(meaning(value) for value in holding):  # noqa: PLR2004
            continue
        if all(meaning(value) for value in values) or goal in {text for text, _ in given}:
            continue
        hypotheses = "".join(f" (h{i} : {text})" for i, (text, _) in enumerate(given, 1))
        return f" ({' '.join(sorted(letters))} : {kind}){hypotheses} : {goal}"
    return None


def _comparison(rng: random.Random, letters: list[str]) -> tuple[str, Callable[[dict[str, int]], bool]]:
    def side() -> tuple[str, Callable[[dict[str, int]], int]]:
        parts = rng.sample(letters, rng.choice((1, 1, 2)))
        factors = [rng.choice((1, 1, 1, 2, 3)) for _ in parts]
        more = rng.choice((0, 0, 0, 1, 2, 5))
        written = [p if f == 1 else f"{f} * {p}" for p, f in zip(parts, factors, strict=True)]
        text = " + ".join([*written, *([str(more)] if more else [])])
        return text, lambda v: sum(f * v[p] for p, f in zip(parts, factors, strict=True)) + more

    (left, a), (right, b) = side(), side()
    symbol = rng.choice("≤≤<=≠")
    meanings: dict[str, Callable[[dict[str, int]], bool]] = {
        "≤": lambda v: a(v) <= b(v),
        "<": lambda v: a(v) < b(v),
        "=": lambda v: a(v) == b(v),
        "≠": lambda v: a(v) != b(v),
    }
    return f"{left} {symbol} {right}", meanings[symbol]
