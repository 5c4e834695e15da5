"""Owns the header of a file, its imports, as far as its text shows it."""

import re

from llmstep_lsp.domain.lexing import mask

_IMPORT = re.compile(
    r"(?:\A|(?<=\n))\s*(?:(?:public|private|meta)\s+)*import\b[^\n]*|\A\s*(?:module|prelude)\b"
)
# What only a file that starts with `module` may say in its header.
_OF_MODULES = re.compile(r"\A\s*module\b|(?<![\w.])(?:public|private|meta|all)(?=\s)")


def header_lines(text: str) -> int:
    """How many lines of LF-only `text` belong to its header."""
    last = 0
    for found in _IMPORT.finditer(mask(text)):
        last = text.count("\n", 0, found.end()) + 1
    return last


def imports(text: str) -> list[str]:
    """The names of the modules that LF-only `text` imports."""
    return re.findall(r"\bimport\s+(?:all\s+)?([^\s]+)", _header(text))


def with_import(text: str, module: str) -> str | None:
    """LF-only `text` with `module` imported in a line above all others; None if it cannot be.

    A file that starts with `module` becomes an ordinary one, since only those may import any
    module; then its other lines stay where they are, letter by letter.
    """
    header = _header(text)
    if header.lstrip().startswith("prelude"):
        return None
    header = _OF_MODULES.sub(lambda found: re.sub(r"\S", " ", found.group()), header)
    return f"import {module}\n{header}{text[len(header) :]}"


def _header(text: str) -> str:
    """The header of `text`, its comments as spaces."""
    return "\n".join(mask(text).split("\n")[: header_lines(text)])
