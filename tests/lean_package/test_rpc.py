"""The RPC methods: what they answer, how they are cancelled, and what they cost."""

import os
import queue
import time
from pathlib import Path

import pytest

from tests.lean_wasm.lsp_client import RpcError

from .conftest import PACKAGE, Compile, Document, Open

pytestmark = pytest.mark.lean

INVALID_PARAMS, REQUEST_CANCELLED = -32602, -32800
TEXT = """
class Small (α : Type) where
  bound : Nat

namespace Space
theorem conj (p q : Prop) [Inhabited Nat] (hp : p) (hq : q) : p ∧ q := by
  have one : 1 = 1 := rfl
  let two := 2
  constructor
  skip
end Space

example : ∀ n : Nat, n = n := by
  intro
  skip

example : 1 = 1 := by
  rfl

example (xs ys : List Nat) : (xs ++ ys).length = xs.length + ys.length := by
  skip

example (a b : Nat) : a + b = b + a ∧ True := by
  constructor
  skip
"""
CONJ, UNNAMED, SOLVED, APPEND, ADD = 10, 15, 18, 21, 25


@pytest.fixture(scope="module")
def document(open_document: Open) -> Document:
    return open_document("Rpc.lean", TEXT)


def test_the_package_compiles_without_a_warning(compiled: str) -> None:
    assert compiled == ""


def test_its_own_tests_pass(compiled: str, compile_module: Compile) -> None:
    helpers = {"Expect", "Library", "Near", "Offer"}
    modules = sorted((PACKAGE / "LLMStepTest").glob("*.lean"), key=lambda file: file.stem not in helpers)
    said = [compile_module(f"LLMStepTest/{file.stem}") for file in modules]
    assert [*said, compile_module("LLMStepTest")] == [""] * (len(said) + 1)


def test_goals(document: Document) -> None:
    state = document.state(CONJ)
    assert (state["version"], state["declaration"], state["before"]) == (1, "Space.conj", True)
    context = "p q : Prop\ninst✝ : Inhabited Nat\nhp : p\nhq : q\none : 1 = 1\ntwo : Nat := ⋯"
    left, right = state["goals"]
    assert (left["case"], left["target"]) == ("left", "p")
    assert left["text"] == f"case left\n{context}\n⊢ p"
    assert right["text"] == f"case right\n{context}\n⊢ q"
    hypotheses = {h["name"]: (h["type"], h.get("value"), h["isInstance"]) for h in left["hypotheses"]}
    assert hypotheses == {
        "p": ("Prop", None, False),
        "q": ("Prop", None, False),
        "inst✝": ("Inhabited Nat", None, True),
        "hp": ("p", None, False),
        "hq": ("q", None, False),
        "one": ("1 = 1", None, False),
        "two": ("Nat", "2", False),
    }


def test_goals_are_those_that_editors_show(document: Document) -> None:
    for line in (CONJ, UNNAMED):
        shown = document.client.goals(document.uri, line, 2)
        assert [goal["text"] for goal in document.state(line)["goals"]] == shown


def test_goals_after_a_tactic(document: Document) -> None:
    state = document.state(SOLVED, 5)
    assert (state["goals"], state["before"]) == ([], False)


def test_no_tactic_block(document: Document) -> None:
    with pytest.raises(RpcError, match="no tactic block at 2:2") as caught:
        document.state(2)
    assert caught.value.code == INVALID_PARAMS


def test_another_version_of_the_protocol(document: Document) -> None:
    with pytest.raises(RpcError, match=r"protocol 7 .* speaks 1") as caught:
        document.state(CONJ, version=7)
    assert caught.value.code == INVALID_PARAMS
    with pytest.raises(RpcError, match=r"protocol 7 .* speaks 1"):
        document.check(CONJ, "rfl", version=7)
    with pytest.raises(RpcError, match=r"protocol 7 .* speaks 1"):
        document.lemmas(CONJ, version=7)


def test_verdicts_come_in_order_with_all_that_is_known(document: Document) -> None:
    closes, rejected, finishes = document.check(CONJ, "exact hp", "exact hq", "exact hp; show_term exact hq")
    assert closes["status"] == "closes"
    assert [goal.rsplit("\n", 1)[1] for goal in closes["goals"]] == ["⊢ q"]
    assert rejected["status"] == "rejected"
    assert "Type mismatch" in rejected["reason"]
    assert (finishes["status"], finishes["goals"]) == ("finishes", []), finishes
    assert finishes["proposals"] == ["exact hq"]
    assert "Try this" in finishes["messages"][0]
    assert finishes["milliseconds"] > 0


