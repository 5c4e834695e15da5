"""Owns loading a language model: which device and number type, and why one cannot be loaded."""

import inspect
import os
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from llmstep_lsp.worker import protocol
from llmstep_lsp.worker.place import LoadError


@dataclass(frozen=True)
class LoadedModel:
    """A decoder-only network with its tokenizer.

    `ends` are the ids of the tokens that end a text.  `context` is how many tokens the
    network can read and write, None if it names no limit.
    """

    tokenizer: Any
    network: Any
    device: torch.device
    ends: frozenset[int]
    context: int | None


def load(name: str, *, local: bool) -> LoadedModel:
    """The model in the directory `name`, or of that name on the Hugging Face hub.

    Raises:
        LoadError: it cannot be had or used.
    """
    torch.set_num_threads(max(1, _cores() - 1))  # one core stays free for Lean
    device, dtype = _device()
    options: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(name, **options)
        _check_kind(name, config)
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            name, dtype=dtype, output_loading_info=True, **options
        )
        network, report = loaded
        network.to(device).eval()
    except LoadError:
        raise
    # transformers, tokenizers, safetensors, the hub and the driver each have errors of their own;
    # whichever it is, a person must be told what became of their model.
    except Exception as error:
        raise LoadError(_reason(name, error, local=local)) from error
    _check_whole(name, network, report)
    return LoadedModel(
        tokenizer=tokenizer,
        network=network,
        device=device,
        ends=_ends(tokenizer, network),
        context=getattr(config.get_text_config(), "max_position_embeddings", None),
    )


def describe(name: str, model: LoadedModel) -> protocol.Model:
    """What the worker says of `model` when it is ready."""
    return protocol.Model(
        model=name,
        device=str(model.device),
        dtype=str(model.network.dtype).removeprefix("torch."),
        parameters=model.network.num_parameters(),
        context=model.context,
    )


def _check_kind(name: str, config: Any) -> None:
    """Raise `LoadError` if a model of this configuration does not just continue a text."""
    if config.is_encoder_decoder:
        raise LoadError(
            f"{name} is an encoder-decoder model ({config.model_type}), which is not supported: "
            "choose a decoder-only one (GPT-NeoX, Llama, Qwen, …)."
        )


def _check_whole(name: str, network: Any, report: Any) -> None:
    """Raise `LoadError` if `network` was loaded without some weights, or cannot continue from a cache."""
    if missing := sorted(report["missing_keys"]):
        raise LoadError(
            f"{name} lacks weights of a language model (such as {missing[0]}), so that it "
            "would answer at random: choose a model that was saved with its language-model head."
        )
    if "past_key_values" not in inspect.signature(network.forward).parameters:
        raise LoadError(
            f"{name} is a {type(network).__name__}, which keeps no key-value cache: choose a Transformer."
        )


def _reason(name: str, error: Exception, *, local: bool) -> str:
    """Why `name` cannot be loaded, and what to do, for a person."""
    if "trust_remote_code" in str(error):
        return (
            f"{name} brings program code of its own, which llmstep-lsp never runs: "
            "choose a model of a kind that transformers knows."
        )
    what = str(error).strip().partition("\n")[0] or type(error).__name__
    if local:
        return f"The model in {name} cannot be loaded ({what}): choose another one, or fetch it anew."
    return (
        f"{name} is no directory here, and cannot be loaded from the Hugging Face hub ({what}): check "
        "the name and the network; a private or gated model also needs `hf auth login`."
    )


def _device() -> tuple[torch.device, torch.dtype]:
    """The fastest device there is, with the number type that suits it."""
    if torch.cuda.is_available():
        return torch.device("cuda"), torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if torch.backends.mps.is_available():
        return torch.device("mps"), torch.float16
    return torch.device("cpu"), torch.float32


def _cores() -> int:
    """The number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _ends(tokenizer: Any, network: Any) -> frozenset[int]:
    """The end token of the tokenizer, and those that the model's generation settings name."""
    named = network.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])}
    return frozenset(ends - {None})
