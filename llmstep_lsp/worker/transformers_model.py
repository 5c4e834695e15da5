"""Owns loading a model by transformers: which device and number type, and why one cannot be loaded."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from llmstep_lsp.domain.completion import Prompt
from llmstep_lsp.worker.engines import Choice
from llmstep_lsp.worker.place import LoadError
from llmstep_lsp.worker.reading import Reader, threads

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
# A tokenizer that knows no limit names an astronomic one.
_NO_LIMIT = 10**9


@dataclass(frozen=True)
class LoadedModel:
    """A network with its tokenizer.

    `first` is the token that a decoder behind an encoder begins with; None: there is no encoder.
    """

    network: Any
    device: torch.device
    reader: Reader
    first: int | None

    @property
    def dtype(self) -> str:
        """The number type of its weights."""
        return str(self.network.dtype).removeprefix("torch.")


def load(choice: Choice, *, local: bool) -> LoadedModel:
    """The model in a directory (`local`), or of that name on the Hugging Face hub.

    Raises:
        LoadError: it cannot be had or used.
    """
    torch.set_num_threads(threads())
    device, dtype = _place(choice)
    name = choice.model
    options: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(name, **options)
        kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        network, report = kind.from_pretrained(name, dtype=dtype, output_loading_info=True, **options)
        network.to(device).eval()
    # transformers, tokenizers, safetensors, the hub and the driver each have errors of their own;
    # whichever it is, a person must be told what became of their model.
    except Exception as error:
        raise LoadError(reason(name, error, local=local)) from error
    check_whole(name, network, report)
    return LoadedModel(
        network=network,
        device=device,
        reader=_reader(tokenizer, network, config),
        first=_first(network) if config.is_encoder_decoder else None,
    )


def _place(choice: Choice) -> tuple[torch.device, torch.dtype]:
    """The device and the number type that are asked for, or the fastest there are.

    Raises:
        LoadError: there is no such thing here.
    """
    device = _device(choice.device)
    if choice.dtype in _DTYPES:
        return device, _DTYPES[choice.dtype]
    if choice.dtype != "auto":
        raise LoadError(
            f"transformers has no number type {choice.dtype} for models: choose {', '.join(_DTYPES)} or auto."
        )
    if device.type == "cuda":
        return device, torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return device, torch.float16 if device.type == "mps" else torch.float32


def _device(name: str) -> torch.device:
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    kind, _, number = name.partition(":")
    if available.get(kind) and (not number or _exists(kind, number)):
        return torch.device(name)
    found = ", ".join(kind for kind, there in available.items() if there)
    raise LoadError(
        f"There is no device {name} here: PyTorch {torch.__version__} finds {found}. Choose one of them or "
        "auto; for a GPU, install the PyTorch build that fits its driver."
    )


def _exists(kind: str, number: str) -> bool:
    count = torch.cuda.device_count() if kind == "cuda" else 1
    return number.isdecimal() and int(number) < count


def check_whole(name: str, network: Any, report: Any) -> None:
    """Raise `LoadError` if `network` was loaded without some weights, or cannot continue from a cache."""
    if missing := sorted(report["missing_keys"]):
        raise LoadError(
            f"{name} lacks weights of a language model (such as {missing[0]}), so that it "
            "would answer at random: choose a model that was saved with its language-model head."
        )
    if not cache_name(network):
        raise LoadError(
            f"{name} is a {type(network).__name__}, which keeps no key-value cache: choose a Transformer."
        )


def cache_name(network: Any) -> str:
    """What `network` calls its key-value cache, as an argument and in its output; "" if it has none.

    Its name is `cache` from transformers 5.24 on.
    """
    accepted = inspect.signature(network.forward).parameters
    return next((name for name in ("cache", "past_key_values") if name in accepted), "")


def reason(name: str, error: Exception, *, local: bool) -> str:
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


def _reader(tokenizer: Any, network: Any, config: Any) -> Reader:
    return Reader(
        encode=lambda prompt: encode(tokenizer, prompt),
        decode=lambda tokens: _decode(tokenizer, tokens),
        start=tokenizer.bos_token_id,
        ends=ends(tokenizer, network.generation_config),
        context=context(tokenizer, config),
        apart=config.is_encoder_decoder,
    )


def context(tokenizer: Any, config: Any) -> int | None:
    """How many tokens a network of this configuration can read, None if it names no limit."""
    limit = getattr(config.get_text_config(), "max_position_embeddings", None)
    if limit is None and tokenizer.model_max_length < _NO_LIMIT:
        limit = tokenizer.model_max_length
    return limit


def ends(tokenizer: Any, settings: Any) -> frozenset[int]:
    """The end token of the tokenizer, and those that the generation `settings` of a model name."""
    named = settings.eos_token_id
    found = {tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])}
    return frozenset(found - {None})


def _first(network: Any) -> int:
    settings = network.generation_config
    start = settings.decoder_start_token_id
    token: int = settings.bos_token_id if start is None else start
    return token


def encode(tokenizer: Any, prompt: Prompt) -> list[int]:
    """The tokens that a network reads of `prompt`.

    Raises:
        ValueError: it is a chat, for which the model was not made.
    """
    text, special = prompt.text, True
    if prompt.system is not None:
        text, special = _chat(tokenizer, prompt.system, prompt.text), False  # the template has them
    tokens: list[int] = tokenizer(text, add_special_tokens=special)["input_ids"]
    return tokens


def _chat(tokenizer: Any, system: str, said: str) -> str:
    if tokenizer.chat_template is None:
        raise ValueError("this model was not made for chats: choose a prompt format without `system`")
    chat = [{"role": "system", "content": system}, {"role": "user", "content": said}]
    text: str = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    return text


def _decode(tokenizer: Any, tokens: Sequence[int]) -> str:
    """The text of `tokens`, exactly; end tokens and the like are left out."""
    text: str = tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text
