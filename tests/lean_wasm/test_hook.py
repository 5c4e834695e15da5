"""RPC methods, tactics and commands of a compiled module, used through the server."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, Serve
from .lsp_client import LspClient, RpcError

pytestmark = pytest.mark.lean

METHOD_NOT_FOUND = -32601


@dataclass(frozen=True)
class User:
    """`User.lean` open in a server; it imports the compiled `Hook.lean`."""

    client: LspClient
    initialized: dict[str, Any]
    uri: str
    messages: list[str]
    session: Any

    def call(self, method: str, params: Any) -> Any:
        where = self.client.at(self.uri, 3, 2)
        return self.client.answer(self.client.start_call(where, self.session, method, params))

    def candidates(self, *tactics: str) -> Any:
        return self.call("Hook.checkTactics", {"pos": {"line": 3, "character": 2}, "tactics": tactics})


@pytest.fixture(scope="module")
def user(run: Run, serve: Serve, project: Path) -> Iterator[User]:
    compiled = run("Hook.lean", "-o", "Hook.olean")
    assert (compiled.returncode, compiled.stdout) == (0, "")
    with serve() as client:
        initialized = client.initialize()
        uri = client.open(project / "User.lean")
        messages = [diagnostic["message"] for diagnostic in client.diagnostics(uri)]
        yield User(client, initialized, uri, messages, client.connect(uri))
        assert client.close() == 0


def test_initialize(user: User) -> None:
    assert user.initialized["serverInfo"]["name"] == "Lean 4 Server"
    assert user.initialized["capabilities"]["codeActionProvider"]


def test_tactic_logs(user: User) -> None:
    assert any(message.startswith("2 suggestions for") for message in user.messages)


def test_command_logs(user: User) -> None:
    assert any("local constants" in message for message in user.messages)


def test_goals(user: User) -> None:
    assert user.client.goals(user.uri, 3, 2) == ["p q : Prop\nhp : p\nhq : q\n⊢ p ∧ q"]


def test_rpc_statuses(user: User) -> None:
    results = user.candidates("constructor", "exact ⟨hp, hq⟩", "exact foo", "(", "repeat skip", "sorry")
    assert [result["status"] for result in results] == [
        "valid",
        "done",
        "invalid",
        "parseError",
        "limit",
        "done",
    ]


def test_rpc_goals(user: User) -> None:
    (result,) = user.candidates("constructor")
    assert len(result["goals"]) == 2
    assert result["goals"][1].endswith("⊢ q")


def test_rpc_message(user: User) -> None:
    (result,) = user.candidates("exact foo")
    assert "foo" in result["message"]


def test_rpc_axioms(user: User) -> None:
    proof, hole = user.candidates("exact ⟨hp, hq⟩", "sorry")
    assert proof["axioms"] == []
    assert "sorryAx" in hole["axioms"]


def test_rpc_unknown_method(user: User) -> None:
    user.client.notify("$/lean/rpc/keepAlive", {"uri": user.uri, "sessionId": user.session})
    with pytest.raises(RpcError) as caught:
        user.call("No.such", {})
    assert caught.value.code == METHOD_NOT_FOUND


def test_code_actions(user: User) -> None:
    line = {"start": {"line": 8, "character": 2}, "end": {"line": 8, "character": 10}}
    params = {"textDocument": {"uri": user.uri}, "context": {"diagnostics": []}, "range": line}
    actions = user.client.request("textDocument/codeAction", params)
    assert [action["title"] for action in actions] == ["Try this: assumption", "Try this: omega"]


def test_hover(user: User) -> None:
    hover = user.client.request("textDocument/hover", user.client.at(user.uri, 5, 11))
    assert "hq : q" in hover["contents"]["value"]


def test_completion(user: User) -> None:
    completion = user.client.request("textDocument/completion", user.client.at(user.uri, 5, 12))
    assert isinstance(completion["items"], list)


def test_hundred_calls_of_three_tactics(user: User) -> None:
    for i in range(100):
        results = user.candidates("constructor", "simp", f"exact h{i}")
    assert [result["status"] for result in results] == ["valid", "invalid", "invalid"]


def test_fifty_requests_at_once(user: User) -> None:
    where = user.client.at(user.uri, 3, 2)
    requests = [user.client.start_request("$/lean/plainGoal", where) for _ in range(50)]
    assert all(user.client.answer(request)["goals"] for request in requests)


def test_cancelled_calls(user: User) -> None:
    """More than the server lets run at once: those that wait can be cancelled too."""
    request_cancelled = -32800
    where = user.client.at(user.uri, 3, 2)
    requests = [user.client.start_call(where, user.session, "Hook.spin", "") for _ in range(10)]
    for request in reversed(requests):
        user.client.notify("$/cancelRequest", {"id": request})
        with pytest.raises(RpcError) as caught:
            user.client.answer(request, timeout=20)
        assert caught.value.code == request_cancelled
    assert user.client.goals(user.uri, 3, 2)
