"""Owns real but tiny GPT-NeoX models for the tests: a random one, and one that learned `LESSONS`.

Their tokenizer has one token for each byte, so a text has only one spelling in tokens.
"""

import warnings
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what these libraries warn of at import is not ours
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedTokenizerFast

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

_END = "<|endoftext|>"


def save_random(directory: Path, context: int) -> None:
    """A model that has learned nothing."""
    _save(_network(context), directory)


def save_headless(directory: Path, context: int) -> None:
    """A network that only reads: the head that would tell the next token is missing."""
    _save(_network(context).base_model, directory)


def save_trained(directory: Path, context: int, steps: int = 150) -> None:
    """A model that knows `LESSONS` by heart; takes some seconds."""
    network = _network(context)
    tokenizer = _tokenizer()
    texts = [f"[GOAL]{goal}[PROOFSTEP]{step}{_END}" for goal, step in LESSONS.items()]
    batch = tokenizer(texts, return_tensors="pt", padding=True, padding_side="right")
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = network(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    _save(network, directory)


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


def _save(network: Any, directory: Path) -> None:
    network.save_pretrained(directory)
    _tokenizer().save_pretrained(directory)
