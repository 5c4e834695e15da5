"""Owns the libraries' own generation, one call a prompt and nothing around it: the measure of benchmarks.

`python -m llmstep_lsp.worker.bare` reads a `Trial` as JSON, writes an `Outcome`, and ends.  With
transformers that is what LLMSTEP's `server.py` does for a request (Welleck and Saha, 2023).
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llmstep_lsp.domain.completion import Part, Prompt
from llmstep_lsp.worker import description
from llmstep_lsp.worker.engines import Choice
from llmstep_lsp.worker.reading import threads


@dataclass(frozen=True)
class Trial:
    """Prompts, and how each is continued: `count` samples of at most `max_new_tokens` tokens."""

    engine: str
    model: str
    device: str
    dtype: str
    prompts: tuple[str, ...]
    count: int
    max_new_tokens: int
    temperature: float


@dataclass(frozen=True)
class Outcome:
    """The seconds that each prompt took, and how many distinct continuations it got."""

    seconds: tuple[float, ...]
    suggestions: tuple[int, ...]


Generate = Callable[[str, Trial], list[str]]

BARE = ("ctranslate2", "transformers")
"""The engines whose libraries can be asked."""


def measure(trial: Trial) -> Outcome:
    """Continue each prompt of `trial`, after the first one once that does not count."""
    load = {"ctranslate2": _ctranslate2, "transformers": _transformers}[trial.engine]
    generate = load(Choice(trial.engine, trial.model, trial.device, trial.dtype))
    generate(trial.prompts[0], trial)
    seconds: list[float] = []
    suggestions: list[int] = []
    for prompt in trial.prompts:
        started = time.perf_counter()
        found = generate(prompt, trial)
        seconds.append(time.perf_counter() - started)
        suggestions.append(len(set(found)))
    return Outcome(tuple(seconds), tuple(suggestions))


def _transformers(choice: Choice) -> Generate:
    import torch  # noqa: PLC0415  # the other engine needs none
    from transformers import AutoTokenizer  # noqa: PLC0415

    from llmstep_lsp.worker.transformers_model import load  # noqa: PLC0415

    loaded = load(choice, local=Path(choice.model).is_dir())
    tokenizer: Any = AutoTokenizer.from_pretrained(choice.model)

    def generate(prompt: str, trial: Trial) -> list[str]:
        tokens = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False).to(loaded.device)
        options = {"temperature": trial.temperature} if trial.temperature else {}
        with torch.inference_mode():
            written = loaded.network.generate(
                **tokens,
                max_new_tokens=trial.max_new_tokens,
                num_return_sequences=trial.count,
                do_sample=trial.temperature > 0,
                pad_token_id=tokenizer.eos_token_id,
                **options,
            )
        start = 0 if loaded.first is not None else tokens["input_ids"].shape[1]
        texts: list[str] = tokenizer.batch_decode(written[:, start:], skip_special_tokens=True)
        return texts

    return generate


def _ctranslate2(choice: Choice) -> Generate:
    import ctranslate2  # noqa: PLC0415  # the other engine needs none

    from llmstep_lsp.worker.ctranslate2_engine import read_tokenizer, vocabulary  # noqa: PLC0415

    said = description.read(Path(choice.model))
    kind = ctranslate2.Translator if said.encoder else ctranslate2.Generator
    model: Any = kind(
        choice.model,
        device="auto" if choice.device == "auto" else choice.device,
        compute_type="default" if choice.dtype == "auto" else choice.dtype,
        intra_threads=threads(),
    )
    reader = read_tokenizer(Path(choice.model), said)
    names = vocabulary(Path(choice.model))

    def generate(prompt: str, trial: Trial) -> list[str]:
        tokens = [names[token] for token in reader.encode(Prompt((Part(prompt),)))]
        options = {
            "num_hypotheses": trial.count,
            "sampling_topk": 0,
            "sampling_temperature": trial.temperature or 1,
        }
        if said.encoder:
            (found,) = model.translate_batch([tokens], max_decoding_length=trial.max_new_tokens, **options)
            return ["".join(hypothesis) for hypothesis in found.hypotheses]
        (found,) = model.generate_batch(
            [tokens], max_length=trial.max_new_tokens, include_prompt_in_result=False, **options
        )
        return [reader.decode(ids) for ids in found.sequences_ids]

    return generate


def main() -> None:
    """Answer the trial on standard input; whatever else prints goes to standard error."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    said = json.load(sys.stdin)
    outcome = measure(Trial(**said | {"prompts": tuple(said["prompts"])}))
    json.dump(asdict(outcome), answer)
    answer.close()


if __name__ == "__main__":
    main()
