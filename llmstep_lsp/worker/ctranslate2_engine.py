"""Owns the engine of CTranslate2, for models that `llmstep-lsp convert` made.

The library draws all samples of completions with equal settings in one call.  It tells each
token as it is drawn, so a sample is ended at a stop string and told as soon as it is over.
Its random numbers go on from request to request, so samples differ when asked for again;
the greedy continuation and what a beam search finds do not.  Where samples are to be repeatable, the
model is loaded anew for each request: a thread of the library takes the seed once, when it first draws.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import ctranslate2
from tokenizers import Tokenizer

from llmstep_lsp.domain.completion import Completion, Continuation, Model, Prompt
from llmstep_lsp.worker import byte_tokens, description
from llmstep_lsp.worker.engines import Choice
from llmstep_lsp.worker.place import LoadError
from llmstep_lsp.worker.reading import Reader, Row, Task, best_first, threads

# Seconds between two looks at a search, which cannot be told to stop.
_LOOK = 0.01
# How many tokens prompts that are worked on together may differ in length.
_ALIKE = 32


class Ctranslate2Engine:
    """Implements `Engine`."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        directory = Path(choice.model)
        try:
            self._description = description.read(directory)
            self._reader = read_tokenizer(directory, self._description)
            self._vocabulary = vocabulary(directory)
            self._network = _Network(choice, self._description)
        except LoadError:
            raise
        # The library and the tokenizers each have errors of their own.
        except Exception as error:
            what = str(error).strip().partition("\n")[0] or type(error).__name__
            raise LoadError(
                f"The model in {directory} cannot be loaded ({what}): "
                "convert it anew by `llmstep-lsp convert`."
            ) from error
        self._numbers = {token: number for number, token in enumerate(self._vocabulary)}
        self._thread = ThreadPoolExecutor(1)
        # Kept for the few sets of stop strings that are asked for.
        self._stops = lru_cache(maxsize=8)(self._single_tokens)

    @property
    def model(self) -> Model:
        """As the protocol says; the name is the one of the model that was converted."""
        return Model(
            engine="ctranslate2",
            model=self._description.model,
            device=self._network.device,
            dtype=self._network.compute_type,
            parameters=self._description.parameters,
            context=self._reader.context,
        )

    @property
    def together(self) -> int:
        """As the protocol says."""
        return 4 if self._network.device == "cpu" else 16

    def complete(
        self, completions: Sequence[Completion], stopped: Callable[[int], bool]
    ) -> Iterator[tuple[int, Continuation]]:
        """As the protocol says; a beam search goes on for nothing if nobody waits for it any more."""
        tasks = self._reader.tasks(completions, stopped)
        for group in _groups([task for task in tasks if not task.completion.beams]):
            yield from self._draw(group, stopped)
        for task in tasks:
            if task.completion.beams:
                yield from self._search(task, stopped)

    def _draw(
        self, tasks: Sequence[Task], stopped: Callable[[int], bool]
    ) -> Iterator[tuple[int, Continuation]]:
        """Samples of `tasks`, whose settings are equal, as they end."""
        waiting = [task for task in tasks if not stopped(task.number)]
        if not waiting:
            return
        completion = waiting[0].completion
        count = completion.count if completion.temperature > 0 else 1
        options: dict[str, Any] = {"sampling_topk": 1}
        if completion.temperature > 0:
            options = {"sampling_topk": 0, "sampling_temperature": completion.temperature}
            if completion.repeatable:
                self._network = _Network(self._choice, self._description)
                ctranslate2.set_random_seed(completion.seed)
        rows = [[Row(task) for _ in range(count)] for task in waiting]
        ended: SimpleQueue[Row | None] = SimpleQueue()

        def take(step: Any) -> bool:
            """Add a token to its row; whether that is the end of the row."""
            row = rows[step.batch_id][step.hypothesis_id]
            row.tokens.append(step.token_id)
            row.log_probabilities.append(step.log_prob)
            if step.is_last or self._reader.ended(row):
                ended.put(row)
                return True
            return stopped(row.task.number)

        drawing = self._thread.submit(
            self._network.generate,
            [self._strings(task.prompt) for task in waiting],
            waiting[0].room,
            beam_size=1,
            num_hypotheses=count,
            end_token=sorted(self._reader.ends) or None,
            callback=take,
            **options,
        )
        drawing.add_done_callback(lambda _: ended.put(None))
        for row in iter(ended.get, None):
            yield self._reader.told(row)
        drawing.result()

    def _search(self, task: Task, stopped: Callable[[int], bool]) -> Iterator[tuple[int, Continuation]]:
        """The likeliest continuations that a beam search finds; none if nobody waits for them any more."""
        prompt = self._strings(task.prompt)
        searching = self._thread.submit(
            self._network.generate,
            [prompt],
            task.room,
            beam_size=task.completion.count,
            num_hypotheses=task.completion.count,
            end_token=sorted(self._reader.ends | self._stops(task.completion.stop)) or None,
            return_end_token=True,
        )
        while not searching.done():
            if stopped(task.number):
                return
            wait([searching], _LOOK)
        numbers = ([self._numbers[token] for token in tokens] for tokens in searching.result()[0])
        rows = [row for tokens in numbers if (row := self._reader.until_end(task, tokens)).tokens]
        scores = self._network.log_probabilities(prompt, [self._strings(row.tokens) for row in rows])
        for row, log_probabilities in zip(rows, scores, strict=True):
            row.log_probabilities = log_probabilities
        yield from best_first(map(self._reader.told, rows))

    def _strings(self, tokens: Sequence[int]) -> list[str]:
        return [self._vocabulary[token] for token in tokens]

    def _single_tokens(self, stop: tuple[str, ...]) -> frozenset[int]:
        """The tokens that hold a whole string of `stop`: a search cannot be told to look at more."""
        return frozenset(
            token
            for token in range(len(self._vocabulary))
            if any(string in self._reader.decode([token]) for string in stop)
        )


