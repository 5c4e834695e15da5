"""A document is the same in a Lean of our own, in one that the proxy lends, and in one that an editor lends."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.hooked_prover import HookedProver
from llmstep_lsp.adapters.lean.lent import lent_document
from llmstep_lsp.adapters.lean.prover import LeanProver
from llmstep_lsp.adapters.lean.scratches import start_beside
from llmstep_lsp.adapters.lean.server import LeanDocument
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Snapshot
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.domain.text import Position
from llmstep_lsp.edge import bridge
from llmstep_lsp.errors import LeanGoneError, LeanNotFoundError, LeanRequestError
from llmstep_lsp.ports import LeanLender
from tests.e2e.processes import kill_worker_of
from tests.judging import state_in, verdict_on
from tests.lending import Lending, by_editor, by_proxy
from tests.marked import cursor_in

RFL = "theorem t (p : Prop) (h : p) : p := by\n  exact h\n"
CRASH = "partial def f (n : Nat) : Nat := f (n + 1) + 1\n#eval f 0\n"
GOAL = "theorem t (n : Nat) (h : n = 3) : n < 5 := by\n  ‸\n"


@dataclass
class Has:
    """A Lean to have documents in."""

    kind: str
    file: Path
    document: Callable[[], Awaitable[LeanDocument]]
    lender: LeanLender | None
    kill: Callable[[], Awaitable[None]]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["own", "proxy", "bridge"])
async def has(
    request: pytest.FixtureRequest, real_lean: Toolchain, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Has, None]:
    folder = tmp_path_factory.mktemp("lent")
    file = folder / "A.lean"

    async def lent(lender: LeanLender) -> LeanDocument:
        assert await lender.ready()
        return lent_document(lender, file)

    async def nothing() -> None:
        """A Lean of our own ends with its document."""

    if request.param == "own":
        yield Has("own", file, lambda: start_beside(file, real_lean), None, nothing)
    elif request.param == "proxy":
        async with by_proxy(real_lean, folder) as (lender, children):

            async def kill() -> None:
                await children[-1].end(0)

            yield Has("proxy", file, lambda: lent(lender), lender, kill)
    else:
        async with by_editor(real_lean, folder) as editor:

            async def end() -> None:
                assert editor.lean
                await editor.lean.aclose()
                editor.tell(method=bridge.ENDED, params={})
                await editor.start(real_lean, folder)

            yield Has("bridge", file, lambda: lent(editor.lender), editor.lender, end)


@pytest.mark.lean
@pytest.mark.asyncio(loop_scope="module")
async def test_a_document(has: Has) -> None:
    document = await has.document()
    document.put(RFL)
    assert await document.diagnostics() == ()
    assert await document.goals(Position(1, 2)) == (parse_goal("p : Prop\nh : p\n⊢ p"),)
    document.put(RFL.replace("exact h", "exact 𝔽"))
    (error,) = await document.diagnostics()
    assert (error.message.split("\n")[0], error.range.start) == ("Unknown identifier `𝔽`", Position(1, 8))
    at = {"textDocument": {"uri": document._uri}, "position": {"line": 1, "character": 2}}
    goals = await document.call("Lean.Widget.getInteractiveGoals", Position(1, 2), at)
    assert [goal["goalPrefix"] for goal in goals["goals"]] == ["⊢ "]
    with pytest.raises(LeanRequestError, match="No RPC method"):
        await document.call("LLMStep.none", Position(1, 2), {})
    assert document.alive

    # A crash ends the document, and the next one is there.
    document.put(CRASH)
    with pytest.raises(LeanGoneError, match="Lean crashed on this file"):
        await document.diagnostics()
    assert not document.alive
    document = await has.document()
    document.put(RFL)
    assert await document.diagnostics() == ()

    # Nor is a worker needed that was killed while nobody asked.
    kill_worker_of(document._uri)
    async with asyncio.timeout(20):
        while not document._stopped:  # noqa: ASYNC110  # nobody says when
            await asyncio.sleep(0.01)
        document.put(RFL)
        assert await document.goals(Position(1, 2)) == (parse_goal("p : Prop\nh : p\n⊢ p"),)
    assert document.alive

    # A Lean that ends takes its documents with it.
    if has.lender:
        await has.kill()
        async with asyncio.timeout(20):
            while document.alive:  # noqa: ASYNC110  # nobody says when
                await asyncio.sleep(0.01)
        with pytest.raises(LeanGoneError):
            document.put("")
    await document.aclose()
    with pytest.raises(LeanGoneError):
        await document.goals(Position(0, 0))


@pytest.mark.lean
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("has", ["proxy", "bridge"], indirect=True, scope="module")
async def test_a_prover(has: Has, real_lean: Toolchain, caplog: pytest.LogCaptureFixture) -> None:
    plain = LeanProver(lambda _: real_lean, 20, has.lender)
    prover = HookedProver(plain, HookLibrary(), lambda _: real_lean, has.lender)
    text, cursor = cursor_in(GOAL)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            state: Any = await prover.locate(Snapshot(has.file.as_uri(), 1, text), sites_at(text, cursor))
            judges = await prover.ready(state)
            assert (await verdict_on(prover, state, "omega")).status.value == "finishes"
            assert (await verdict_on(prover, state, "rfl")).status.value == "rejected"
            assert (await verdict_on(prover, state, "subst h")).status.value == "advances"
    # Only the proxy starts Lean with a place for our package on its search path.
    assert judges is (has.kind == "proxy")
    assert caplog.text.count("Candidates are judged one by one") == (has.kind == "bridge")
    await prover.aclose()


async def test_an_editor_that_lends_nothing_after_all_is_asked_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    editor = Lending(knows_how=False)
    asked: list[Path] = []

    def none(file: Path) -> Toolchain:
        asked.append(file)
        raise LeanNotFoundError("no Lean of our own here")

    prover = LeanProver(none, 1, editor.lender)
    for _ in range(2):
        with pytest.raises(LeanNotFoundError, match="no Lean of our own here"):
            await state_in(prover, tmp_path / "A.lean", GOAL)
    assert len(asked) == 2
    assert [message["method"] for message in editor.told] == [bridge.CONNECT]
    assert caplog.messages == [
        "The editor announced that it lends its Lean, and does not (There is no method llmstep/lean/connect): "
        "we start our own."
    ]


async def test_cancelling_reaches_the_lean_of_the_editor(tmp_path: Path) -> None:
    editor = Lending()
    waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    class Hanging:
        async def request(self, method: str, params: Any) -> Any:
            return await waiting

    editor.lean = Hanging()  # type: ignore[assignment]
    assert await editor.lender.ready()
    asked = asyncio.create_task(editor.lender.request("$/lean/plainGoal", {}))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [message["method"] for message in editor.told][1:] == [bridge.REQUEST, "$/cancelRequest"]
    assert editor.told[2]["params"] == {"id": editor.told[1]["id"]}
    assert waiting.cancelled()


async def test_what_waits_for_a_lean_that_ends_fails(tmp_path: Path) -> None:
    editor = Lending()

    class Hanging:
        async def request(self, method: str, params: Any) -> Any:
            await asyncio.sleep(600)

    editor.lean = Hanging()  # type: ignore[assignment]
    assert await editor.lender.ready()
    asked = asyncio.create_task(editor.lender.request("$/lean/plainGoal", {}))
    await asyncio.sleep(0)
    editor.tell(method=bridge.ENDED, params={})
    with pytest.raises(LeanGoneError, match="The editor's Lean has ended"):
        await asked
    with pytest.raises(LeanGoneError):
        editor.lender.notify("textDocument/didOpen", {})
    editor.tell(id=editor.told[1]["id"], result="too late")
