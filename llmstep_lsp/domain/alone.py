"""Owns a file in which one declaration is left to prove."""

from llmstep_lsp.domain.commands import command_at
from llmstep_lsp.domain.sites import sorries


def alone(text: str, line: int) -> str:
    """`text` with empty lines where declarations with `sorry` other than that at `line` stand.

    They are not proved either, so nothing may rest on them.
    """
    kept = command_at(text, line)
    others = {command_at(text, position.line) for position in sorries(text)} - {kept}
    # Of a `mutual` block, each declaration is a command of the same lines.
    gone = {number for other in others for number in range(other.first, other.last + 1)}
    gone -= set(range(kept.first, kept.last + 1))
    return "\n".join("" if number in gone else one for number, one in enumerate(text.split("\n")))
