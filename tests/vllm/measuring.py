"""Owns what a model says by plain forward passes of transformers, to compare with what vLLM says."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM


class Network:
    """The model in a directory, whose tokens are bytes."""

    def __init__(self, directory: Path) -> None:
        network: Any = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
        self._network = network.eval()

    def log_probabilities(self, prompt: str, text: str, *, ended: bool) -> list[float]:
        """Those of the tokens of `text` after `prompt`, and of the end token if it `ended`."""
        before, after = tokens(prompt), tokens(text) + [0] * ended
        with torch.inference_mode():
            logits = self._network(torch.tensor([[*before, *after]])).logits[0]
        said = torch.log_softmax(logits, dim=-1)[len(before) - 1 : -1]
        found: list[float] = said[range(len(after)), after].tolist()
        return found

    def mean(self, prompt: str, text: str, most: int) -> float:
        """The mean of these, of a text that ended itself unless it has `most` tokens."""
        said = self.log_probabilities(prompt, text, ended=len(text.encode()) < most)
        return sum(said) / len(said)

    def likeliest(self, prompt: str, most: int) -> str:
        """The greedy continuation of at most so many tokens."""
        written: list[int] = []
        while len(written) < most and written[-1:] != [0]:
            with torch.inference_mode():
                logits = self._network(torch.tensor([tokens(prompt) + written])).logits[0, -1]
            written.append(int(logits.argmax()))
        return bytes(_BYTES[token - 1] for token in written if token).decode(errors="replace")


def tokens(text: str) -> list[int]:
    """The tokens of `text`: 0 is the end token, the bytes' stand-ins follow sorted."""
    return [_BYTES.index(byte) + 1 for byte in text.encode()]


_PRINTABLE = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_BYTES = _PRINTABLE + [byte for byte in range(256) if byte not in _PRINTABLE]
