"""Owns what is learned of a server of OpenAI's protocol, and how a prompt fits its model.

vLLM and llama.cpp count the tokens of a prompt: of the whole, and of each part if it is too long.
Elsewhere a token is taken for `_BYTES_PER_TOKEN` bytes, and a prompt that the server finds too
long is cut further.  (Ollama cuts silently.)
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from llmstep_lsp.adapters.generators.model_server import ModelServer, RefusedError
from llmstep_lsp.domain.completion import Completion, Part, Prompt, cut
from llmstep_lsp.errors import GeneratorError

NOT_FOUND = frozenset({404, 405})
"""The statuses by which a server says that it has no such model, or no such path."""

# Lean's symbols have three bytes and are often a token each; of its words a token has more.
_BYTES_PER_TOKEN = 3
# Tokens that a server adds to a prompt: at its start, or around the messages of a chat.
_START_TOKENS = 2
_CHAT_TOKENS = 64
# How far a prompt is cut each time that the server found it too long.
_CUT = 0.8
_LIMIT = re.compile(r"context (?:length|size|window)(?: is| of|:)? *\(?(\d+)", re.IGNORECASE)


@dataclass
class Known:
    """What was learned of a server.

    `models` are those it lists.  It counts tokens as `tokenizer` does, if at all; `beams` says
    whether it searches by them, `chat` whether it only chats, `single` whether it gives one
    choice a request; it is not sent what it `refused`.
    """

    model: str
    models: tuple[str, ...]
    context: int | None
    parameters: int | None
    tokenizer: str | None
    beams: bool
    chat: bool = False
    single: bool = False
    refused: set[str] = field(default_factory=set)


async def learn(server: ModelServer, name: str | None, deadline: float | None) -> Known:
    """What the server says of itself before it is asked anything; its model `name`, None: its first.

    Raises:
        GeneratorError: it does not answer, or has no model.
    """
    try:
        entries = _entries(await server.json("GET", server.url + "/models", deadline=deadline))
    except RefusedError as refused:
        if refused.status not in NOT_FOUND:
            raise
        if name is None:
            raise GeneratorError(
                f"{server.url} lists no models ({refused.said}): check the URL, which mostly ends in /v1, or "
                "name the model."
            ) from refused
        entries = {}
    model = name or next(iter(entries), None)
    if model is None:
        raise GeneratorError(f"{server.url} lists no models: load one there, or name the one you mean.")
    entry = entries.get(model, {})
    if not entry and "llamacpp" in {other.get("owned_by") for other in entries.values()}:
        entry = next(iter(entries.values()))  # it has one model, whatever it is called
    owner = entry.get("owned_by")
    meta = entry.get("meta") or {}
    context = entry.get("max_model_len") or meta.get("n_ctx_train")
    if owner == "llamacpp":
        context = await _llamacpp_context(server, deadline) or context
    return Known(
        model=model,
        models=tuple(entries),
        context=context if isinstance(context, int) else None,
        parameters=meta.get("n_params"),
        tokenizer=owner if owner in {"vllm", "llamacpp"} else None,
        beams=owner in {"vllm", "llmstep-lsp"},
    )


async def _llamacpp_context(server: ModelServer, deadline: float | None) -> int | None:
    """The tokens that llama.cpp has for one question, if it says so."""
    try:
        match await server.json("GET", server.root + "/props", deadline=deadline):
            case {"default_generation_settings": {"n_ctx": int(context)}}:
                return context
    except RefusedError:
        pass
    return None


async def fit_to_context(
    server: ModelServer, known: Known, completion: Completion, deadline: float | None
) -> Completion:
    """`completion` so that it fits into the context: new tokens get at most half of that.

    Raises:
        GeneratorError: the server does not count tokens as it should.
    """
    if known.context is None:
        return completion
    prompt = completion.prompt
    new = min(completion.max_new_tokens, known.context // 2)
    added = _START_TOKENS if prompt.system is None else _CHAT_TOKENS
    room = max(known.context - new - added, 0)
    system = prompt.system or ""
    if len((system + prompt.text).encode(errors="replace")) > room:  # a token has a byte at least
        taken = await _count(server, known, system, deadline)
        room = max(room - taken, 0)
        prompt = await _shortened(server, known, prompt, room, deadline)
    return replace(completion, prompt=prompt, max_new_tokens=new)


async def _shortened(
    server: ModelServer, known: Known, prompt: Prompt, room: int, deadline: float | None
) -> Prompt:
    """`prompt` in at most `room` tokens: without its lower parts, and if need be its first tokens."""
    if await _count(server, known, prompt.text, deadline) <= room:
        return prompt
    texts = {part.text for part in prompt.parts}
    sizes = {text: await _count(server, known, text, deadline) for text in texts}
    short = cut(prompt, lambda some: sum(sizes[part.text] for part in some.parts) <= room)
    text = short.text
    while (tokens := await _count(server, known, text, deadline)) > room:
        text = text[len(text) - len(text) * room // tokens :]
    return short if text == short.text else replace(short, parts=(Part(text),))


async def _count(server: ModelServer, known: Known, text: str, deadline: float | None) -> int:
    """How many tokens `text` has, counted by the server if it can."""
    estimate = -(-len(text.encode(errors="replace")) // _BYTES_PER_TOKEN)
    if known.tokenizer is None or not text:
        return estimate
    if known.tokenizer == "vllm":
        body = {"model": known.model, "prompt": text, "add_special_tokens": False}
    else:
        body = {"content": text}
    try:
        answer = await server.json("POST", server.root + "/tokenize", body, deadline=deadline)
    except RefusedError:
        known.tokenizer = None  # a proxy may pass on the model's questions only
        return estimate
    match answer:
        case {"tokens": [*tokens]}:
            return len(tokens)
    raise server.strange(str(answer))


def smaller_context(known: Known, completion: Completion, said: str) -> int:
    """How many tokens the context has at most, as the server found a prompt too long."""
    told = _LIMIT.search(said)
    if told and (known.context is None or int(told[1]) < known.context):
        return int(told[1])
    prompt = completion.prompt
    size = len(((prompt.system or "") + prompt.text).encode(errors="replace")) // _BYTES_PER_TOKEN
    return int(_CUT * (known.context or size + completion.max_new_tokens))


def _entries(listing: Any) -> dict[str, dict[str, Any]]:
    """The models of a listing, by their names."""
    match listing:
        case {"data": [*entries]}:
            return {entry["id"]: entry for entry in entries if isinstance(entry, dict) and "id" in entry}
    return {}
