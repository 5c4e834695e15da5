"""Owns the engine of transformers: how continuations are drawn from a network, or searched for.

Sampling is a loop of our own: all prompts are read at once, each in one row; the cache of
each is then copied to its samples.  A row that has ended leaves the batch, so that the rest
goes on faster.  Beam search is the library's.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import torch
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from llmstep_lsp.domain.completion import Completion, Continuation, Model
from llmstep_lsp.worker.engines import Choice
from llmstep_lsp.worker.reading import NO_NUMBERS, Reader, Row, Task, best_first
from llmstep_lsp.worker.transformers_model import LoadedModel, cache_name, load


class TransformersEngine:
    """Implements `Engine`."""

    def __init__(self, choice: Choice, *, local: bool) -> None:
        self._name = choice.model
        self._loaded = load(choice, local=local)

    @property
    def model(self) -> Model:
        """As the protocol says."""
        return Model(
            engine="transformers",
            model=self._name,
            device=str(self._loaded.device),
            dtype=self._loaded.dtype,
            parameters=self._loaded.network.num_parameters(),
            context=self._loaded.reader.context,
        )

    @property
    def together(self) -> int:
        """As the protocol says."""
        return 4 if self._loaded.device.type == "cpu" else 16

    @torch.inference_mode()
    def complete(
        self, completions: Sequence[Completion], stopped: Callable[[int], bool]
    ) -> Iterator[tuple[int, Continuation]]:
        """As the protocol says."""
        tasks = self._loaded.reader.tasks(completions, stopped)
        sampled = [task for task in tasks if not task.completion.beams]
        if sampled:
            yield from _sample(self._loaded, sampled, stopped)
        for task in tasks:
            if task.completion.beams:
                yield from _search(self._loaded, task, stopped)


def _sample(
    model: LoadedModel, tasks: Sequence[Task], stopped: Callable[[int], bool]
) -> Iterator[tuple[int, Continuation]]:
    """Samples for all `tasks`, as they end."""
    rows: list[Row] = []
    lines: list[int] = []
    for line, task in enumerate(tasks):
        count = task.completion.count if task.completion.temperature > 0 else 1
        rows += [Row(task) for _ in range(count)]
        lines += [line] * count
    randoms = {task.number: torch.Generator().manual_seed(task.completion.seed) for task in tasks}
    batch = _Batch(model, [task.prompt for task in tasks], lines)
    while True:
        _choose(batch.logits, rows, randoms)
        ended = [model.reader.ended(row) for row in rows]
        yield from best_first(model.reader.told(row) for row, over in zip(rows, ended, strict=True) if over)
        gone = {task.number for task in tasks if stopped(task.number)}
        staying = [i for i, row in enumerate(rows) if not ended[i] and row.task.number not in gone]
        if not staying:
            return
        rows = [rows[i] for i in staying]
        batch.advance([row.tokens[-1] for row in rows], staying)


def _choose(logits: torch.Tensor, rows: Sequence[Row], randoms: dict[int, torch.Generator]) -> None:
    """Add a token to each row, by its line of `logits` (rows × vocabulary).

    Raises:
        ArithmeticError: these are no numbers.
    """
    log_probabilities = torch.log_softmax(logits, dim=-1)
    if log_probabilities[:, 0].isnan().any():  # one bad number spoils its whole line
        raise ArithmeticError(NO_NUMBERS)
    start = 0
    for number, some in groupby(rows, key=lambda row: row.task.number):
        group = list(some)
        lines = slice(start, start + len(group))
        start = lines.stop
        tokens = _draw(logits[lines], group[0].task.completion.temperature, randoms[number])
        said = log_probabilities[lines].gather(1, tokens)
        for row, token, log_probability in zip(
            group, tokens[:, 0].tolist(), said[:, 0].tolist(), strict=True
        ):
            row.tokens.append(token)
            row.log_probabilities.append(log_probability)


def _draw(logits: torch.Tensor, temperature: float, random: torch.Generator) -> torch.Tensor:
    """A token for each line of `logits` (lines × 1)."""
    if temperature > 0:
        return torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=random)
    return logits.argmax(dim=-1, keepdim=True)


class _Batch:
    """The network at work on several continuations of several prompts.

    `lines` says which prompt each row continues.  `logits` (rows × vocabulary, float32 on
    the CPU) are what the network says of their next tokens.
    """

    def __init__(self, model: LoadedModel, prompts: Sequence[list[int]], lines: Sequence[int]) -> None:
        self._network = model.network
        self._device = model.device
        self._accepted = inspect.signature(model.network.forward).parameters
        self._cache_name = cache_name(model.network)
        ids, mask = _padded(prompts, model.device)
        self._mask = mask
        self._hidden: torch.Tensor | None = None
        if model.first is None:
            output = self._run(ids, None)
        else:
            self._hidden = model.network.get_encoder()(input_ids=ids, attention_mask=mask)[0]
            output = self._run(torch.full((len(prompts), 1), model.first, device=model.device), None)
        self._select(lines)
        self.logits = self._last(output)[list(lines)]

    def advance(self, tokens: list[int], staying: list[int]) -> None:
        """Go on with the rows whose numbers are `staying`, each by its token of `tokens`."""
        if len(staying) < len(self.logits):
            self._select(staying)
        if self._hidden is None:
            self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens), 1)], dim=1)
        self.logits = self._last(self._run(torch.tensor([tokens], device=self._device).T, self._cache))

    def _run(self, ids: torch.Tensor, cache: Any) -> Any:
        """What the network says after `ids` (rows × new tokens), and before them what is in `cache`."""
        options: dict[str, Any] = {
            self._cache_name: cache,
            "attention_mask": self._mask,
            "use_cache": True,
            "logits_to_keep": 1,  # the last position's are all that is needed
        }
        if self._hidden is None:
            options["input_ids"] = ids
            options["position_ids"] = (self._mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        else:
            options["decoder_input_ids"] = ids
            options["encoder_outputs"] = (self._hidden,)
        output = self._network(**{name: options[name] for name in options if name in self._accepted})
        self._cache = output[self._cache_name]
        return output

    def _select(self, rows: Sequence[int]) -> None:
        chosen = torch.tensor(rows, device=self._device)
        self._cache.reorder_cache(chosen)
        self._mask = self._mask[chosen]
        if self._hidden is not None:
            self._hidden = self._hidden[chosen]

    @staticmethod
    def _last(output: Any) -> torch.Tensor:
        """The logits of the last position; on the CPU, where samples are the same for any device."""
        logits: torch.Tensor = output.logits[:, -1].float().cpu()
        return logits


def _padded(prompts: Sequence[list[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens of `prompts`, their ends in one column (rows × the longest), and where there are any."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts], device=device)
    mask = torch.tensor(
        [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device
    )
    return ids, mask


class _Until(StoppingCriteria):
    """Ends a beam where a stop string is complete, and all of them when nobody waits any more."""

    def __init__(self, reader: Reader, task: Task, skipped: int, stopped: Callable[[int], bool]) -> None:
        self._reader = reader
        self._task = task
        self._skipped = skipped
        self._stopped = stopped

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_options: Any) -> torch.Tensor:  # noqa: ARG002
        """Which lines of `input_ids` are over."""
        all_over = self._stopped(self._task.number)
        lines = input_ids[:, self._skipped :].tolist()
        over = [all_over or self._reader.ended(Row(self._task, line)) for line in lines]
        return torch.tensor(over, device=input_ids.device)


def _search(
    model: LoadedModel, task: Task, stopped: Callable[[int], bool]
) -> Iterator[tuple[int, Continuation]]:
    """The likeliest continuations that a beam search finds; none if nobody waits for them any more."""
    prompt = torch.tensor([task.prompt], device=model.device)
    skipped = len(task.prompt) if model.first is None else 1
    settings: Any = GenerationConfig
    found = model.network.generate(
        input_ids=prompt,
        attention_mask=torch.ones_like(prompt),
        generation_config=settings(
            num_beams=task.completion.count,
            num_return_sequences=task.completion.count,
            max_new_tokens=task.room,
            eos_token_id=sorted(model.reader.ends) or None,
            pad_token_id=min(model.reader.ends, default=0),
            decoder_start_token_id=model.first,
        ),
        stopping_criteria=StoppingCriteriaList([_Until(model.reader, task, skipped, stopped)]),
    )
    if stopped(task.number):
        return
    rows = [model.reader.until_end(task, line) for line in found[:, skipped:].tolist()]
    _score(model, task, rows)
    yield from best_first(map(model.reader.told, rows))


def _score(model: LoadedModel, task: Task, rows: Sequence[Row]) -> None:
    """Give the tokens of `rows` their log-probabilities, by one pass over all of them."""
    longest = max(len(row.tokens) for row in rows)
    written = torch.tensor(
        [row.tokens + [0] * (longest - len(row.tokens)) for row in rows], device=model.device
    )
    prompt = torch.tensor([task.prompt] * len(rows), device=model.device)
    if model.first is None:
        ids = torch.cat([prompt, written], dim=1)
        logits = model.network(input_ids=ids, use_cache=False).logits[:, -longest - 1 : -1]
    else:
        first = torch.full((len(rows), 1), model.first, device=model.device)
        ids = torch.cat([first, written[:, :-1]], dim=1)
        logits = model.network(input_ids=prompt, decoder_input_ids=ids, use_cache=False).logits
    said = torch.log_softmax(logits.float(), dim=-1).gather(2, written[:, :, None])[:, :, 0]
    for row, values in zip(rows, said.tolist(), strict=True):
        row.log_probabilities = values[: len(row.tokens)]
