"""Owns how a file is cut at a step of a proof: the step and all behind it are gone."""

from dataclasses import dataclass

from llmstep_lsp.domain.commands import command_at
from llmstep_lsp.domain.lexing import mask
from llmstep_lsp.domain.model import Site
from llmstep_lsp.domain.text import Position, Range, offset

_CLOSERS = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "⦃": "⦄"}


@dataclass(frozen=True)
class Cut:
    """The text `above` a step, with what Lean needs behind it to read it, and the site of the step."""

    text: str
    above: str
    site: Site


def cut(text: str, step: Position) -> Cut:
    """LF-only `text` up to `step`; brackets that are open there, and a `mutual`, are closed behind it."""
    above = text[: offset(text, step)]
    command = command_at(text, step.line).first
    code = "\n".join(mask(above).split("\n")[command:])
    closers = "".join(reversed(_open(code)))
    ending = "\nend" if code.startswith("mutual") else ""
    return Cut(above + closers + ending, above, Site(Range(step, step), "", step.column))


def _open(code: str) -> list[str]:
    """What closes the brackets that are open at the end of `code`, the outermost first."""
    closers: list[str] = []
    for character in code:
        if character in _CLOSERS:
            closers.append(_CLOSERS[character])
        elif closers and character == closers[-1]:
            closers.pop()
    return closers
