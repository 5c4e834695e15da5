"""Owns which candidates are turned down before Lean elaborates anything, by their text.

Elaborating a candidate can run code that it contains, so what can hide code, what rests
on `sorry` or on the compiler, and what would leave the tactic block is not tried at all.
"""

import re

from llmstep_lsp.domain.lexing import mask, opaque, tokens

MAX_LENGTH = 4000

_UNPROVED = {"sorry", "admit", "stop"}
_TRUSTS_COMPILER = {"native_decide", "bv_decide", "bv_check", "native"}
_ENDLESS = {"sleep"}
_RUNS_CODE = {
    "by_elab", "csimp", "dbg_trace", "eval%", "extern", "implemented_by", "include_str", "run_conv",
    "run_tac", "set_option",
}  # fmt: skip
_COMMANDS = {
    "abbrev", "add_decl_doc", "attribute", "axiom", "builtin_initialize", "class", "coinductive",
    "declare_syntax_cat", "decreasing_by", "def", "deriving", "elab", "elab_rules", "end", "example",
    "export", "import", "inductive", "initialize", "instance", "lemma", "macro", "macro_rules", "mutual",
    "namespace", "noncomputable", "notation", "opaque", "partial", "private", "protected", "run_cmd",
    "run_elab", "run_meta", "section", "simproc", "simproc_decl", "structure", "syntax", "termination_by",
    "theorem", "universe", "variable",
}  # fmt: skip
# Refused as any part of a dotted name too.
_NAMES = {
    "sorryAx",
    "ofReduceBool",
    "ofReduceNat",
    "trustCompiler",
    "IO",
    "EIO",
    "BaseIO",
    "ST",
    "FS",
    "Process",
}
# What makes syntax instead of a proof, and what declares a function.
_QUOTES = re.compile(r"`[(\[]|\$[^\s$]")
_DECLARES = re.compile(r"\blet\s+rec\b|\bwhere\b")
_BRACKETS = {")": "(", "]": "[", "}": "{", "⟩": "⟨"}


def malformed(candidate: str) -> str | None:
    """Why `candidate` cannot be one tactic sequence, or None if it may be."""
    if not candidate.strip():
        return "it is empty"
    for token in tokens(candidate):
        if token in _COMMANDS or (token.startswith("#") and len(token) > 1):
            return f"`{token}` is not part of a tactic"
    return _unbalanced(mask(candidate))


def refusal(candidate: str, declaration: str) -> str | None:
    """Why `candidate` is not tried in the proof of `declaration` ("" if that has no name), or None."""
    if len(candidate) > MAX_LENGTH:
        return f"it is longer than {MAX_LENGTH} characters"
    if "\t" in candidate or "\r" in candidate:
        return "it contains a tab or a carriage return"
    for span in opaque(candidate):
        if span.comment or not span.closed:
            return "it contains a comment, or a string without an end"
        if "{" in candidate[span.start : span.end]:
            return "a string with a brace can hold code"
    found = tokens(candidate)
    return (
        _forbidden(found)
        or _self_reference(found, declaration or "_example")
        or _more_than_a_proof(mask(candidate))
    )


def _forbidden(found: list[str]) -> str | None:
    for token in found:
        if token in _UNPROVED:
            return f"`{token}` proves nothing"
        if token in _TRUSTS_COMPILER:
            return f"`{token}` rests on the compiler"
        if token in _RUNS_CODE:
            return f"`{token}` can run code"
        if any(part in _NAMES or part.startswith("unsafe") for part in token.split(".")):
            return f"`{token}` is not safe to elaborate"
        if token in _ENDLESS:
            return f"`{token}` cannot be interrupted"
    return None


def _self_reference(found: list[str], declaration: str) -> str | None:
    if declaration in found or declaration.removeprefix("_root_.") in found:
        return f"it uses `{declaration}`, which is being proved"
    return None


def _more_than_a_proof(code: str) -> str | None:
    if found := _QUOTES.search(code):
        return f"`{found.group()}` makes syntax, not a proof"
    if found := _DECLARES.search(code):
        return f"`{found.group()}` declares a function"
    return None


def _unbalanced(code: str) -> str | None:
    opened: list[str] = []
    for character in code:
        if character in _BRACKETS.values():
            opened.append(character)
        elif character in _BRACKETS and (not opened or opened.pop() != _BRACKETS[character]):
            return f"`{character}` closes nothing"
    return f"`{opened[-1]}` is not closed" if opened else None
