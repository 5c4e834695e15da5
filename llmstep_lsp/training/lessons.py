"""Owns how examples become tokens, which of them count in the loss, and in which order they come."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from llmstep_lsp.domain.completion import Completion, Prompt
from llmstep_lsp.domain.recipe import Example
from llmstep_lsp.worker.reading import Reader

IGNORED = -100
"""The label of a token that does not count in the loss."""

# Of so many batches of examples each batch gets those of one length.
_SORTED_TOGETHER = 50
# Tokens: an answer may have as many where a model is asked, so a prompt leaves room for them.
_ROOM = Completion(Prompt(()), 1).max_new_tokens


@dataclass(frozen=True)
class Lesson:
    """The tokens of a prompt and of the answer, end token included, that a model is to learn."""

    prompt: list[int]
    answer: list[int]

    @property
    def size(self) -> int:
        """How many tokens it has."""
        return len(self.prompt) + len(self.answer)


def lessons(
    examples: Sequence[Example],
    tokenizer: Any,
    encode: Callable[[Prompt], list[int]],
    length: int,
    *,
    apart: bool,
) -> list[Lesson]:
    """The tokens of `examples`, at most `length`: together, or `apart` in an encoder and a decoder.

    A prompt that is too long is cut as it is where the model is asked, an answer at its end.
    """
    reader = Reader(
        encode, decode=str, start=tokenizer.bos_token_id, ends=frozenset(), context=length, apart=apart
    )
    answers = _encode_all(tokenizer, [example.answer for example in examples], special=False)
    # Together, which is many times faster.
    whole = _encode_all(tokenizer, [example.prompt.text for example in examples], special=True)
    made: list[Lesson] = []
    for example, prompt, answer in zip(examples, whole, answers, strict=True):
        ended = [*answer, tokenizer.eos_token_id]
        room = max(len(ended), _ROOM)
        if example.prompt.system is not None or len(prompt) + (0 if apart else room) > length:
            prompt, room = reader.prompt(Completion(example.prompt, 1, room))  # noqa: PLW2901  # cut
        made.append(Lesson(prompt, ended[: min(room, length)]))
    return made


def _encode_all(tokenizer: Any, texts: list[str], *, special: bool) -> list[list[int]]:
    if not texts:
        return []
    tokens: list[list[int]] = tokenizer(texts, add_special_tokens=special)["input_ids"]
    return tokens


class Collator:
    """Makes a batch of lessons, as long as the longest of them; the loss counts answers alone."""

    def __init__(self, padding: int, *, apart: bool) -> None:
        self._padding = padding
        self._apart = apart

    def __call__(self, batch: Sequence[Lesson]) -> dict[str, torch.Tensor]:
        """The inputs of the network."""
        if self._apart:
            inputs = [lesson.prompt for lesson in batch]
            labels = [lesson.answer for lesson in batch]
        else:
            inputs = [lesson.prompt + lesson.answer for lesson in batch]
            labels = [[IGNORED] * len(lesson.prompt) + lesson.answer for lesson in batch]
        return {
            "input_ids": _filled(inputs, self._padding),
            "attention_mask": _filled([[1] * len(tokens) for tokens in inputs], 0),
            "labels": _filled(labels, IGNORED),
        }


def _filled(rows: Sequence[list[int]], filling: int) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [filling] * (longest - len(row)) for row in rows])


class Bucketed(torch.utils.data.Sampler[int]):
    """Numbers of lessons, shuffled anew in each epoch, those of one batch nearly of one size."""

    def __init__(self, sizes: Sequence[int], batch: int, seed: int) -> None:
        self._sizes = sizes
        self._batch = batch
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; each has an order of its own, which depends on nothing else but the seed."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        order = torch.randperm(len(self._sizes), generator=generator).tolist()
        reach = self._batch * _SORTED_TOGETHER
        batches: list[list[int]] = []
        for start in range(0, len(order), reach):
            near = sorted(order[start : start + reach], key=self._sizes.__getitem__)
            batches += [near[i : i + self._batch] for i in range(0, len(near), self._batch)]
        rest = [batches.pop()] if batches and len(batches[-1]) < self._batch else []
        shuffled = [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
        for numbers in (*shuffled, *rest):
            yield from numbers
