"""Owns how an answer of OpenAI's protocol is read: its choices, as they grow, and their scores."""

import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmstep_lsp.domain.completion import Continuation, Token, until_stop


@dataclass
class _Choice:
    """One continuation as it grows; `text` is None until there is any."""

    text: str | None = None
    tokens: list[Token] = field(default_factory=list)
    ended: bool = False


class Answer:
    """The choices of one answer, whole or in pieces; with `tokens`, continuations have theirs."""

    def __init__(self, stop: Sequence[str], *, tokens: bool) -> None:
        self._stop = stop
        self._tokens = tokens
        self._choices: dict[int, _Choice] = {}

    def __len__(self) -> int:
        """How many choices have come."""
        return len(self._choices)

    @property
    def ended(self) -> bool:
        """Whether there is a choice, and each has ended."""
        return bool(self._choices) and all(choice.ended for choice in self._choices.values())

    @property
    def silent(self) -> bool:
        """Whether no choice has a text, be it an empty one."""
        return all(choice.text is None for choice in self._choices.values())

    def take(self, said: Any) -> list[Continuation]:
        """Take in a piece of a streamed answer; the continuations that end by it.

        Raises:
            ValueError: it is not of the protocol; an error, for example.
        """
        match said:
            case {"choices": [*pieces]}:
                return [done for number, piece in enumerate(pieces) if (done := self._grow(number, piece))]
            case {"choices": None}:  # some servers say so along with the usage
                return []
        raise ValueError(said)

    def end(self) -> list[Continuation]:
        """The continuations that have not ended yet, and do so now."""
        return [done for choice in self._choices.values() if not choice.ended and (done := self._end(choice))]

    def _grow(self, number: int, piece: Any) -> Continuation | None:
        if not isinstance(piece, dict):
            raise ValueError(piece)  # noqa: TRY004  # it is a value from outside
        index = piece.get("index")
        choice = self._choices.setdefault(index if isinstance(index, int) else number, _Choice())
        match piece:
            case (
                {"text": str(text)} | {"delta": {"content": str(text)}} | {"message": {"content": str(text)}}
            ):
                choice.text = (choice.text or "") + text
        choice.tokens.extend(_tokens(piece.get("logprobs")))
        if piece.get("finish_reason") is not None and not choice.ended:
            return self._end(choice)
        return None

    def _end(self, choice: _Choice) -> Continuation | None:
        choice.ended = True
        if choice.text is None:
            return None
        tokens = tuple(choice.tokens) if self._tokens else ()
        return Continuation(until_stop(choice.text, self._stop), _score(choice.tokens), tokens)


async def server_sent(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The data of each server-sent event of a stream (HTML standard, section 9.2).

    Lines end in LF or CR LF; events have one line of data each, as those of model servers do.
    """
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line.removeprefix(b"data:").strip()
    if rest.startswith(b"data:"):
        yield rest.removeprefix(b"data:").strip()


def _tokens(said: Any) -> Iterable[Token]:
    """The tokens that `logprobs` tells of, in the words of `/chat/completions` or of `/completions`."""
    match said:
        case {"content": [*entries]}:
            pairs: Iterable[tuple[Any, Any]] = (
                (entry.get("token"), entry.get("logprob")) for entry in entries if isinstance(entry, dict)
            )
        case {"tokens": [*texts], "token_logprobs": [*numbers]}:
            pairs = zip(texts, numbers, strict=False)
        case _:
            return
    for text, number in pairs:
        if isinstance(text, str) and isinstance(number, int | float):
            yield Token(text, float(number))


def _score(tokens: Sequence[Token]) -> float | None:
    if not tokens:
        return None
    mean = math.fsum(token.log_probability for token in tokens) / len(tokens)
    return mean if math.isfinite(mean) else None
