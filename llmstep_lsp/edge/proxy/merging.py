"""Owns how Lean's answers and ours become one: capabilities, code actions, completions.

Answers are JSON as the protocol has it; none is changed in place.
"""

from collections.abc import Callable
from typing import Any

# Ours are told from Lean's by this key of their `data`, which an editor sends back.
_OURS = "llmstep"
# Some editors do not send `data` back, but never without the title.
_TITLE = "llmstep:"


def our_initialize(params: dict[str, Any], lean: dict[str, Any] | None) -> dict[str, Any]:
    """The parameters of our `initialize`: the editor's `params`, in the units that Lean's result names.

    Of the options, which are Lean's, ours are those below "llmstep".
    """
    encoding = _capabilities(lean).get("positionEncoding", "utf-16")
    capabilities = params.get("capabilities") or {}
    general = {**(capabilities.get("general") or {}), "positionEncodings": [encoding]}
    options = params.get("initializationOptions")
    return {
        **params,
        "capabilities": {**capabilities, "general": general},
        "initializationOptions": options.get(_OURS) if isinstance(options, dict) else None,
    }


def merged_initialize(lean: dict[str, Any] | None, ours: dict[str, Any]) -> dict[str, Any]:
    """Lean's result of `initialize`, with what we can do besides."""
    theirs, own = _capabilities(lean), _capabilities(ours)
    merged = dict(theirs)
    for provider, merge in _PROVIDERS.items():
        if _has(own, provider):
            both = _has(theirs, provider)
            merged[provider] = merge(theirs[provider], own[provider]) if both else own[provider]
    return {**(lean or {}), "capabilities": merged}


def has_inline_completion(lean: dict[str, Any] | None) -> bool:
    """Whether Lean's result of `initialize` announces inline completions."""
    return _has(_capabilities(lean), "inlineCompletionProvider")


def merged_actions(lean: list[Any] | None, ours: list[dict[str, Any]] | None) -> list[Any] | None:
    """Both lists of code actions, Lean's first."""
    return [*(lean or ()), *map(_marked, ours)] if ours else lean


def merged_items(lean: Any, ours: Any) -> Any:
    """Both answers to a request for completions, inline or not: arrays, lists with `items`, or null."""
    own = [_marked(item) for item in _items(ours)]
    incomplete = isinstance(ours, dict) and ours.get("isIncomplete", False)
    if not own and not incomplete:
        return lean
    if incomplete and not isinstance(lean, dict):
        lean = {"isIncomplete": False, "items": _items(lean)}
    if isinstance(lean, dict):
        merged = {**lean, "items": [*_items(lean), *own]}
        return {**merged, "isIncomplete": True} if incomplete else merged
    return [*_items(lean), *own]


def is_ours(item: dict[str, Any]) -> bool:
    """Whether a code action or a completion item that is to be resolved came from us."""
    data = item.get("data")
    marked = isinstance(data, dict) and _OURS in data
    return marked or str(item.get("title", "")).startswith(_TITLE)


def unmarked(item: dict[str, Any]) -> dict[str, Any]:
    """An item of ours as it was before it was merged."""
    data = item.get("data")
    if not isinstance(data, dict) or _OURS not in data:
        return item
    rest = {key: value for key, value in item.items() if key != "data"}
    return rest if data[_OURS] is None else {**rest, "data": data[_OURS]}


def _marked(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "data": {_OURS: item.get("data")}}


def _items(answer: Any) -> list[Any]:
    items = answer.get("items") if isinstance(answer, dict) else answer
    return items or []


def _capabilities(result: dict[str, Any] | None) -> dict[str, Any]:
    return (result or {}).get("capabilities") or {}


def _has(capabilities: dict[str, Any], provider: str) -> bool:
    """Whether `provider` is announced; no options are an empty object."""
    return capabilities.get(provider, False) not in (None, False)


def _both_actions(lean: Any, ours: Any) -> Any:
    own = ours if isinstance(ours, dict) else {}
    if not isinstance(lean, dict) or "codeActionKinds" not in lean:  # Lean may offer any kind
        own = {key: value for key, value in own.items() if key != "codeActionKinds"}
        ours = own or True
    return _both_options(lean, ours, "codeActionKinds")


def _both_options(lean: Any, ours: Any, *lists: str) -> Any:
    """Two sets of options: lists joined, and what either can do is possible; true stands for no options."""
    if not isinstance(lean, dict) and not isinstance(ours, dict):
        return True
    theirs, own = (options if isinstance(options, dict) else {} for options in (lean, ours))
    merged = {**own, **theirs}
    for key in lists:
        if key in merged:
            merged[key] = list(dict.fromkeys([*theirs.get(key, ()), *own.get(key, ())]))
    for key in ("resolveProvider", "workDoneProgress"):
        if key in merged:
            merged[key] = bool(theirs.get(key)) or bool(own.get(key))
    return merged


_PROVIDERS: dict[str, Callable[[Any, Any], Any]] = {
    "codeActionProvider": _both_actions,
    "completionProvider": lambda lean, ours: _both_options(lean, ours, "triggerCharacters"),
    "inlineCompletionProvider": _both_options,
    "executeCommandProvider": lambda lean, ours: _both_options(lean, ours, "commands"),
}
