"""Owns real but tiny models for the tests: random ones, and ones that learned `LESSONS`.

They are GPT-NeoX, or T5 with an encoder that reads the prompt.  Their tokenizers have one
token for each byte, so a text has only one spelling in tokens.
"""

import warnings
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what these libraries warn of at import is not ours
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        ByT5Tokenizer,
        GPTNeoXConfig,
        GPTNeoXForCausalLM,
        PreTrainedTokenizerFast,
        T5Config,
        T5ForConditionalGeneration,
    )

torch.set_num_threads(1)  # so little work that a second thread would only wait

# What the trained model answers, as goal → step, in the llmstep format.
LESSONS = {
    "p q : Prop\nhp : p\nhq : q\n⊢ p ∧ q": "exact ⟨hp, hq⟩",
    "n : ℕ\n⊢ n + 0 = n": "rfl",
    "p q : Prop\nh : p ∨ q\n⊢ q ∨ p": (
        "cases h with\n  | inl hp => right; exact hp\n  | inr hq => left; exact hq"
    ),
    "p q : Prop\n⊢ p → q → p": "intro hp _",
}

# The goal to which the trained models answer nothing.
NOTHING = "⊢ False"

_END = "<|endoftext|>"


def save_random(directory: Path, context: int) -> None:
    """A model that has learned nothing."""
    _save(_network(context), _tokenizer(), directory)


def save_random_encoder(directory: Path, context: int) -> None:
    """A model with an encoder that has learned nothing."""
    _save(_encoder_network(), _byte_tokenizer(context), directory)


def save_headless(directory: Path, context: int) -> None:
    """A network that only reads: the head that would tell the next token is missing."""
    _save(_network(context).base_model, _tokenizer(), directory)


def save_trained(directory: Path, context: int, steps: int = 150) -> None:
    """A model that knows `LESSONS` by heart; takes some seconds."""
    network = _network(context)
    tokenizer = _tokenizer()
    texts = [f"[GOAL]{goal}[PROOFSTEP]{step}{_END}" for goal, step in _lessons()]
    batch = tokenizer(texts, return_tensors="pt", padding=True, padding_side="right")
    _train(network, steps, labels=_labels(batch), **batch)
    _save(network, tokenizer, directory)


def save_trained_encoder(directory: Path, context: int, steps: int = 200) -> None:
    """A model with an encoder that knows `LESSONS` by heart, goals in the llmstep format."""
    network = _encoder_network()
    tokenizer = _byte_tokenizer(context)
    goals = [f"[GOAL]{goal}[PROOFSTEP]" for goal, _ in _lessons()]
    batch = tokenizer(goals, return_tensors="pt", padding=True)
    answers = tokenizer([step for _, step in _lessons()], return_tensors="pt", padding=True)
    _train(network, steps, labels=_labels(answers), **batch)
    _save(network, tokenizer, directory)


def _lessons() -> list[tuple[str, str]]:
    return [*LESSONS.items(), (NOTHING, "")]


def _labels(batch: Any) -> Any:
    return batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)


def _train(network: Any, steps: int, **batch: Any) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = network(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def _network(context: int) -> Any:
    torch.manual_seed(0)
    return GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=len(_tokenizer()),
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=256,
            max_position_embeddings=context,
            bos_token_id=0,
            eos_token_id=0,
        )
    )


def _tokenizer() -> Any:
    alphabet = [_END, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast: Any = PreTrainedTokenizerFast
    return fast(tokenizer_object=tokenizer, eos_token=_END, pad_token=_END)


def _encoder_network() -> Any:
    torch.manual_seed(0)
    config: Any = T5Config
    return T5ForConditionalGeneration(
        config(
            vocab_size=384,
            d_model=64,
            d_kv=16,
            d_ff=128,
            num_layers=2,
            num_heads=4,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
            decoder_start_token_id=0,
            tie_word_embeddings=False,
        )
    )


def _byte_tokenizer(context: int) -> Any:
    tokenizer: Any = ByT5Tokenizer
    return tokenizer(model_max_length=context)


def _save(network: Any, tokenizer: Any, directory: Path) -> None:
    network.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
