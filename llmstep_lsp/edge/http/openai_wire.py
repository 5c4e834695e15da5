"""Owns OpenAI's shapes: the request of `/v1/completions`, its answer whole and in events, `/v1/models`.

Sources: OpenAI's API reference, "Completions" and "Models"; vLLM's for `use_beam_search` and
`max_model_len`.  What differs from OpenAI:

* Samples are drawn as `choices` says.  A beam search may find fewer than `n`; choice `j` of prompt
  `i` has the index `i * n + j`.
* `logprobs` is 0 or 1, and says nothing of other tokens than the chosen ones (`top_logprobs` is
  null); `text_offset` counts from the start of the choice's text, as vLLM does.
* An event holds a whole choice: steps are short, and come when they end.
* A prompt that is too long is cut at its start, not refused; new tokens get up to half of the context.
* The tokens of a prompt are not counted here, so `prompt_tokens` and `total_tokens` are null.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from llmstep_lsp.domain.completion import Completion, Continuation, Part, Prompt
from llmstep_lsp.edge.http.reading import text
from llmstep_lsp.edge.http.refusals import RefusedError

DONE = "data: [DONE]\n\n"

_OURS = {"model", "prompt", "n", "max_tokens", "temperature", "stop", "seed", "logprobs", "stream"}
_OURS |= {"use_beam_search"}
# Others that change nothing in an answer, and those that change nothing with these values.
_IDLE = {"user", "metadata", "store"}
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "echo": (False,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "suffix": ("",),
    "top_p": (1,),
}
_MOST_CHOICES = 256  # of one request
_HOTTEST = 2.0  # OpenAI's limit
_SEEDS = 2**31


@dataclass(frozen=True)
class Asked:
    """A request for completions: one `Completion` for each prompt, and how it is to be answered."""

    completions: tuple[Completion, ...]
    n: int
    logprobs: bool
    stream: bool


def asked(body: Mapping[str, Any], served: str) -> Asked:
    """What `body` asks of the model `served`.

    Raises:
        RefusedError: it asks for another model or for what there is not, or does not parse.
    """
    given = {name: value for name, value in body.items() if value is not None}
    model = text(given.get("model", served), "model")
    if model != served:
        raise RefusedError(
            404,
            f"There is no model {model!r} here; there is {served!r}.",
            param="model",
            code="model_not_found",
        )
    n = _whole(given, "n", 1, 1, _MOST_CHOICES)
    for name, value in given.items():
        neutral = (n,) if name == "best_of" else _NEUTRAL.get(name, ())
        if name not in _OURS | _IDLE and not any(_same(value, idle) for idle in neutral):
            raise RefusedError(400, f"`{name}` is not supported: leave it out.", param=name)
    prompts = _texts(given.get("prompt"), "prompt")
    if not prompts:
        raise RefusedError(400, "`prompt` is missing.", param="prompt")
    if len(prompts) * n > _MOST_CHOICES:
        raise RefusedError(
            400,
            f"{len(prompts)} prompts with {n} choices each are more than {_MOST_CHOICES} choices.",
            param="n",
        )
    pattern = Completion(
        Prompt(()),
        count=n,
        max_new_tokens=_whole(given, "max_tokens", 16, 1, 2**31),
        temperature=_temperature(given),
        beams=_flag(given, "use_beam_search"),
        seed=_whole(given, "seed", secrets.randbelow(_SEEDS), -(2**63), 2**64 - 1) % _SEEDS,
        stop=tuple(stop for stop in _texts(given.get("stop"), "stop") if stop),
        tokens=True,
    )
    return Asked(
        tuple(replace(pattern, prompt=Prompt((Part(prompt),))) for prompt in prompts),
        n,
        "logprobs" in given and _whole(given, "logprobs", 0, 0, 1) >= 0,
        _flag(given, "stream"),
    )


@dataclass(frozen=True)
class Answer:
    """What all of an answer says: its `id`, when it was `created` (Unix seconds), by which `model`.

    `context` is that of the model, in tokens; None: not known.
    """

    id: str
    created: int
    model: str
    context: int | None
    asked: Asked

    @classmethod
    def to(cls, asked: Asked, model: str, context: int | None, now: float) -> "Answer":
        """The start of an answer to `asked`."""
        return cls(f"cmpl-{secrets.token_hex(12)}", int(now), model, context, asked)

    def whole(self, found: Sequence[Sequence[Continuation]]) -> dict[str, Any]:
        """All of it: the continuations found for each prompt."""
        choices = [
            self._choice(number, place, continuation)
            for number, continuations in enumerate(found)
            for place, continuation in enumerate(continuations)
        ]
        written = sum(len(one.tokens) for continuations in found for one in continuations)
        usage = {"prompt_tokens": None, "completion_tokens": written, "total_tokens": None}
        return self._object(choices) | {"usage": usage}

    def event(self, number: int, place: int, continuation: Continuation) -> str:
        """The server-sent event of one choice: the `place`th for prompt `number`, both from 0."""
        return event(self._object([self._choice(number, place, continuation)]))

    def _object(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }

    def _choice(self, number: int, place: int, continuation: Continuation) -> dict[str, Any]:
        wanted = self.asked.completions[number].max_new_tokens
        # Prompts are cut so that new tokens get up to half of the context.
        longest = wanted if self.context is None else min(wanted, self.context // 2)
        return {
            "index": number * self.asked.n + place,
            "text": continuation.text,
            "logprobs": _logprobs(continuation) if self.asked.logprobs and continuation.tokens else None,
            "finish_reason": "length" if _cut_off(continuation, longest) else "stop",
        }


def models(served: str, context: int | None, created: int) -> dict[str, Any]:
    """The list of models: the one that is `served`; its `context` in tokens, None while it is not known."""
    model: dict[str, Any] = {
        "id": served,
        "object": "model",
        "created": created,
        "owned_by": "llmstep-lsp",
    }
    if context is not None:
        model["max_model_len"] = context
    return {"object": "list", "data": [model]}


def event(value: dict[str, Any]) -> str:
    """The server-sent event that says `value`."""
    return f"data: {json.dumps(value, ensure_ascii=False, allow_nan=False)}\n\n"


def _logprobs(continuation: Continuation) -> dict[str, Any]:
    tokens = continuation.tokens
    ends = accumulate((len(token.text) for token in tokens), initial=0)
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [token.log_probability for token in tokens],
        "text_offset": list(ends)[:-1],
        "top_logprobs": None,
    }


def _cut_off(continuation: Continuation, longest: int) -> bool:
    """Whether it has all the tokens it may, and neither an end token nor a stop string ended it."""
    texts = [token.text for token in continuation.tokens]
    return len(texts) >= longest and texts[-1] != "" and "".join(texts) == continuation.text


def _whole(given: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = given.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise RefusedError(400, f"`{name}` must be a whole number from {least} to {most}.", param=name)
    return value


def _temperature(given: Mapping[str, Any]) -> float:
    value = given.get("temperature", 1.0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _HOTTEST:
        raise RefusedError(
            400, f"`temperature` must be a number from 0 to {_HOTTEST:g}.", param="temperature"
        )
    return float(value)


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise RefusedError(400, f"`{name}` must be true or false.", param=name)
    return value


def _texts(value: Any, name: str) -> tuple[str, ...]:
    """`value` as texts, of which it is one or a list; none if it is None."""
    if value is None:
        return ()
    return tuple(text(one, name) for one in (value if isinstance(value, list) else [value]))


def _same(value: Any, other: Any) -> bool:
    """Equality as JSON has it: `true` is not 1."""
    return isinstance(value, bool) is isinstance(other, bool) and bool(value == other)
