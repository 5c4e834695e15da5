"""Owns what a training starts from: a model that is there, or a new one, and its tokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedTokenizerFast,
    set_seed,
)

from llmstep_lsp.domain.recipe import Example, NewModel, Run
from llmstep_lsp.training.new_model import learn_tokenizer, make_network
from llmstep_lsp.training.protocol import TOKENIZER
from llmstep_lsp.worker.place import LoadError, is_local
from llmstep_lsp.worker.transformers_model import check_whole, context, reason


@dataclass(frozen=True)
class Start:
    """A network whose weights are float32, and its tokenizer."""

    network: Any
    tokenizer: Any

    @property
    def apart(self) -> bool:
        """Whether an encoder reads the prompt."""
        return bool(self.network.config.is_encoder_decoder)

    @property
    def context(self) -> int | None:
        """How many tokens it can read; None if there is no limit."""
        return context(self.tokenizer, self.network.config)


def start(run: Run, examples: Sequence[Example], directory: Path) -> Start:
    """What `run` starts from; a new tokenizer is kept in `directory`.

    Raises:
        LoadError: the model cannot be had or trained.
    """
    set_seed(run.recipe.seed)
    made = _new(run.model, run, examples, directory) if isinstance(run.model, NewModel) else _given(run.model)
    if run.recipe.lora is not None:
        return Start(_with_lora(made, run.recipe.lora), made.tokenizer)
    return made


def _new(new: NewModel, run: Run, examples: Sequence[Example], directory: Path) -> Start:
    place = directory / TOKENIZER
    if (place / "tokenizer_config.json").is_file():  # written last
        fast: Any = PreTrainedTokenizerFast
        tokenizer = fast.from_pretrained(place)
    else:
        tokenizer = learn_tokenizer(new, run.recipe.length, run.markers, examples)
        tokenizer.save_pretrained(place)
    network = make_network(new, run.recipe.length, tokenizer)
    if not torch.cuda.is_available():
        network.set_attn_implementation(
            "eager"
        )  # a quarter faster on a CPU, for texts as short as most goals
    return Start(network, tokenizer)


def _given(name: str) -> Start:
    local = is_local(name)
    options: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(name, **options)
        kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        network, report = kind.from_pretrained(name, dtype=torch.float32, output_loading_info=True, **options)
    # transformers, tokenizers, safetensors and the hub each have errors of their own.
    except Exception as error:
        raise LoadError(reason(name, error, local=local)) from error
    check_whole(name, network, report)
    if tokenizer.eos_token_id is None:
        raise LoadError(
            f"{name} has no end token, so it cannot learn where a step ends: choose another model."
        )
    return Start(network, tokenizer)


def _with_lora(made: Start, rank: int) -> Any:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415  # takes seconds to load

    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules="all-linear",
        task_type="SEQ_2_SEQ_LM" if made.apart else "CAUSAL_LM",
    )
    return get_peft_model(made.network, config)
