"""Owns how a prompt fits a model, and how the tokens that the model then writes become a continuation."""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from llmstep_lsp.domain.completion import Completion, Continuation, Prompt, Token, cut, until_stop

# Some tokenizers drop the space that a text starts with, so it is read after so many tokens of its prompt.
_BEFORE = 16

NO_NUMBERS = "the model computes no numbers (its weights are broken, or overflow)"


@dataclass(frozen=True)
class Task:
    """A completion, its number, the tokens of its prompt, and how many tokens may follow."""

    number: int
    completion: Completion
    prompt: list[int]
    room: int


@dataclass
class Row:
    """A continuation as it grows: its tokens, and the untempered log-probability of each."""

    task: Task
    tokens: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Reader:
    """What an engine must know of its model's tokens, which are numbers.

    `encode` gives the tokens of a prompt, `decode` the text of tokens, without the special
    ones.  `start` is the token that prompts begin with, `ends` are those that end a text.
    `context` is how many tokens there may be, prompt and continuation together, or, if
    they are `apart` (encoder and decoder), each.  None: there is none.
    """

    encode: Callable[[Prompt], list[int]]
    decode: Callable[[Sequence[int]], str]
    start: int | None
    ends: frozenset[int]
    context: int | None
    apart: bool

    def prompt(self, completion: Completion) -> tuple[list[int], int]:
        """The prompt's tokens, cut to leave room for the new ones, and how many these may be.

        Raises:
            ValueError: there are none.
        """
        size, room = self._sizes(completion.max_new_tokens)
        prompt = completion.prompt
        if size is not None:
            prompt = cut(prompt, lambda shorter: len(self.encode(shorter)) <= size)
        tokens = self.encode(prompt) or ([] if self.start is None else [self.start])
        if not tokens:
            raise ValueError("the prompt is empty")
        return fit(tokens, self.start, size), room

    def _sizes(self, new: int) -> tuple[int | None, int]:
        """How many tokens the prompt may have (None: any number), and how many may follow, at most `new`."""
        if self.context is None:
            return None, new
        if self.apart:
            return self.context, min(new, self.context)
        room = min(new, self.context // 2)
        return self.context - room, room

    def tasks(self, completions: Sequence[Completion], stopped: Callable[[int], bool]) -> list[Task]:
        """What is to be done for those of `completions` that somebody waits for.

        Raises:
            ValueError: a prompt is empty.
        """
        return [
            Task(number, completion, *self.prompt(completion))
            for number, completion in enumerate(completions)
            if not stopped(number)
        ]

    def ended(self, row: Row) -> bool:
        """Whether the last token of `row` ends it: no more fit, or it says so, or completes a stop string."""
        if len(row.tokens) == row.task.room or row.tokens[-1] in self.ends:
            return True
        # A stop string that is complete now lies within its length in bytes, the shortest tokens.
        stop = row.task.completion.stop
        reach = max((len(string.encode()) for string in stop), default=0)
        if not reach:
            return False
        tail = self.decode(row.tokens[-reach - 1 :])
        return any(string in tail for string in stop)

    def until_end(self, task: Task, tokens: Sequence[int]) -> Row:
        """The row of `tokens` up to the one that ends it, without log-probabilities."""
        row = Row(task)
        for token in tokens:
            row.tokens.append(token)
            if self.ended(row):
                break
        return row

    def told(self, row: Row) -> tuple[int, Continuation]:
        """The number of the completion and what `row` says, with its score.

        Raises:
            ArithmeticError: its log-probabilities are no numbers.
        """
        if any(map(math.isnan, row.log_probabilities)):
            raise ArithmeticError(NO_NUMBERS)
        completion = row.task.completion
        before = [] if self.apart else row.task.prompt[-_BEFORE:]
        skipped = len(self.decode(before))
        text = until_stop(self.decode([*before, *row.tokens])[skipped:], completion.stop)
        score = sum(row.log_probabilities) / len(row.tokens)
        pieces = self._pieces(row, before, skipped) if completion.tokens else ()
        return row.task.number, Continuation(text, score, pieces)

    def _pieces(self, row: Row, before: list[int], told: int) -> tuple[Token, ...]:
        """What each token of `row` says; `told` letters of the text are from `before`."""
        pieces: list[Token] = []
        for i, log_probability in enumerate(row.log_probabilities, 1):
            text = self.decode([*before, *row.tokens[:i]])
            if i < len(row.tokens):
                text = text.rstrip("\ufffd")  # the rest of the character is still to come
            pieces.append(Token(text[told:], log_probability))
            told = max(told, len(text))
        return tuple(pieces)


def best_first(found: Iterable[tuple[int, Continuation]]) -> list[tuple[int, Continuation]]:
    """What ended together, the best score first."""
    return sorted(found, key=lambda item: -(item[1].score or 0))


def fit(tokens: list[int], start: int | None, size: int | None) -> list[int]:
    """At most `size` of `tokens`, cut from the left; the token `start` stays where it stands first."""
    excess = 0 if size is None else len(tokens) - size
    if excess <= 0:
        return tokens
    if tokens[0] == start:
        return [start, *tokens[excess + 1 :]]
    return tokens[excess:]


def threads() -> int:
    """How many threads an engine gets: one for each core this process may use, but one, kept for Lean."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return max(1, len(os.sched_getaffinity(0)) - 1)
    return max(1, (os.cpu_count() or 1) - 1)
