"""Owns the engine of vLLM in this process, which answers many questions at a time.

Its scheduler is run step by step, so that each continuation comes as it ends and can be
cancelled; beam search is the library's, and cannot.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from vllm import LLM, SamplingParams
from vllm.platforms import current_platform
from vllm.sampling_params import BeamSearchParams, RequestOutputKind

from llmstep_lsp.domain.completion import Completion, Continuation, Model, Prompt
from llmstep_lsp.worker.engines import Choice
from llmstep_lsp.worker.place import LoadError
from llmstep_lsp.worker.reading import Reader, Row, Task, best_first

# GiB of memory for keys and values on a CPU; otherwise vLLM wants nearly all there is.
_CPU_CACHE = "2"


class VllmEngine:
    """Implements `Engine`."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._llm = _load(choice)
        self._config: Any = self._llm.llm_engine.model_config
        self._reader = _reader(self._llm.get_tokenizer(), self._config.max_model_len)
        self._ids = itertools.count()

    @property
    def model(self) -> Model:
        """As the protocol says."""
        return Model(
            engine="vllm",
            model=self._choice.model,
            device=str(current_platform.device_type),
            dtype=str(self._config.dtype).removeprefix("torch."),
            parameters=None,
            context=self._reader.context,
        )

    @property
    def together(self) -> int:
        """As the protocol says; vLLM sees for itself how many it works on at a time."""
        return 256

    def complete(
        self, completions: Sequence[Completion], stopped: Callable[[int], bool]
    ) -> Iterator[tuple[int, Continuation]]:
        """As the protocol says."""
        tasks = self._reader.tasks(completions, stopped)
        yield from self._sample([task for task in tasks if not task.completion.beams], stopped)
        for task in tasks:
            if task.completion.beams and not stopped(task.number):
                yield from self._search(task)

    def _sample(
        self, tasks: Sequence[Task], stopped: Callable[[int], bool]
    ) -> Iterator[tuple[int, Continuation]]:
        """Samples of each task, as they end."""
        engine = self._llm.llm_engine
        waiting: dict[str, Task] = {}
        try:
            for task in tasks:
                for i in range(task.completion.count if task.completion.temperature > 0 else 1):
                    name = str(next(self._ids))
                    engine.add_request(name, {"prompt_token_ids": task.prompt}, _sampling(task, i))
                    waiting[name] = task
            while waiting:
                gone = {task.number for task in tasks if stopped(task.number)}
                self._abandon(waiting, [name for name, task in waiting.items() if task.number in gone])
                ended = [
                    (waiting.pop(output.request_id), output.outputs[0])
                    for output in engine.step()
                    if output.finished and output.request_id in waiting
                ]
                yield from best_first(
                    self._told(Row(task, list(output.token_ids)), output.logprobs) for task, output in ended
                )
        finally:
            self._abandon(waiting, list(waiting))

    def _abandon(self, waiting: dict[str, Task], names: Sequence[str]) -> None:
        if names:
            self._llm.llm_engine.abort_request(list(names))
        for name in names:
            del waiting[name]

    def _told(self, row: Row, known: Sequence[Any]) -> tuple[int, Continuation]:
        """What `row` says; `known` are vLLM's `Logprob`s for each of its tokens, and perhaps for more."""
        row.log_probabilities = [at[token].logprob for token, at in zip(row.tokens, known, strict=False)]
        return self._reader.told(row)

    def _search(self, task: Task) -> Iterator[tuple[int, Continuation]]:
        """What vLLM's beam search finds; it knows of no stop strings, so beams are cut after them."""
        parameters = BeamSearchParams(beam_width=task.completion.count, max_tokens=task.room)
        [found] = self._llm.beam_search([{"prompt_token_ids": task.prompt}], parameters)
        yield from best_first(
            self._told(self._reader.until_end(task, beam.tokens[len(task.prompt) :]), beam.logprobs)
            for beam in found.sequences
        )


def _load(choice: Choice) -> Any:
    """The model of `choice` in vLLM.

    Raises:
        LoadError: it cannot be had or used.
    """
    if choice.device not in {"auto", current_platform.device_type}:
        raise LoadError(
            f"This vLLM runs models on the device {current_platform.device_type}, not on {choice.device}: "
            "choose auto, or install the build of vLLM for that device."
        )
    # The scheduler then ends with this process.
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    options: dict[str, Any] = {}
    if current_platform.is_cpu():
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", _CPU_CACHE)
        options["enforce_eager"] = True  # compiling takes half a minute
        # A seeded sample whose prompt is read in pieces ends vLLM 0.32 ("CPU Generator does not use offset").
        options["enable_chunked_prefill"] = False
    try:
        return LLM(
            model=choice.model, dtype=choice.dtype, trust_remote_code=False, disable_log_stats=True, **options
        )
    # vLLM, transformers, the hub and the driver each have errors of their own.
    except Exception as error:
        what = str(error).strip().partition("\n")[0] or type(error).__name__
        raise LoadError(
            f"The model {choice.model} cannot be loaded by vLLM ({what}): check its name and the number "
            "type, or choose another model or engine; the log says more."
        ) from error


def _reader(tokenizer: Any, context: int) -> Reader:
    return Reader(
        encode=lambda prompt: _encode(tokenizer, prompt),
        decode=lambda tokens: str(tokenizer.decode(list(tokens), skip_special_tokens=True)),
        start=tokenizer.bos_token_id,
        ends=frozenset({tokenizer.eos_token_id} - {None}),
        context=context,
        apart=False,
    )


def _encode(tokenizer: Any, prompt: Prompt) -> list[int]:
    if prompt.system is None:
        return list(tokenizer(prompt.text)["input_ids"])
    if tokenizer.chat_template is None:
        raise ValueError("this model was not made for chats: choose a prompt format without `system`")
    chat = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.text}]
    text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _sampling(task: Task, i: int) -> Any:
    """How the continuation number `i` is drawn."""
    completion = task.completion
    return SamplingParams(
        temperature=completion.temperature,
        seed=completion.seed + i,
        max_tokens=task.room,
        stop=list(completion.stop),
        logprobs=0,  # those of the tokens that were drawn
        output_kind=RequestOutputKind.FINAL_ONLY,
    )
