"""Owns the last word on a proof: a new run of Lean reads the whole file, and lists the proof's axioms."""

import asyncio
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cattrs import BaseValidationError, structure

from llmstep_lsp.adapters.lean.command import run
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.domain.commands import Command, command_at
from llmstep_lsp.domain.header import header_lines
from llmstep_lsp.errors import LeanGoneError

_AXIOMS = re.compile(r"depends on axioms: \[(?P<names>.*)\]|does not depend on any axioms", re.DOTALL)
_TRUSTED = {"propext", "Classical.choice", "Quot.sound"}
# Those of the library that prove nothing.
_UNTRUSTED = re.compile(r"sorryAx|ofReduceBool|ofReduceNat|trustCompiler")
_COPY = "llmstep_checked_copy"


@dataclass(frozen=True)
class _Place:
    line: int


@dataclass(frozen=True)
class _Message:
    """What Lean says of a text; lines from 1."""

    severity: str
    pos: _Place
    data: str


async def refutation(toolchain: Toolchain, text: str, line: int, seconds: float) -> str | None:
    """Why the declaration at `line` of `text` is not proved; None if it is.

    It is if Lean reports no error about it and it rests on nothing but the axioms of all mathematics.

    Raises:
        LeanGoneError: Lean did not answer, so nothing is known.
    """
    command = command_at(text, line)
    asking, last = _asking(text, command)
    messages = await _said(toolchain, asking, seconds)
    about = [one for one in messages if command.first < one.pos.line <= last]
    if errors := [one.data for one in about if one.severity == "error"]:
        return errors[0]
    listed = [found for one in about if one.pos.line == last and (found := _AXIOMS.search(one.data))]
    if not listed:
        return "the axioms that it rests on could not be read"
    rests_on = set(re.findall(r"[^\s,]+", listed[0]["names"] or "")) - _TRUSTED
    if bad := sorted(name for name in rests_on if _UNTRUSTED.search(name)):
        return f"it rests on `{bad[0]}`"
    if unproved := await _unproved(toolchain, text, sorted(rests_on), seconds):
        return f"it rests on the axiom `{unproved}`"
    return None


def _asking(text: str, command: Command) -> tuple[str, int]:
    """`text` with a question for the axioms of `command` behind it, and the line, from 1, of the question."""
    lines = text.split("\n")
    name, copy = command.name, ""
    if not name:  # only what has a name can be asked for; what follows `example` stays in its column
        body = "\n".join(lines[command.first : command.last + 1])
        margin = " " * (command.end - body.rfind("\n", 0, command.end) - 1)
        name, copy = _COPY, f"\nnoncomputable def {_COPY}\n{margin}{body[command.end :]}"
    above = "\n".join(lines[: command.last + 1]) + copy + f"\n#print axioms {name}"
    return "\n".join([above, *lines[command.last + 1 :]]), above.count("\n") + 1


async def _unproved(toolchain: Toolchain, text: str, names: list[str], seconds: float) -> str | None:
    """The first axiom of `names`, unless they are theorems of a library that comes without proofs."""
    if not names:
        return None
    if not await _without_proofs(toolchain):
        return names[0]
    header = text.split("\n")[: header_lines(text)]
    asking = "\n".join([*header, *(f"#check @{name}" for name in names)])
    unknown = {one.pos.line for one in await _said(toolchain, asking, seconds) if one.severity == "error"}
    return next((name for i, name in enumerate(names, len(header) + 1) if i in unknown), None)


_known: dict[tuple[str, ...], bool] = {}


async def _without_proofs(toolchain: Toolchain) -> bool:
    """Whether the library of this Lean comes without proofs; that is asked once."""
    if toolchain.lean not in _known:
        _, version, _ = await run((*toolchain.lean, "--version"), toolchain.root)
        _known[toolchain.lean] = "wasm" in version
    return _known[toolchain.lean]


async def _said(toolchain: Toolchain, text: str, seconds: float) -> list[_Message]:
    with tempfile.TemporaryDirectory(prefix="llmstep-") as folder:
        file = Path(folder) / "Final.lean"
        file.write_text(text, encoding="utf-8")
        try:
            async with asyncio.timeout(seconds):
                code, printed, errors = await run((*toolchain.lean, "--json", str(file)), toolchain.root)
        except (OSError, TimeoutError) as error:
            raise LeanGoneError(f"Lean did not check the proof within {seconds:g} s: {error}") from error
    try:
        messages = [structure(json.loads(line), _Message) for line in printed.splitlines()]
    except (ValueError, TypeError, BaseValidationError) as error:
        raise LeanGoneError(f"Lean's answer on the proof cannot be read: {printed[:200]}") from error
    if code not in (0, 1) or (code == 1 and not any(one.severity == "error" for one in messages)):
        raise LeanGoneError(f"Lean ended with exit code {code} when it checked the proof. {errors[:200]}")
    return messages
