"""Owns what of a file may help with a goal: its declarations, those that share rare names with it first."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from llmstep_lsp.domain.lexing import mask, tokens
from llmstep_lsp.domain.model import Goal

_DECLARED = re.compile(
    r"^[ \t]*(?:@\[[^\]]*\]\s*)*(?:(?:private|protected|public|noncomputable|partial|nonrec|unsafe)\s+)*"
    r"(?P<keyword>theorem|lemma|def|abbrev|example|instance|structure|class|inductive)\b"
    r"\s*(?P<name>[^\s(){}\[\]:⦃«]*)",
    re.MULTILINE,
)
# Where a declaration's text ends at the latest: an empty line, or a command at the margin.
_END = re.compile(r"\n(?=[ \t]*\n|[@#\w])")
_BODY = re.compile(r":=|\bby\b|\bwhere\b|\n[ \t]*\|")

# How much more a name counts in the target than in a hypothesis.
_TARGET = 3


@dataclass(frozen=True)
class Declaration:
    """A declaration of a file: `text` is all of it, `statement` what stands before its value or proof."""

    keyword: str
    name: str
    statement: str
    text: str

    @property
    def is_lemma(self) -> bool:
        """Whether it states something."""
        return self.keyword in {"theorem", "lemma"}


def declarations(context: str) -> list[Declaration]:
    """What is declared in `context`, the file's text above a goal; the last one, of the goal, is left out."""
    code = mask(context)
    found = list(_DECLARED.finditer(code))
    return [_declaration(context, code, one, after.start()) for one, after in pairwise(found)]


def nearest(goal: Goal, declared: Sequence[Declaration]) -> list[Declaration]:
    """Those of `declared` that share a name with `goal`, the nearest first.

    What defines a name of the goal comes before lemmas.  A shared name counts the more, the
    fewer of the declarations have it (its inverse document frequency), and most in the
    target.  Of two that are equally near, the later one in the file comes first.
    """
    variables = {name for hypothesis in goal.hypotheses for name in hypothesis.names}
    targeted = names(goal.target) - variables
    wanted = names(goal.text) - variables
    mentioned = [_mentioned(one) for one in declared]
    frequency = Counter(name for each in mentioned for name in each)

    def weight(name: str) -> float:
        return math.log1p(len(declared) / frequency[name]) * (_TARGET if name in targeted else 1)

    weights = [sum(map(weight, each & wanted)) for each in mentioned]
    order = sorted(range(len(declared)), key=lambda i: (declared[i].is_lemma, -weights[i], -i))
    return [declared[i] for i in order if weights[i] > 0]


def names(text: str) -> set[str]:
    """The names in `text`, and the parts of those with dots."""
    whole = {token for token in tokens(text) if token[0].isalpha()}
    return whole | {part for name in whole for part in name.split(".")}


def _mentioned(declaration: Declaration) -> set[str]:
    """What a goal must mention to be near: names of a lemma's statement, or the name that is defined."""
    if declaration.is_lemma:
        return names(declaration.statement)
    return {declaration.name, declaration.name.rpartition(".")[2]} - {""}


def _declaration(context: str, code: str, found: re.Match[str], limit: int) -> Declaration:
    end = _END.search(code, found.end(), limit)
    text = context[found.start() : end.start() if end else limit].strip()
    body = _BODY.search(code, found.end(), found.start() + len(text))
    statement = context[found.end() : body.start() if body else found.start() + len(text)]
    return Declaration(found["keyword"], found["name"], statement.strip(), text)
