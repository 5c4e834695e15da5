"""Owns how fast candidates are judged: by the Lean package, with confirmation, and the plain way.

The same candidates for the same goals, in a short file and in files of 2,000 lines where the cursor
is at the end or at the start.  A candidate's time in a batch is the batch's divided by its size.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from llmstep_lsp.adapters.lean import hook
from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.hooked_prover import HookedProver
from llmstep_lsp.adapters.lean.prover import LeanProver
from llmstep_lsp.adapters.lean.scratches import start_beside
from llmstep_lsp.adapters.lean.server import LeanDocument
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.domain.model import NothingToProve, ProofState, Snapshot
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.domain.text import Position
from llmstep_lsp.errors import LeanHookError
from llmstep_lsp.ports import Prover

_SECONDS_PER_CHECK = 10.0
_GOALS = (
    "(p q : Prop) (hp : p) (hq : q) : p ∧ q",
    "(a b c : Nat) (h : a < b) (k : b < c) : a + 1 < c",
    "(xs ys : List Nat) : (xs ++ ys).length = ys.length + xs.length",
)
_CANDIDATES = (
    "rfl", "trivial", "assumption", "simp", "omega", "decide", "constructor", "simp_all", "intro x",
    "exact ⟨hp, hq⟩", "exact hp", "refine ⟨?_, ?_⟩", "left", "right", "exact Nat.lt_of_le_of_lt h k",
    "exact Nat.lt_trans h k", "rw [List.length_append]", "simp [Nat.add_comm]", "rw [Nat.add_comm]",
    "cases xs", "induction xs", "have h : 1 = 1 := rfl", "exact absurd rfl id", "apply And.intro",
    "exfalso", "ext", "funext x", "simp only [List.length_append, Nat.add_comm]", "exact nothing",
    "exact (", "cases h", "symm",
)  # fmt: skip
_LEMMA = (
    "theorem lemma{n} (a b : Nat) (h : a < b) : a + {n} < b + {n} := by\n  exact Nat.add_lt_add_right h {n}\n"
)
# Name, and how many lemmas of two lines stand above and below the cursor.
_FILES = (("short", 0, 0), ("2,000 lines above", 1000, 0), ("2,000 lines below", 0, 1000))

RPC = "Lean package"
CONFIRMED = "package, confirmed"
PLAIN = "plain"


@dataclass(frozen=True)
class Measurement:
    """Milliseconds a candidate (median and 95th percentile) and candidates a second."""

    file: str
    way: str
    candidates: int
    p50: float
    p95: float
    per_second: float


async def measure_verify(
    folder: Path, toolchain: Toolchain, rounds: int, progress: Callable[[str], None], *, short: bool = False
) -> list[Measurement]:
    """Measure each file, or only the `short` one, and way `rounds` times, after one time that does not count.

    Nothing is written to `folder`.

    Raises:
        LeanError: this Lean cannot be asked in one of the ways.
    """
    found: list[Measurement] = []
    for file, above, below in _FILES[: 1 if short else None]:
        progress(f"Measuring: {file}")
        plain = LeanProver(lambda _: toolchain, _SECONDS_PER_CHECK)
        library = HookLibrary()
        hooked = HookedProver(plain, library, lambda _: toolchain)
        document = await start_beside(folder / "Bench.lean", toolchain, await library.folder(toolchain))
        times: dict[str, list[float]] = {RPC: [], CONFIRMED: [], PLAIN: []}
        try:
            for statement in _GOALS:
                state = await _state(hooked, folder, statement, above, below)
                for way in times:
                    await _milliseconds(way, document, hooked, plain, state)
                    for _ in range(rounds):
                        times[way] += await _milliseconds(way, document, hooked, plain, state)
        finally:
            await document.aclose()
            await hooked.aclose()
        found += [_measurement(file, way, durations) for way, durations in times.items()]
    return found


async def _state(prover: HookedProver, folder: Path, statement: str, above: int, below: int) -> ProofState:
    """The state in a proof of `statement` between so many lemmas."""
    lemmas = [_LEMMA.format(n=n) for n in range(above + below)]
    head = "".join(lemmas[:above]) + f"theorem goal {statement} := by\n"
    text = head + "  sorry\n" + "".join(lemmas[above:])
    snapshot = Snapshot((folder / "Bench.lean").as_uri(), 0, text)
    state = await prover.locate(snapshot, sites_at(text, Position(head.count("\n"), len("  "))))
    if isinstance(state, NothingToProve):
        raise LeanHookError(f"The benchmark finds no goal in its own file: {state.reason}")
    if not await prover.ready(state):
        raise LeanHookError(
            "The benchmark needs LLMStep, the Lean package; the log says why it is not there."
        )
    return state


async def _milliseconds(
    way: str, document: LeanDocument, hooked: Prover, plain: Prover, state: ProofState
) -> list[float]:
    """What each candidate takes."""
    if way == PLAIN:
        return [verdict.milliseconds async for _, verdict in plain.check(state, _CANDIDATES)]
    view = hook.view(state)
    started = time.perf_counter()
    if way == RPC and view:
        await hook.judge(document, view, _CANDIDATES, round(_SECONDS_PER_CHECK * 1000))
    else:
        async for _ in hooked.check(state, _CANDIDATES):
            pass
    return [(time.perf_counter() - started) * 1000 / len(_CANDIDATES)] * len(_CANDIDATES)


def _measurement(file: str, way: str, durations: list[float]) -> Measurement:
    percentiles = quantiles(durations, n=20)
    return Measurement(
        file, way, len(durations), median(durations), percentiles[-1], 1000 * len(durations) / sum(durations)
    )
