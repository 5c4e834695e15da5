"""Owns what the HTTP server needs of the model that it serves; `compose` makes one."""

from typing import Protocol

from llmstep_lsp.ports import Completer, Generator


class Served(Protocol):
    """One model: as it is, and as a generator of proof steps built on it."""

    @property
    def name(self) -> str:
        """What clients call it."""

    @property
    def samples(self) -> int:
        """How many steps a question gets at most."""

    @property
    def completer(self) -> Completer:
        """Continues any prompt."""

    @property
    def generator(self) -> Generator:
        """Proposes steps, asking the completer."""
