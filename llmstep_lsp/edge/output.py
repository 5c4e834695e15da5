"""Owns how wide what is printed for people may be."""

from rich.console import Console

_WHOLE_LINES = 1000


def output() -> Console:
    """Standard output; a file or a pipe has room for whole lines."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WHOLE_LINES)
