"""Owns where a command begins and ends in a file, as far as its text shows it."""

import re
from dataclasses import dataclass

from llmstep_lsp.domain.lexing import mask

_MODIFIER = (
    r"(?:private|protected|public|noncomputable|nonrec|partial|unsafe|meta|scoped|local|"
    r"@\[[^\]]*\])"
)
_KEYWORD = (
    r"(?:theorem|lemma|def|abbrev|example|instance|structure|class|inductive|coinductive|opaque|axiom|mutual|"
    r"namespace|section|end|open|export|variable|universe|attribute|set_option|deriving|import|module|prelude|"
    r"macro|macro_rules|syntax|notation|infix|infixl|infixr|prefix|postfix|elab|elab_rules|initialize|"
    r"builtin_initialize|declare_syntax_cat|run_cmd|run_elab|run_meta|add_decl_doc|alias|omit|include|"
    r"register_option|register_simp_attr|simproc|unseal|seal|suppress_compilation|\#[a-z_]+)"
)
# Indented commands are not counted: what looks like one may be a tactic (`open … in`).
_COMMAND = re.compile(rf"^(?:{_MODIFIER}\s*)*{_KEYWORD}(?![\w'.])|^@\[")
_DECLARATION = re.compile(
    r"\b(?:theorem|lemma|def|abbrev|example|instance|opaque)\b"
    r"(?:\s+\(priority[^)]*\))?\s*(?P<name>(?:«[^»]*»|[^\s(){}\[\]:⦃«])*)"
)


@dataclass(frozen=True)
class Command:
    """Lines `first` to `last` of a file; `name` is what it declares, "" if it has no name.

    `end` is where the declaration's name ends within the command's text, 0 if it declares nothing.
    """

    first: int
    last: int
    name: str
    end: int


def command_at(text: str, line: int) -> Command:
    """The command that line `line` of LF-only `text` belongs to."""
    code = mask(text).split("\n")
    first = next((n for n in range(min(line, len(code) - 1), -1, -1) if _COMMAND.match(code[n])), 0)
    while first > 0 and _joins_next(code[first - 1]):
        first -= 1
    if (enclosing := _mutual_block(code, first)) is not None:
        first, last = enclosing
    else:
        last = _last_line(text, code, line)
    declared = _declaration("\n".join(code[first : last + 1]), "\n".join(code[first : line + 1]))
    if declared is None:
        return Command(first, last, "", 0)
    name = declared["name"].rstrip(".")
    return Command(first, last, name, declared.end())


def _declaration(command: str, above: str) -> re.Match[str] | None:
    """The declaration of `command`; in a mutual block the last one that begins in `above`."""
    if not command.startswith("mutual"):
        return _DECLARATION.search(command)
    found = [match for match in _DECLARATION.finditer(command) if match.start() < len(above)]
    return found[-1] if found else None


def _last_line(text: str, code: list[str], line: int) -> int:
    raw = text.split("\n")
    after = (
        n for n in range(line + 1, len(code)) if _COMMAND.match(code[n]) or raw[n].startswith(("/--", "/-!"))
    )
    return next(after, len(code)) - 1


def _mutual_block(code: list[str], line: int) -> tuple[int, int] | None:
    """The lines of the `mutual … end` around `line`, if there is one."""
    edges = (n for n in range(line, -1, -1) if re.match(r"(?:mutual|end)\b", code[n]))
    start = next(edges, None)
    if start is None or not code[start].startswith("mutual"):
        return None
    end = next((n for n in range(line, len(code)) if re.match(r"end\b", code[n])), len(code) - 1)
    return start, end


def _joins_next(line: str) -> bool:
    """Whether a command line continues below: `open Foo in`, `@[simp]`."""
    return _COMMAND.match(line) is not None and (line.rstrip().endswith(" in") or line.rstrip().endswith("]"))
