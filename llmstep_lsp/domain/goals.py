"""Owns reading Lean's rendering of a goal (`Lean.Meta.ppGoal`)."""

import re

from llmstep_lsp.domain.model import Goal, Hypothesis

_CASE = re.compile(r"case (?P<name>\S.*)\Z")
_HYPOTHESIS = re.compile(r"(?P<names>[^\s:][^:]*?) : (?P<rest>.*)\Z", re.DOTALL)
_METAVARIABLE = re.compile(r"\?[\w✝.]+")


def parse_goal(text: str) -> Goal:
    """The goal that Lean shows as `text`."""
    case, target, hypotheses = None, "", []
    for block in blocks(text):
        if block.startswith(("⊢", "| ")):  # the second in `conv`
            target = block[1:].strip()
        elif found := _CASE.match(block):
            case = found["name"]
        elif found := _HYPOTHESIS.match(block):
            kind, _, value = found["rest"].partition(" := ")
            hypotheses.append(Hypothesis(tuple(found["names"].split()), kind.strip(), value.strip() or None))
    return Goal(text, target, tuple(hypotheses), case)


def same_goals(left: tuple[Goal, ...], right: tuple[Goal, ...]) -> bool:
    """Whether two lists of goals read the same but for the numbers of metavariables."""
    return [_anonymous(g) for g in left] == [_anonymous(g) for g in right]


def _anonymous(goal: Goal) -> str:
    return _METAVARIABLE.sub("?_", goal.text)


def blocks(text: str) -> list[str]:
    """The entries of a goal: lines at column 0, each with the indented lines that follow it."""
    blocks: list[str] = []
    for line in text.split("\n"):
        if blocks and line[:1] == " ":
            blocks[-1] += "\n" + line
        else:
            blocks.append(line)
    return blocks
