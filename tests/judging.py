"""How tests ask each kind of prover about one candidate."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.hooked_prover import HookedProver
from llmstep_lsp.adapters.lean.prover import LeanProver
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.domain.model import ProofState, Snapshot, Verdict
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.ports import Prover
from tests.marked import cursor_in

KINDS = ("plain", "hooked")


@asynccontextmanager
async def prover_of(kind: str, toolchain: Toolchain, seconds: float) -> AsyncGenerator[Prover, None]:
    """A prover that judges one by one ("plain"), or by the Lean package ("hooked")."""
    prover: Prover = LeanProver(lambda _: toolchain, seconds_per_check=seconds)
    if kind == "hooked":
        prover = HookedProver(prover, HookLibrary(), lambda _: toolchain)
    try:
        yield prover
    finally:
        await prover.aclose()


async def state_in(prover: Prover, file: Path, marked: str) -> ProofState:
    """The proof state at the mark; if there is a Lean package to ask, it is ready."""
    text, cursor = cursor_in(marked)
    state = await prover.locate(Snapshot(file.as_uri(), 1, text), sites_at(text, cursor))
    assert isinstance(state, ProofState), state
    if isinstance(prover, HookedProver):
        assert await prover.ready(state)
    return state


async def verdict_on(prover: Prover, state: ProofState, text: str) -> Verdict:
    """The prover's verdict on `text`."""
    ((judged, verdict),) = [found async for found in prover.check(state, [text])]
    assert judged == text
    return verdict
