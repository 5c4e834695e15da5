"""What a prover says of itself before Lean was ever started."""

from pathlib import Path
from typing import cast

import pytest

from llmstep_lsp.adapters.lean import hooked_prover
from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.hooked_prover import HookedProver
from llmstep_lsp.adapters.lean.prover import LeanProver
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.domain.model import Goal, ProofState, Snapshot
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.errors import LeanNotFoundError
from llmstep_lsp.ports import LeanLender, LeanStatus
from tests.marked import cursor_in
from tests.scripted import ScriptedProver

TOOLCHAIN = Toolchain("path", ("/bin/lean",), ("/bin/lean", "--server"), Path("/"), "It is on the PATH.")
URI = "file:///A.lean"


def no_lean(_: Path) -> Toolchain:
    raise LeanNotFoundError("No Lean found.")


async def test_no_lean_is_said() -> None:
    plain = LeanProver(no_lean, 1)
    assert await plain.status(URI) == LeanStatus((), "No Lean found.")
    assert await HookedProver(plain, HookLibrary(), no_lean).status(URI) == LeanStatus((), "No Lean found.")


async def test_the_plain_prover_judges_one_by_one_and_the_other_does_not_know_yet() -> None:
    plain = LeanProver(lambda _: TOOLCHAIN, 1)
    hooked = HookedProver(plain, HookLibrary(), lambda _: TOOLCHAIN)
    assert await plain.status(URI) == LeanStatus(("/bin/lean",), "It is on the PATH.", batches=False)
    assert await hooked.status(URI) == LeanStatus(("/bin/lean",), "It is on the PATH.")


@pytest.mark.parametrize(
    ("header", "obstacle"),
    [
        ("prelude\n", "A file that starts with `prelude` cannot import LLMStep, our Lean package."),
        ("", "No Lean found."),
    ],
)
async def test_why_candidates_are_judged_one_by_one(
    header: str, obstacle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooked_prover, "_PAUSE_SECONDS", 0)
    text, cursor = cursor_in(f"{header}theorem t : p := by\n  ‸\n")
    snapshot, sites = Snapshot(URI, 1, text), sites_at(text, cursor)
    state = ProofState(snapshot, sites[0], (Goal("⊢ p", "p"),))
    hooked = HookedProver(ScriptedProver(state, {}), HookLibrary(), no_lean)
    await hooked.locate(snapshot, sites)
    assert not await hooked.ready(state)
    status = await hooked.status(URI)
    assert (status.batches, status.obstacle) == (False, obstacle)
    await hooked.aclose()


async def test_a_lean_of_the_editor_comes_first() -> None:
    lender = cast("LeanLender", object())  # is not asked
    status = await LeanProver(lambda _: TOOLCHAIN, 1, lender).status(URI)
    assert status == LeanStatus((), "If it lends none, one of ours is asked.", lent=True, batches=False)


async def test_an_editor_that_has_no_lean_to_lend() -> None:
    class Unable:
        async def ready(self) -> bool:
            return False

    prover = LeanProver(no_lean, 1, cast("LeanLender", Unable()))
    text, cursor = cursor_in("theorem t : p := by\n  ‸\n")
    with pytest.raises(LeanNotFoundError):
        await prover.locate(Snapshot(URI, 1, text), sites_at(text, cursor))
    assert (await prover.status(URI)).reason == "The editor lends no Lean. No Lean found."