def test_a_block_is_known_while_a_later_step_still_runs(document: Document, project: Path) -> None:
    client = document.client
    endless = "import LLMStep\nexample (p : Prop) (h : p) : p ∧ p := by\n  constructor\n  skip\n  repeat' refine id ?_\n"
    uri = client.open(project / "Slow.lean", endless)
    slow = Document(client, uri, client.connect(uri))
    assert len(slow.state(3)["goals"]) == 2
    assert [verdict["status"] for verdict in slow.check(3, "exact h", "skip")] == ["closes", "refused"]
    with pytest.raises(queue.Empty):
        client.diagnostics(uri, timeout=0.2)
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def test_thirty_two_candidates(document: Document) -> None:
    candidates = [f"exact hp{'; skip' * i}" for i in range(32)]
    document.check(CONJ, *candidates)
    began = time.monotonic()
    verdicts = document.check(CONJ, *candidates)
    seconds = time.monotonic() - began
    print(f"{seconds * 1000 / 32:.1f} ms a candidate")  # noqa: T201
    assert [verdict["status"] for verdict in verdicts] == ["closes"] * 32


def test_cancelling_stops_all_candidates(document: Document) -> None:
    endless = ["repeat' refine id ?_"] * 8
    for _ in range(2):
        request = document.start_check(CONJ, *endless, milliseconds=60_000, maxHeartbeats=0)
        time.sleep(0.5)
        document.client.notify("$/cancelRequest", {"id": request})
        with pytest.raises(RpcError) as caught:
            document.client.answer(request, timeout=20)
        assert caught.value.code == REQUEST_CANCELLED
        began = time.monotonic()
        (verdict,) = document.check(CONJ, "exact hp")
        assert verdict["status"] == "closes"
        assert time.monotonic() - began < 5


def test_lemmas_are_those_of_the_first_goal(document: Document) -> None:
    assert document.lemmas(APPEND, count=1) == ["List.length_append"]
    assert document.lemmas(ADD, count=1) == ["Nat.add_comm"]


def test_lemmas_come_in_the_same_order_however_many_are_wanted(document: Document) -> None:
    sixteen = document.lemmas(APPEND)
    assert len(set(sixteen)) == 16
    assert document.lemmas(APPEND, count=3) == sixteen[:3]
    assert document.lemmas(APPEND, count=0) == []


def test_no_lemmas_where_no_goal_is_left(document: Document) -> None:
    assert document.client.answer(document.start("lemmas", SOLVED, 5, count=16, maxMilliseconds=5000)) == {
        "version": 1,
        "lemmas": [],
    }


def test_lemmas_are_of_what_the_file_imports_beside_the_package(open_document: Open) -> None:
    goal = "\nexample (m : Std.HashMap Nat Nat) : m.isEmpty = (m.size == 0) := by\n  skip\n"
    without = open_document("Without.lean", goal).lemmas(3)
    assert without
    assert not [name for name in without if name.startswith("Std.")]
    assert open_document("With.lean", f"import Std.Data.HashMap{goal}").lemmas(3, count=1) == [
        "Std.HashMap.isEmpty_eq_size_eq_zero"
    ]


def test_lemmas_are_found_in_time(document: Document) -> None:
    assert document.lemmas(APPEND)
    assert document.lemmas(APPEND, milliseconds=0) == []
    began = time.monotonic()
    document.lemmas(APPEND, milliseconds=50)
    seconds = time.monotonic() - began
    print(f"{seconds * 1000:.0f} ms")  # noqa: T201
    assert seconds < 1


def test_cancelling_ends_the_search_for_lemmas(document: Document) -> None:
    request = document.start("lemmas", APPEND, 2, count=16, maxMilliseconds=60_000)
    document.client.notify("$/cancelRequest", {"id": request})
    with pytest.raises(RpcError) as caught:
        document.client.answer(request, timeout=20)
    assert caught.value.code == REQUEST_CANCELLED


def test_memory_stays_flat(document: Document) -> None:
    def call(times: int) -> int:
        for i in range(times):
            document.check(CONJ, "exact hp", "simp", f"exact ⟨{i}⟩")
        return resident_kilobytes(document.client.process.pid)

    call(50)
    before = call(50)
    after = call(int(os.environ.get("LLMSTEP_TEST_CALLS", "200")))
    print(f"{before} kB before, {after} kB after")  # noqa: T201
    assert after < before * 1.1


def resident_kilobytes(parent: int) -> int:
    """The memory of a process and all its descendants."""
    status = Path(f"/proc/{parent}/status").read_text()
    own = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return own + sum(resident_kilobytes(child) for child in children)
