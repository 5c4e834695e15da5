"""Owns the tokens of models that read bytes: those of ByT5 (Xue et al., arXiv 2105.13626).

0 is padding, 1 ends a text, 2 is unknown; a byte's token is its value plus 3, and what
lies above them stands for no text.
"""

from collections.abc import Sequence

END = 1
_FIRST = 3
_LAST = _FIRST + 255


def encode(text: str) -> list[int]:
    """The tokens of `text`, the end included."""
    return [*(byte + _FIRST for byte in text.encode()), END]


def decode(tokens: Sequence[int]) -> str:
    """The text of `tokens`; a broken character becomes U+FFFD."""
    return bytes(token - _FIRST for token in tokens if _FIRST <= token <= _LAST).decode(errors="replace")
