"""Owns a model of Pythia-70M's shape with random weights, for benchmarks: `python -m tests.shaped_model DIR`.

Such a model never ends by itself, so that each engine has the same to do.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedTokenizerFast

_ROOT = Path(__file__).parent.parent
_END = "<|endoftext|>"
_TOKENS = 50277  # of Pythia's tokenizer; its embedding has some rows more
_LEARNED = 4000


def save_shaped(directory: Path) -> None:
    """Write the model and a tokenizer of as many tokens, few of them learned, from our Lean files."""
    torch.manual_seed(0)
    network = GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=50304,
            hidden_size=512,
            num_hidden_layers=6,
            num_attention_heads=8,
            intermediate_size=2048,
            max_position_embeddings=2048,
            bos_token_id=0,
            eos_token_id=0,
            initializer_range=0.05,
        )
    )
    network.save_pretrained(directory)
    fast: Any = PreTrainedTokenizerFast
    fast(tokenizer_object=_tokenizer(), bos_token=_END, eos_token=_END).save_pretrained(directory)


def _tokenizer() -> Any:
    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer: Any = trainers.BpeTrainer
    tokenizer.train_from_iterator(
        (file.read_text() for file in sorted((_ROOT / "lean").rglob("*.lean"))),
        trainer(
            vocab_size=_LEARNED,
            special_tokens=[_END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.add_tokens([f"filler{i}" for i in range(_TOKENS - tokenizer.get_vocab_size())])
    return tokenizer


if __name__ == "__main__":
    save_shaped(Path(sys.argv[1]))
