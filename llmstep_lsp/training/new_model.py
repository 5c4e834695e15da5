"""Owns models that know nothing yet, and their tokenizers, which are learned from the examples."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from llmstep_lsp.domain.recipe import Example, NewModel
from llmstep_lsp.worker.place import LoadError

END = "<|endoftext|>"


def learn_tokenizer(new: NewModel, length: int, markers: Sequence[str], examples: Iterable[Example]) -> Any:
    """A byte-level BPE tokenizer; `markers` are tokens of their own, and END ends and pads texts.

    Raises:
        LoadError: the vocabulary is too small.
    """
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    least = len(alphabet) + len(markers) + 1
    if new.vocabulary < least:
        raise LoadError(
            f"A vocabulary of {new.vocabulary} is too small: {least} tokens are bytes and markers."
        )
    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            # A line's end stays apart from its indentation, and digits from each other.
            pre_tokenizers.Split(Regex(r"\n|\d"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer: Any = trainers.BpeTrainer
    tokenizer.train_from_iterator(
        _texts(markers, examples),
        trainer(
            vocab_size=new.vocabulary - len(markers),
            special_tokens=[END],
            initial_alphabet=alphabet,
            show_progress=False,
        ),
    )
    # Not special: what a model writes of them is text, at which an answer may be cut.
    tokenizer.add_tokens([AddedToken(marker, normalized=False) for marker in markers])
    fast: Any = PreTrainedTokenizerFast
    return fast(tokenizer_object=tokenizer, eos_token=END, pad_token=END, model_max_length=length)


def _texts(markers: Sequence[str], examples: Iterable[Example]) -> Iterator[str]:
    """The texts of the examples without the markers, which are no words."""
    for example in examples:
        for text in (example.prompt.text, example.answer):
            for marker in markers:
                text = text.replace(marker, "\n")  # noqa: PLW2901
            yield text


def make_network(new: NewModel, length: int, tokenizer: Any) -> Any:
    """A network with random weights for texts of at most `length` tokens."""
    end = tokenizer.eos_token_id
    common = {"vocab_size": len(tokenizer), "pad_token_id": end, "eos_token_id": end}
    if new.architecture == "t5":
        t5: Any = T5Config
        return T5ForConditionalGeneration(
            t5(
                d_model=new.hidden,
                d_kv=new.hidden // new.heads,
                d_ff=2 * new.hidden,
                num_layers=new.layers,
                num_heads=new.heads,
                feed_forward_proj="gated-gelu",
                dropout_rate=0.0,
                decoder_start_token_id=end,
                tie_word_embeddings=False,
                **common,
            )
        )
    common |= {
        "hidden_size": new.hidden,
        "num_hidden_layers": new.layers,
        "num_attention_heads": new.heads,
        "max_position_embeddings": length,
        "bos_token_id": end,
    }
    if new.architecture == "llama":
        return LlamaForCausalLM(LlamaConfig(intermediate_size=8 * new.hidden // 3, **common))
    common |= {"intermediate_size": 4 * new.hidden, "tie_word_embeddings": True}
    return GPTNeoXForCausalLM(GPTNeoXConfig(**common))
