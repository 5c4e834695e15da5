"""What the Lean package may and may not decide, and that nothing is lost without it."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from llmstep_lsp.adapters.generators.symbolic import SymbolicGenerator
from llmstep_lsp.adapters.lean import hooked_prover
from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.hooked_prover import HookedProver
from llmstep_lsp.adapters.lean.prover import LeanProver
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.domain.model import NothingToProve, ProofState, Site, Snapshot, Status, Verdict
from llmstep_lsp.domain.sites import sites_at, sorries
from llmstep_lsp.ports import LeanStatus, Question
from tests.judging import prover_of, state_in, verdict_on
from tests.marked import cursor_in

pytestmark = [pytest.mark.lean, pytest.mark.asyncio(loop_scope="module")]

EXAMPLES = Path(__file__).parents[2] / "examples/FirstSteps.lean"
GOAL = "theorem t (n : Nat) (h : n = 3) : n < 5 := by\n  ‸\n"
FINISHES = Verdict(Status.FINISHES)


class Spy:
    """A prover that notes what the one behind it is asked."""

    def __init__(self, behind: LeanProver) -> None:
        self.behind = behind
        self.checked: list[str] = []

    async def locate(self, snapshot: Snapshot, sites: Sequence[Site]) -> ProofState | NothingToProve:
        return await self.behind.locate(snapshot, sites)

    async def lemmas(self, state: ProofState) -> tuple[str, ...]:
        return await self.behind.lemmas(state)

    async def check(
        self, state: ProofState, texts: Sequence[str]
    ) -> AsyncGenerator[tuple[str, Verdict], None]:
        self.checked += texts
        async for judged in self.behind.check(state, texts):
            yield judged

    async def status(self, uri: str) -> LeanStatus:
        return await self.behind.status(uri)

    async def aclose(self) -> None:
        await self.behind.aclose()


@pytest.fixture(scope="module")
def spy(real_lean: Toolchain) -> Spy:
    return Spy(LeanProver(lambda _: real_lean, seconds_per_check=9))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hooked(real_lean: Toolchain, spy: Spy) -> AsyncGenerator[HookedProver, None]:
    prover = HookedProver(spy, HookLibrary(), lambda _: real_lean)
    yield prover
    await prover.aclose()


def asked(file: Path, marked: str) -> tuple[Snapshot, list[Site]]:
    text, cursor = cursor_in(marked)
    return Snapshot(file.as_uri(), 1, text), sites_at(text, cursor)


async def indexed(prover: HookedProver, state: ProofState) -> None:
    """Wait until Lean has indexed the library."""
    async with asyncio.timeout(30):
        while not await prover.lemmas(state):  # noqa: ASYNC110  # Lean does not say when it is done
            await asyncio.sleep(0.1)


async def judged(prover: HookedProver, state: ProofState, texts: list[str]) -> list[tuple[str, str]]:
    return [(text, verdict.status.value) async for text, verdict in prover.check(state, texts)]


# Other imports start Lean again, so the tests with the same ones stand together.


async def test_only_what_lean_accepts_is_confirmed_the_best_first(
    hooked: HookedProver, spy: Spy, lean_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooked_prover, "_MILLISECONDS", 9000)  # on a busy machine anything takes long
    state = await state_in(hooked, lean_folder / "A.lean", GOAL)
    texts = ["rfl", "subst h", "sorry", "omega", "exact h"]
    await judged(hooked, state, texts)  # the first time takes longer,
    await indexed(hooked, state)  # and so does what goes on beside this
    spy.checked.clear()
    verdicts = await judged(hooked, state, texts)
    assert verdicts == [
        *[("rfl", "rejected"), ("sorry", "refused"), ("exact h", "rejected")],
        *[("omega", "finishes"), ("subst h", "advances")],
    ]
    assert spy.checked == ["omega", "subst h"]


async def test_what_holds_only_beside_the_package_is_rejected(
    hooked: HookedProver, spy: Spy, lean_folder: Path
) -> None:
    state = await state_in(hooked, lean_folder / "A.lean", GOAL)
    spy.checked.clear()
    verdict = await verdict_on(hooked, state, "have := @Lean.Meta.mkFreshExprMVar; omega")
    assert spy.checked == ["have := @Lean.Meta.mkFreshExprMVar; omega"]
    assert verdict.status is Status.REJECTED


async def test_lemmas_of_the_library(hooked: HookedProver, spy: Spy, lean_folder: Path) -> None:
    append = "theorem t (xs ys : List Nat) : (xs ++ ys).length = xs.length + ys.length := by\n  ‸\n"
    state = await state_in(hooked, lean_folder / "A.lean", append)
    await indexed(hooked, state)
    found = await hooked.lemmas(state)
    assert (len(found), found[0]) == (16, "List.length_append")
    assert await spy.lemmas(state) == ()
    state = await state_in(hooked, lean_folder / "A.lean", "example (a b : Nat) : a + b = b + a := by\n  ‸\n")
    assert "Nat.add_comm" in (await hooked.lemmas(state))[:3]


async def test_lemmas_can_be_asked_for_as_soon_as_the_state_is_known(
    hooked: HookedProver, lean_folder: Path
) -> None:
    await indexed(hooked, await state_in(hooked, lean_folder / "A.lean", GOAL))
    state = await hooked.locate(*asked(lean_folder / "A.lean", GOAL))
    assert isinstance(state, ProofState)
    assert len(await hooked.lemmas(state)) == 16


async def test_nobody_waits_for_lemmas_of_a_state_that_is_not_ready(
    real_lean: Toolchain, hooked: HookedProver, lean_folder: Path
) -> None:
    async with prover_of("hooked", real_lean, seconds=20) as prover:
        state = await prover.locate(*asked(lean_folder / "D.lean", GOAL))
        assert isinstance(state, ProofState)
        async with asyncio.timeout(0.5):
            assert await prover.lemmas(state) == ()
            assert await hooked.lemmas(state) == ()  # it is no state of its own


async def test_other_goals_than_those_of_the_file_are_not_asked_about(
    hooked: HookedProver, spy: Spy, lean_folder: Path
) -> None:
    # `LLMStep.maxLength` is a number there, and a string in the file.
    text = 'namespace LLMStep\ndef maxLength := ""\ntheorem t : maxLength = maxLength := by\n  unfold maxLength\n  ‸\n'
    state = await state_in(hooked, lean_folder / "A.lean", GOAL)
    assert await hooked.ready(state)
    found = await hooked.locate(*asked(lean_folder / "A.lean", text))
    assert isinstance(found, ProofState)
    assert not await hooked.ready(found)
    assert await verdict_on(hooked, found, "rfl") == FINISHES


async def test_the_status_says_how_candidates_are_judged(
    hooked: HookedProver, real_lean: Toolchain, lean_folder: Path
) -> None:
    file, other = lean_folder / "A.lean", lean_folder / "B.lean"
    idle = LeanStatus(real_lean.lean, real_lean.reason)
    await state_in(hooked, file, GOAL)
    assert await hooked.status(file.as_uri()) == replace(idle, running=True, batches=True)
    assert await hooked.status(other.as_uri()) == idle


@pytest.mark.parametrize("sorry", range(9))
async def test_nothing_is_lost_or_won_by_the_package(
    hooked: HookedProver, spy: Spy, lean_folder: Path, sorry: int
) -> None:
    text = EXAMPLES.read_text()
    snapshot = Snapshot((lean_folder / "A.lean").as_uri(), 1, text)
    state = await hooked.locate(snapshot, sites_at(text, sorries(text)[sorry]))
    assert isinstance(state, ProofState)
    assert await hooked.ready(state)
    question = Question(state.goals, "", text, 40)
    candidates = [c.text async for c in SymbolicGenerator().candidates(question) if not c.text.endswith("?")]
    plain = {text: verdict async for text, verdict in spy.check(state, candidates)}
    judged = {text: verdict async for text, verdict in hooked.check(state, candidates)}
    assert {t: v for t, v in judged.items() if v.accepted} == {t: v for t, v in plain.items() if v.accepted}
    assert any(verdict.accepted for verdict in judged.values())


async def test_without_the_package_the_plain_prover_judges_and_says_so_once(
    real_lean: Toolchain,
    spy: Spy,
    lean_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("LLMSTEP_CACHE_DIR", "/dev/null")
    prover = HookedProver(spy, HookLibrary(), lambda _: real_lean)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            state = await prover.locate(*asked(lean_folder / "A.lean", GOAL))
            assert isinstance(state, ProofState)
            assert not await prover.ready(state)
            assert await prover.lemmas(state) == ()
            assert await judged(prover, state, ["rfl", "omega"]) == [
                ("rfl", "rejected"),
                ("omega", "finishes"),
            ]
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "Candidates are judged one by one, which is slower"
    ]
    status = await prover.status((lean_folder / "A.lean").as_uri())
    assert (status.running, status.batches) == (True, False)
    assert status.obstacle.startswith("LLMStep cannot be written to /dev/null/hook")
    await prover.aclose()


async def test_what_takes_long_comes_after_what_does_not(hooked: HookedProver, lean_folder: Path) -> None:
    slow = 'import Lean\nelab "slow" : tactic => do\n  repeat do Lean.Core.checkInterrupted; IO.sleep 1\n'
    state = await state_in(hooked, lean_folder / "A.lean", slow + GOAL)
    verdicts = [judged async for judged in hooked.check(state, ["slow", "subst h"])]
    assert [text for text, _ in verdicts] == ["subst h", "slow"]
    assert verdicts[1][1] == Verdict(Status.UNKNOWN, reason="Lean did not answer within 9 s")
    assert await verdict_on(hooked, state, "omega") == FINISHES


async def test_cancelling_a_batch_frees_lean(hooked: HookedProver, lean_folder: Path) -> None:
    slow = 'import Lean\nelab "slow" : tactic => do\n  repeat do Lean.Core.checkInterrupted; IO.sleep 1\n'
    state = await state_in(hooked, lean_folder / "A.lean", slow + GOAL)
    asking = asyncio.create_task(judged(hooked, state, ["slow"]))
    await asyncio.sleep(0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await verdict_on(hooked, state, "omega") == FINISHES


async def test_a_crash_of_one_candidate_takes_no_other(
    hooked: HookedProver, lean_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    crash = (
        "import Lean\npartial def deep (n : Nat) : Nat := deep (n + 1) + 1\n"
        'elab "crash" : tactic => Lean.logInfo m!"{deep 0}"\n'
    )
    state = await state_in(hooked, lean_folder / "A.lean", crash + GOAL)
    with caplog.at_level(logging.WARNING):
        verdicts = dict([j async for j in hooked.check(state, ["omega", "crash", "rfl", "subst h"])])
    statuses = {text: verdict.status.value for text, verdict in verdicts.items()}
    assert statuses == {"omega": "finishes", "crash": "unknown", "rfl": "rejected", "subst h": "advances"}
    assert "Candidates are judged one by one, which is slower: " in caplog.text
    state = await state_in(hooked, lean_folder / "A.lean", crash + GOAL)
    assert await verdict_on(hooked, state, "omega") == FINISHES


@pytest.mark.parametrize(
    "header",
    [
        "import Lean\n",
        "module\npublic import Init.Data.List\nimport all Init.Data.Nat\n\npublic section\n",
        "-- nothing\nimport Init.Data.List import Init.Data.Nat\n/- import X -/\n",
    ],
)
async def test_any_header(
    hooked: HookedProver, spy: Spy, lean_folder: Path, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooked_prover, "_MILLISECONDS", 9000)
    state = await state_in(hooked, lean_folder / "A.lean", header + GOAL)
    spy.checked.clear()
    assert await judged(hooked, state, ["rfl", "omega"]) == [("rfl", "rejected"), ("omega", "finishes")]
    assert spy.checked == ["omega"]


async def test_a_file_that_imports_the_package_itself(
    real_lean: Toolchain, lean_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = HookLibrary()
    monkeypatch.setenv("LEAN_PATH", os.fspath(await library.folder(real_lean)))
    await library.aclose()
    async with prover_of("hooked", real_lean, seconds=20) as prover:
        state = await state_in(prover, lean_folder / "B.lean", "import LLMStep.Rpc\n" + GOAL)
        assert await verdict_on(prover, state, "omega") == FINISHES
