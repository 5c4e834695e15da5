"""Owns who gets what the editor sends: Lean, us, or both."""

from enum import Enum
from typing import Any

from llmstep_lsp.edge.proxy.merging import is_ours

_OUR_PREFIXES = ("llmstep.", "llmstep/")
_BOTH = {
    *("initialized", "workspace/didChangeConfiguration"),
    *("textDocument/didOpen", "textDocument/didChange", "textDocument/didClose", "textDocument/didSave"),
    *("textDocument/codeAction", "textDocument/completion"),
}
_RESOLVING = {"codeAction/resolve", "completionItem/resolve"}


class To(Enum):
    """Who gets a message."""

    LEAN = "Lean"
    US = "us"
    BOTH = "both"


def receiver(method: str, params: Any, *, lean_completes_inline: bool) -> To:
    """Who gets a request or notification of the editor."""
    if not isinstance(params, dict):
        return To.LEAN
    if method in _BOTH:
        return To.BOTH
    if method == "textDocument/inlineCompletion":
        return To.BOTH if lean_completes_inline else To.US
    ours = (
        method.startswith(_OUR_PREFIXES)
        or (method == "workspace/executeCommand" and str(params.get("command")).startswith(_OUR_PREFIXES))
        or (method in _RESOLVING and is_ours(params))
    )
    return To.US if ours else To.LEAN
