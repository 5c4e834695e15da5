"""Owns what any model is asked, what it answers, and which parts of a prompt go if it is too long."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Part:
    """A piece of a prompt; the one with the lowest `rank` goes first, one without a rank never."""

    text: str
    rank: int | None = None


@dataclass(frozen=True)
class Prompt:
    """What a model is to continue: `parts`, one after the other.

    With `system`, it is a chat instead: `system` says what the model is to be, and the
    parts are what the person says.
    """

    parts: tuple[Part, ...]
    system: str | None = None

    @property
    def text(self) -> str:
        """The parts as one text."""
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True)
class Completion:
    """Asks for at most `count` distinct continuations of `prompt`.

    They are samples at `temperature`, equal ones told once (temperature 0: the greedy
    continuation alone), or with `beams` the likeliest that a beam search finds.  One ends at
    the model's own end token, before the first of the strings `stop`, or after
    `max_new_tokens`.  What has not ended after `seconds` (None: no limit) is given up.
    The same completion, where the model allows it, gets the same answer: `seed` starts the
    samples.  An engine that can only do so at some cost does it if they are to be `repeatable`.
    `tokens` asks for the log-probability of each token, too.
    """

    prompt: Prompt
    count: int
    max_new_tokens: int = 128
    temperature: float = 0.7
    beams: bool = False
    seed: int = 0
    repeatable: bool = False
    stop: tuple[str, ...] = ()
    seconds: float | None = None
    tokens: bool = False


@dataclass(frozen=True)
class Token:
    """A piece of a continuation and its untempered log-probability, in nats."""

    text: str
    log_probability: float


@dataclass(frozen=True)
class Continuation:
    """What follows a prompt; `score` is the mean untempered log-probability of its tokens.

    The token that ends it counts too.  None: the model does not tell.
    """

    text: str
    score: float | None
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True)
class Model:
    """What was loaded: its parameters (a count) and context (tokens); None: not known.

    `device` and `dtype` are in the words of the engine.
    """

    engine: str
    model: str
    device: str
    dtype: str
    parameters: int | None
    context: int | None


def cut(prompt: Prompt, fits: Callable[[Prompt], bool]) -> Prompt:
    """`prompt` without as few of its ranked parts as it takes until it `fits`, the lowest rank first.

    What does not even fit without all of them is returned without them: the rest is cut by
    its tokens.
    """
    ranked = sorted((part.rank, i) for i, part in enumerate(prompt.parts) if part.rank is not None)
    places = [i for _, i in ranked]
    few, many = 0, len(places)  # bisect: fewer than `few` do not do, `many` is the most there is
    while few < many:
        middle = (few + many) // 2
        if fits(_without(prompt, places[:middle])):
            many = middle
        else:
            few = middle + 1
    return _without(prompt, places[:few])


def until_stop(text: str, stop: Sequence[str]) -> str:
    """`text` up to the first of the strings `stop`."""
    return text[: min((place for place in map(text.find, stop) if place >= 0), default=len(text))]


def _without(prompt: Prompt, places: Sequence[int]) -> Prompt:
    gone = set(places)
    return replace(prompt, parts=tuple(part for i, part in enumerate(prompt.parts) if i not in gone))
