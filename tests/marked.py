"""Texts with a mark where the cursor stands."""

from llmstep_lsp.domain.text import Position, position

MARK = "‸"


def cursor_in(marked: str) -> tuple[str, Position]:
    """The text without its mark, and where the mark was."""
    index = marked.index(MARK)
    text = marked.replace(MARK, "")
    return text, position(text, index)
