"""Owns the statements of the library that comes with Lean, as goals: Lean itself lists and writes them."""

import json
import random
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from llmstep_lsp.adapters.lean.command import run
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.corpus.sheets import Sheet, Task
from llmstep_lsp.errors import LeanGoneError

ROOTS = ("And", "Bool", "Exists", "Iff", "Int", "List", "Nat", "Not", "Option", "Or", "Prod")
"""Of which names statements are taken: what people prove their first theorems about."""

# The WebAssembly Lean knows theorems of the library as axioms.
_LISTING = """import Lean
open Lean Meta in
run_meta do
  let env ← getEnv
  for (name, info) in env.constants.map₁.toList do
    unless [{roots}].contains name.getRoot do continue
    let some index := env.getModuleIdxFor? name | continue
    unless [`Init, `Std].contains env.header.moduleNames[index]!.getRoot do continue
    let stated ← match info with
      | .thmInfo _ => pure true
      | .axiomInfo _ => isProp info.type
      | _ => pure false
    unless stated && !name.isInternalDetail && !isPrivateName name do continue
    let signature := (← PrettyPrinter.ppSignature name).fmt.pretty 1000000
    IO.println (Json.mkObj [("name", toString name), ("signature", signature)]).compress
"""
# What tactics of Lean itself rest on, which nobody states.
_INNER = re.compile(r"\.(?:Linear|Internal|SOM|OfNat|toArray_|toList_r)")
_UNIVERSE = re.compile(r"\b(Type|Sort) (?:u(?:_\d+)?|v|w)\b")


async def library_statements(toolchain: Toolchain, roots: Sequence[str] = ROOTS) -> list[str]:
    """What the theorems say whose names begin with one of `roots`, as what follows the name of a theorem.

    Raises:
        LeanGoneError: Lean does not list them.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "Listing.lean"
        file.write_text(_LISTING.replace("{roots}", ", ".join(f"`{root}" for root in roots)), "utf-8")
        code, printed, errors = await run([*toolchain.lean, str(file)], Path(folder))
    if code:
        raise LeanGoneError(
            f"Lean cannot list the theorems of its library: {(printed + errors).strip()[:400]}"
        )
    found = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return sorted({_statement(**one) for one in found if not _INNER.search(one["name"])})


def library_sheet(name: str, statements: Sequence[str], rng: random.Random, count: int) -> Sheet:
    """A sheet with `count` of the `statements`."""
    chosen = rng.sample(statements, min(count, len(statements)))
    return Sheet(name, tasks=tuple(Task(f"library_{i}", one) for i, one in enumerate(chosen)))


def _statement(name: str, signature: str) -> str:
    said = re.sub(r"^\.\{[^}]*\}", "", signature.removeprefix(name))
    return _UNIVERSE.sub(r"\1 _", said)
