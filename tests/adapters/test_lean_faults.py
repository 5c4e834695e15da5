"""What the prover does with a Lean that fails: a message for the person, an unknown verdict, a new start."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from llmstep_lsp.adapters.lean.prover import LeanProver
from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.adapters.lean.transport import Connection
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import ProofState, Snapshot, Status
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.errors import LeanError, LeanGoneError, LeanNotFoundError, LeanRequestError
from tests.judging import verdict_on
from tests.marked import cursor_in

TEXT, CURSOR = cursor_in("theorem t : 1 = 1 := by\n  ‸\n")
SITES = sites_at(TEXT, CURSOR)
FAKE = Path(__file__).with_name("fake_lean.py")


def fake(fault: str) -> tuple[str, ...]:
    return (sys.executable, str(FAKE), fault)


def prover(folder: Path, command: tuple[str, ...]) -> LeanProver:
    return LeanProver(
        lambda _: Toolchain("setting", ("lean",), command, folder, "test"), seconds_per_check=0.5
    )


def snapshot(folder: Path) -> Snapshot:
    return Snapshot((folder / "A.lean").as_uri(), 1, TEXT)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("dies at start", "it ended. It said: out of memory."),
        ("dies later", "it ended. It said: out of memory."),
        ("worker crashes", "Lean crashed on this file: it crashed. Ask again to start it again;"),
        ("prints garbage", "it printed something that is not a message of its protocol (b'Segmentation fault"),
        ("sends no JSON", "it printed something that is not a message of its protocol"),
        ("claims too much", "it printed something that is not a message of its protocol (a message of 99999999999"),
    ],
)  # fmt: skip
async def test_reading_goals_says_what_happened(tmp_path: Path, fault: str, said: str) -> None:
    broken = prover(tmp_path, fake(fault))
    with pytest.raises(LeanGoneError) as raised:
        await broken.locate(snapshot(tmp_path), SITES)
    assert said in str(raised.value)
    assert "llmstep-lsp lean status" in str(raised.value)
    await broken.aclose()


async def test_a_lean_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(
        LeanNotFoundError, match=r"cannot be started as `/no/lean` .*: No such file or directory"
    ):
        await prover(tmp_path, ("/no/lean",)).locate(snapshot(tmp_path), SITES)


async def test_an_error_answer_is_an_error_with_its_code(tmp_path: Path) -> None:
    broken = prover(tmp_path, fake("answers errors"))
    with pytest.raises(LeanRequestError, match="out of luck") as raised:
        await broken.locate(snapshot(tmp_path), SITES)
    assert raised.value.code == -32603
    await broken.aclose()


@pytest.mark.parametrize(
    "fault", ["dies at start", "dies later", "prints garbage", "hangs", "answers errors", "worker crashes"]
)
async def test_no_fault_makes_a_verdict_but_unknown(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmstep_lsp.adapters.lean.prover._SECONDS_TO_LOAD", 0.5)
    broken = prover(tmp_path, fake(fault))
    state = ProofState(snapshot(tmp_path), SITES[0], (parse_goal("⊢ 1 = 1"),))
    verdict = await verdict_on(broken, state, "rfl")
    assert verdict.status is Status.UNKNOWN
    await broken.aclose()


async def test_it_is_started_again_at_the_next_request(tmp_path: Path) -> None:
    commands = iter([fake("dies at start"), fake("answers errors")])
    unsteady = LeanProver(
        lambda _: Toolchain("setting", ("lean",), next(commands), tmp_path, "test"), seconds_per_check=1
    )
    with pytest.raises(LeanGoneError):
        await unsteady.locate(snapshot(tmp_path), SITES)
    with pytest.raises(LeanRequestError):
        await unsteady.locate(snapshot(tmp_path), SITES)
    await unsteady.aclose()


async def test_cancelling_a_request_is_told_to_lean(tmp_path: Path) -> None:
    heard: asyncio.Queue[tuple[str, object]] = asyncio.Queue()
    server = await Connection.open(
        fake("never answers"), tmp_path, lambda method, params: heard.put_nowait((method, params))
    )
    request = asyncio.create_task(server.request("never/answered", {}))
    await asyncio.sleep(0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert await asyncio.wait_for(heard.get(), 5) == ("heard", {"id": 1})
    await server.aclose()
    assert not server.alive


def _wait_for_text(file: Path) -> None:
    while not file.exists() or not file.read_text():
        time.sleep(0.01)


async def test_closing_leaves_no_process_even_of_a_lean_that_hangs(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    script = f"import os, time\nopen({str(marker)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    stuck = await Connection.open([sys.executable, "-c", script], tmp_path, lambda *_: None)
    await asyncio.to_thread(_wait_for_text, marker)
    await stuck.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(int(marker.read_text()), 0)
    with pytest.raises(LeanError):
        await stuck.request("anything", {})
