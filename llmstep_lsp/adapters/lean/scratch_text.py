"""Owns the text of a scratch document: the user's, with a candidate in it, down to its command's end."""

from llmstep_lsp.domain.commands import Command, command_at
from llmstep_lsp.domain.insertion import inserted
from llmstep_lsp.domain.model import Site, Snapshot
from llmstep_lsp.domain.text import Range

# A tactic that changes nothing.  Lean shows the goals at it, and reports an error at it only if
# an unfinished step above has taken it for its argument (`exact`, and below it `skip`).
PROBE = "skip"
# Without a command behind it, an unfinished step would be reported at the end of the file.
SENTINEL = "\nsection\n"


def scratch_text(snapshot: Snapshot, site: Site, body: str, pad: str = "") -> tuple[str, Range, Command]:
    """The text to ask Lean about, where `body` stands in it, `pad` behind it, and the command around it."""
    text, place = inserted(snapshot, site, body, pad)
    command = command_at(text, place.start.line)
    return _down_to(command, text), place, command


def plain_text(snapshot: Snapshot, site: Site) -> str:
    """The user's text as it is, down to the end of the command around `site`."""
    return _down_to(command_at(snapshot.text, site.range.start.line), snapshot.text)


def _down_to(command: Command, text: str) -> str:
    return "\n".join(text.split("\n")[: command.last + 1]) + SENTINEL
