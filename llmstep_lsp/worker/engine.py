"""Owns what the worker needs of a library that runs models."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from llmstep_lsp.domain.completion import Completion, Continuation, Model


class Engine(Protocol):
    """A model that is loaded."""

    @property
    def model(self) -> Model:
        """What was loaded."""

    @property
    def together(self) -> int:
        """How many completions are worth working on together: more make all of them wait."""

    def complete(
        self, completions: Sequence[Completion], stopped: Callable[[int], bool]
    ) -> Iterator[tuple[int, Continuation]]:
        """The continuations for `completions`, worked on together, each with the number of its completion.

        They come as they end, and the best of those that end together first.  Some of one
        completion may be equal.  `stopped` says whether nobody waits for that completion
        any more; it is asked at least before each token, if the library allows.

        Raises:
            ArithmeticError: the model computes no numbers.
            Exception: what else the library raises.
        """
