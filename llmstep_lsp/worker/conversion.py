"""Owns how a model of transformers becomes one of CTranslate2."""

import json
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what these libraries warn of at import is not ours
    import torch
    import transformers
    from ctranslate2.converters import TransformersConverter
    from ctranslate2.converters.transformers import T5Loader
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForSeq2SeqLM,
        AutoTokenizer,
        GenerationConfig,
        GPTNeoXConfig,
        GPTNeoXForCausalLM,
    )

from llmstep_lsp.worker import byte_tokens, description
from llmstep_lsp.worker.place import LoadError, is_local
from llmstep_lsp.worker.transformers_model import context, ends, reason


def convert(name: str, directory: Path, quantization: str) -> None:
    """Write the model `name` into `directory`, which must not exist, its weights as `quantization`.

    Raises:
        LoadError: the model cannot be had, or CTranslate2 cannot run its kind.
        OSError: the directory cannot be written.
    """
    if directory.exists():
        raise LoadError(f"{directory} exists already: name a directory that does not.")
    local = is_local(name)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as temporary:
        made = Path(temporary) / "model"
        try:
            said = _convert(name, made, quantization, local=local)
        except Exception as error:  # whatever it is, a person must be told what became of their model
            raise LoadError(reason(name, error, local=local)) from error
        description.write(made, said)
        if (prompt := Path(name) / description.PROMPT).is_file():
            shutil.copy(prompt, made)
        made.rename(directory)


def _convert(name: str, made: Path, quantization: str, *, local: bool) -> description.Description:
    options: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}
    config = AutoConfig.from_pretrained(name, **options)
    tokenizer = AutoTokenizer.from_pretrained(name, **options)
    _mend_gpt_neox()
    _mend_t5()
    TransformersConverter(name).convert(
        str(made), quantization=None if quantization == "float32" else quantization
    )
    _mend(made / "config.json", tokenizer, config)
    if not _reads_bytes(tokenizer):
        tokenizer.backend_tokenizer.save(str(made / "tokenizer.json"))
    with torch.device("meta"):  # without weights
        kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        network = kind.from_config(config)
    return description.Description(
        model=name,
        encoder=config.is_encoder_decoder,
        bytes=_reads_bytes(tokenizer),
        parameters=network.num_parameters(),
        context=context(tokenizer, config),
        start=tokenizer.bos_token_id,
        ends=tuple(sorted(ends(tokenizer, _generation(name, network, options)))),
        end=tokenizer.eos_token,
    )


def _generation(name: str, network: Any, options: dict[str, Any]) -> Any:
    """The model's generation settings."""
    try:
        return GenerationConfig.from_pretrained(name, **options)
    except OSError:  # it has no file for them
        return network.generation_config


def _reads_bytes(tokenizer: Any) -> bool:
    """Whether its tokens are those of `byte_tokens`."""
    sample = "⊢ α\n"
    return not tokenizer.is_fast and tokenizer(sample)["input_ids"] == byte_tokens.encode(sample)


def _mend_gpt_neox() -> None:
    """Give back to GPT-NeoX what CTranslate2 reads of it, under the names that transformers 5 gave up."""
    config_kind: Any = GPTNeoXConfig
    network_kind: Any = GPTNeoXForCausalLM
    if not hasattr(GPTNeoXConfig(), "rotary_pct"):
        config_kind.rotary_pct = property(
            lambda config: (config.rope_parameters or {}).get("partial_rotary_factor", 0.25)
        )
    if not hasattr(GPTNeoXForCausalLM, "embed_out"):
        network_kind.embed_out = property(lambda network: network.lm_head)


def _mend_t5() -> None:
    """Let CTranslate2 scale what T5 says as transformers 5 does, which moved the setting it reads."""
    loader: Any = T5Loader
    plain = loader.get_model_spec

    def get_model_spec(self: Any, model: Any) -> Any:
        model.config.tie_word_embeddings = getattr(model.config, "scale_decoder_outputs", False)
        return plain(self, model)

    if not transformers.__version__.startswith("4."):
        loader.get_model_spec = get_model_spec


def _mend(file: Path, tokenizer: Any, config: Any) -> None:
    """Fill what the converter left open in its own config.json, where the library takes no null."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    for token in ("bos_token", "unk_token"):
        if token in settings and settings[token] is None:
            settings[token] = tokenizer.eos_token
    if "layer_norm_epsilon" in settings and settings["layer_norm_epsilon"] is None:
        names = ("layer_norm_epsilon", "layer_norm_eps", "rms_norm_eps")
        settings["layer_norm_epsilon"] = next((getattr(config, n) for n in names if hasattr(config, n)), None)
    file.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