class _Network:
    """A decoder alone, or behind an encoder; the library has a class for each.

    Raises:
        LoadError: the device or the number type is not there.
    """

    def __init__(self, choice: Choice, said: description.Description) -> None:
        self._encoder = said.encoder
        self._end = said.end
        kind = ctranslate2.Translator if said.encoder else ctranslate2.Generator
        device, index = _device(choice.device)
        supported = sorted(ctranslate2.get_supported_compute_types(device, index))
        if choice.dtype not in {"auto", *supported}:
            raise LoadError(
                f"CTranslate2 has no number type {choice.dtype} on this {device}: "
                f"choose {', '.join(supported)} or auto."
            )
        self._loaded = kind(
            choice.model,
            device=device,
            device_index=index,
            compute_type="default" if choice.dtype == "auto" else choice.dtype,
            intra_threads=threads(),
        )

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self._loaded.device)

    @property
    def compute_type(self) -> str:
        """Its number type."""
        return str(self._loaded.compute_type)

    def generate(self, prompts: Sequence[list[str]], room: int, **options: Any) -> list[list[list[str]]]:
        """At most `room` tokens, several times for each prompt."""
        if self._encoder:
            found = self._loaded.translate_batch(
                prompts,
                max_input_length=0,  # no limit
                max_decoding_length=room,
                min_decoding_length=0,
                return_scores=True,
                **options,
            )
            return [result.hypotheses for result in found]
        found = self._loaded.generate_batch(
            prompts, max_length=room, include_prompt_in_result=False, return_scores=True, **options
        )
        return [result.sequences for result in found]

    def log_probabilities(self, prompt: list[str], rows: Sequence[list[str]]) -> list[list[float]]:
        """Those of the tokens of each row after the prompt."""
        if self._encoder:  # the end token is added to what does not have it
            targets = [row[:-1] if row[-1:] == [self._end] else row for row in rows]
            scored = self._loaded.score_batch([prompt] * len(rows), targets, max_input_length=0)
            return [result.log_probs[: len(row)] for result, row in zip(scored, rows, strict=True)]
        scored = self._loaded.score_batch([prompt + row for row in rows], max_input_length=0)
        return [result.log_probs[-len(row) :] for result, row in zip(scored, rows, strict=True)]


def _device(name: str) -> tuple[str, int]:
    kind, _, number = name.partition(":")
    count = ctranslate2.get_cuda_device_count()
    if name == "auto":
        return ("cuda", 0) if count else ("cpu", 0)
    if name == "cpu" or (kind == "cuda" and count and number in {"", *map(str, range(count))}):
        return kind, int(number or 0)
    raise LoadError(
        f"There is no device {name} here: CTranslate2 finds {'cuda, cpu' if count else 'cpu'}. "
        "Choose one of them or auto."
    )


def _groups(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """The tasks that one call can do together.

    The library reads prompts at once only as far as the shortest, then token by token, so
    they must not differ much in length.  What is to be repeatable is drawn alone.
    """
    groups: dict[tuple[int, int, float, int, int | None], list[Task]] = {}
    for task in tasks:
        about = len(task.prompt) // _ALIKE
        own = task.number if task.completion.repeatable else None
        key = (task.room, task.completion.count, task.completion.temperature, about, own)
        groups.setdefault(key, []).append(task)
    yield from groups.values()


def read_tokenizer(directory: Path, said: description.Description) -> Reader:
    """What `said` and the files in `directory` tell of a converted model's tokens."""
    encode, decode = (byte_tokens.encode, byte_tokens.decode) if said.bytes else _tokenizer(directory)
    return Reader(
        encode=lambda prompt: encode(_plain(prompt)),
        decode=decode,
        start=said.start,
        ends=frozenset(said.ends),
        context=said.context,
        apart=said.encoder,
    )


def _tokenizer(directory: Path) -> tuple[Callable[[str], list[int]], Callable[[Sequence[int]], str]]:
    tokenizer: Any = Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: tokenizer.encode(text).ids, tokenizer.decode


def _plain(prompt: Prompt) -> str:
    if prompt.system is not None:
        raise ValueError(
            "a converted model cannot be asked in a chat: choose a prompt format without `system`, "
            "or the engine transformers"
        )
    return prompt.text


def vocabulary(directory: Path) -> list[str]:
    """The library's names of the tokens, by their numbers."""
    for name in ("vocabulary.json", "shared_vocabulary.json"):
        if (directory / name).is_file():
            tokens: list[str] = json.loads((directory / name).read_text(encoding="utf-8"))
            return tokens
    raise FileNotFoundError("it has no vocabulary")
