"""Owns how continuations of a prompt are drawn from a model, and their scores.

The prompt is read once, in a batch of one; its cache is then copied to every row.
Row 0 takes the likeliest token each time, the others sample.  A row that has ended
leaves the batch, so that the rest goes on faster.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from llmstep_lsp.worker.model import LoadedModel
from llmstep_lsp.worker.protocol import Continuation, Request


class CancelledError(Exception):
    """Nobody wants the continuations any more."""


@dataclass
class _Row:
    """One continuation as it grows: its tokens and the log-probability of each."""

    tokens: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)

    @property
    def score(self) -> float:
        """The mean log-probability of the tokens, the one that ended it included."""
        return sum(self.log_probabilities) / len(self.log_probabilities)


def sample(model: LoadedModel, request: Request, cancelled: Callable[[], bool]) -> tuple[Continuation, ...]:
    """The distinct continuations that `request` asks for, best score first.

    `cancelled` is asked before each token.

    Raises:
        CancelledError: `cancelled` said so.
        ArithmeticError: the model computes no numbers.
    """
    tokens = model.tokenizer(request.prompt)["input_ids"]
    prompt, room = fit(tokens, model.tokenizer.bos_token_id, model.context, request.max_new_tokens)
    rows = [_Row() for _ in range(request.count if request.temperature > 0 else 1)]
    with torch.inference_mode():
        batch = _Batch(model, prompt, len(rows))
        _grow(
            batch,
            rows,
            request,
            lambda row: len(row.tokens) == room or _ended(model, row, request),
            cancelled,
        )
    before = _decode(model, prompt)
    best: dict[str, float] = {}
    for row in rows:
        # Some tokenizers drop the space that a text starts with, so the text is read after its prompt.
        text = until_stop(_decode(model, prompt + row.tokens)[len(before) :], request.stop)
        best[text] = max(row.score, best.get(text, row.score))
    return tuple(Continuation(*item) for item in sorted(best.items(), key=lambda item: -item[1]))


def fit(prompt: list[int], start: int | None, context: int | None, new: int) -> tuple[list[int], int]:
    """The prompt cut from the left to leave room for `new` tokens in the context, and that room.

    The token `start` (None: there is none) stays where it stands first.  New tokens get at
    most half of the context, whose length None means without limit.
    """
    if context is None:
        return prompt, new
    room = min(new, context // 2)
    excess = len(prompt) - (context - room)
    if excess <= 0:
        return prompt, room
    if prompt[0] == start:
        return [start, *prompt[excess + 1 :]], room
    return prompt[excess:], room


def until_stop(text: str, stop: Sequence[str]) -> str:
    """`text` up to the first of the strings `stop`."""
    return text[: min((place for place in map(text.find, stop) if place >= 0), default=len(text))]


def _grow(
    batch: "_Batch",
    rows: Sequence[_Row],
    request: Request,
    ended: Callable[[_Row], bool],
    cancelled: Callable[[], bool],
) -> None:
    """Add tokens to `rows`, which are those of `batch`, until each has ended."""
    random = torch.Generator().manual_seed(request.seed)
    active = list(rows)
    while not cancelled():
        tokens, log_probabilities = _choose(
            batch.logits, request.temperature, random, greedy=active[0] is rows[0]
        )
        for row, token, log_probability in zip(active, tokens, log_probabilities, strict=True):
            row.tokens.append(token)
            row.log_probabilities.append(log_probability)
        staying = [i for i, row in enumerate(active) if not ended(row)]
        if not staying:
            return
        active = [active[i] for i in staying]
        batch.advance([row.tokens[-1] for row in active], staying)
    raise CancelledError


def _choose(
    logits: torch.Tensor, temperature: float, random: torch.Generator, *, greedy: bool
) -> tuple[list[int], list[float]]:
    """A token for each row of `logits` (rows × vocabulary) and its untempered log-probability."""
    log_probabilities = torch.log_softmax(logits, dim=-1)
    if log_probabilities[:, 0].isnan().any():  # one bad number spoils its whole row
        raise ArithmeticError("the model computes no numbers (its weights are broken, or overflow)")
    if temperature > 0:
        tokens = torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=random)
        if greedy:
            tokens[0] = logits[0].argmax()
    else:
        tokens = logits.argmax(dim=-1, keepdim=True)
    return tokens[:, 0].tolist(), log_probabilities.gather(1, tokens)[:, 0].tolist()


def _ended(model: LoadedModel, row: _Row, request: Request) -> bool:
    """Whether the last token of `row` ends it."""
    if row.tokens[-1] in model.ends:
        return True
    # A stop string that is complete now lies within its length in tokens.
    reach = max(map(len, request.stop), default=0)
    if not reach:
        return False
    tail = _decode(model, row.tokens[-reach - 1 :])
    return any(stop in tail for stop in request.stop)


def _decode(model: LoadedModel, tokens: list[int]) -> str:
    """The text of `tokens`, exactly; end tokens and the like are left out."""
    text: str = model.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text


class _Batch:
    """The network at work on several continuations of one prompt.

    `logits` (rows × vocabulary, float32 on the CPU) are what it says of their next tokens.
    """

    def __init__(self, model: LoadedModel, prompt: list[int], rows: int) -> None:
        self._model = model
        self._options: dict[str, Any] = {"use_cache": True}
        if "logits_to_keep" in inspect.signature(model.network.forward).parameters:
            self._options["logits_to_keep"] = 1  # the last position's are all that is needed
        output = model.network(self._tensor([prompt]), **self._options)
        self._cache = output.past_key_values
        self._cache.reorder_cache(self._tensor([0] * rows))
        self.logits = self._last(output).expand(rows, -1)

    def advance(self, tokens: list[int], staying: list[int]) -> None:
        """Go on with the rows whose numbers are `staying`, each by its token of `tokens`."""
        if len(staying) < len(self.logits):
            self._cache.reorder_cache(self._tensor(staying))
        output = self._model.network(self._tensor([tokens]).T, past_key_values=self._cache, **self._options)
        self.logits = self._last(output)

    def _tensor(self, values: list[Any]) -> torch.Tensor:
        return torch.tensor(values, device=self._model.device)

    @staticmethod
    def _last(output: Any) -> torch.Tensor:
        """The logits of the last position; on the CPU, where samples are the same for any device."""
        logits: torch.Tensor = output.logits[:, -1].float().cpu()
        return logits
