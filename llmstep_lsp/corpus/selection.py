"""Owns which pairs are learned from: of no theorem of a test, and few of those that are proved at once."""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from llmstep_lsp.corpus.held_out import is_immediate
from llmstep_lsp.corpus.split import shape
from llmstep_lsp.domain.pairs import Pair
from llmstep_lsp.domain.retrieval import Declaration, declarations
from llmstep_lsp.errors import InputError

_STATES = {"theorem", "lemma", "example"}


def shapes_kept_out(files: Iterable[Path]) -> frozenset[str]:
    """The shapes of all statements in Lean files, or in the field `statement` of JSON lines.

    Raises:
        InputError: one cannot be read.
    """
    return frozenset(shape(one) for file in files for one in _statements(file))


def pair_statement(pair: Pair) -> str:
    """What the theorem of `pair` says; empty if its context does not tell."""
    found = _declared(pair.context)
    return found[-1].statement if found else ""


def instructive(pairs: Iterable[Pair]) -> list[Pair]:
    """`pairs`, but one alone of each theorem that is proved at once: a model would learn little else."""
    found: list[Pair] = []
    for _, of_theorem in groupby(pairs, key=lambda pair: (pair.file, pair.declaration)):
        steps = list(of_theorem)
        lemmas = {one.name for one in declarations(steps[0].context) if one.is_lemma}
        at_once = [one for one in steps if not one.state_after and is_immediate((one.tactic,), lemmas)]
        found += at_once[:1] if at_once and at_once[0].state_before == steps[0].state_before else steps
    return found


def _statements(file: Path) -> Iterator[str]:
    try:
        text = file.read_text("utf-8")
        if file.suffix == ".jsonl":
            text = "\n\n".join(json.loads(line)["statement"] for line in text.splitlines() if line.strip())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{file} cannot be read ({error}): name Lean files, or JSON lines with the field statement."
        ) from error
    return (one.statement for one in _declared(text) if one.keyword in _STATES)


def _declared(text: str) -> list[Declaration]:
    # The last one is taken for that of a goal and left out.
    return declarations(f"{text}\n\nexample")
