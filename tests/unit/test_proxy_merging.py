"""What an editor gets where Lean and we both have something to say, and who gets what it says."""

from typing import Any

import pytest

from llmstep_lsp.edge.proxy.hiding import without
from llmstep_lsp.edge.proxy.merging import (
    is_ours,
    merged_actions,
    merged_initialize,
    merged_items,
    our_initialize,
    unmarked,
)
from llmstep_lsp.edge.proxy.routing import To, receiver

OURS: dict[str, Any] = {
    "codeActionProvider": {"codeActionKinds": ["quickfix"], "resolveProvider": True},
    "completionProvider": {"triggerCharacters": [" "]},
    "inlineCompletionProvider": True,
    "executeCommandProvider": {"commands": ["llmstep.prove"]},
    "textDocumentSync": 1,
}


def merged(lean: dict[str, Any]) -> Any:
    return merged_initialize({"capabilities": lean, "serverInfo": {"name": "Lean"}}, {"capabilities": OURS})


def test_capabilities_of_both() -> None:
    lean = {
        "codeActionProvider": {"codeActionKinds": ["refactor", "quickfix"], "workDoneProgress": True},
        "completionProvider": {"triggerCharacters": ["."], "resolveProvider": True},
        "executeCommandProvider": {"commands": ["lean.x"]},
        "textDocumentSync": {"change": 2},
        "hoverProvider": True,
    }
    assert merged(lean) == {
        "capabilities": {
            "codeActionProvider": {
                "codeActionKinds": ["refactor", "quickfix"],
                "resolveProvider": True,
                "workDoneProgress": True,
            },
            "completionProvider": {"triggerCharacters": [".", " "], "resolveProvider": True},
            "inlineCompletionProvider": True,
            "executeCommandProvider": {"commands": ["lean.x", "llmstep.prove"]},
            "textDocumentSync": {"change": 2},
            "hoverProvider": True,
        },
        "serverInfo": {"name": "Lean"},
    }


def test_capabilities_of_a_lean_without_any() -> None:
    assert merged({})["capabilities"] == {key: OURS[key] for key in OURS if key != "textDocumentSync"}
    assert merged_initialize(None, {}) == {"capabilities": {}}


def test_no_kind_of_code_action_is_lost_where_lean_names_none() -> None:
    assert merged({"codeActionProvider": True})["capabilities"]["codeActionProvider"] == {
        "resolveProvider": True
    }


def test_we_count_as_lean_does_and_get_our_own_options() -> None:
    params = {
        "processId": 7,
        "capabilities": {"general": {"positionEncodings": ["utf-8"], "markdown": 1}, "window": {}},
        "initializationOptions": {"hasWidgets": True, "llmstep": {"count": 3}},
    }
    assert our_initialize(params, {"capabilities": {}}) == {
        "processId": 7,
        "capabilities": {"general": {"positionEncodings": ["utf-16"], "markdown": 1}, "window": {}},
        "initializationOptions": {"count": 3},
    }
    named = our_initialize({}, {"capabilities": {"positionEncoding": "utf-32"}})
    assert named["capabilities"]["general"] == {"positionEncodings": ["utf-32"]}
    assert named["initializationOptions"] is None


def test_code_actions_of_both() -> None:
    ours = {"title": "llmstep: x", "data": 1}
    assert merged_actions([{"title": "Try this"}], [ours]) == [
        {"title": "Try this"},
        {"title": "llmstep: x", "data": {"llmstep": 1}},
    ]
    assert merged_actions(None, [ours]) == [{"title": "llmstep: x", "data": {"llmstep": 1}}]
    assert merged_actions(None, []) is None
    lean: list[Any] = []
    assert merged_actions(lean, None) is lean


MINE = {"label": "x", "data": {"llmstep": None}}


@pytest.mark.parametrize(
    ("lean", "ours", "expected"),
    [
        ([{"label": "a"}], [{"label": "x"}], [{"label": "a"}, MINE]),
        (None, {"isIncomplete": False, "items": [{"label": "x"}]}, [MINE]),
        (
            {"isIncomplete": True, "items": [{"label": "a"}], "itemDefaults": 1},
            {"isIncomplete": False, "items": [{"label": "x"}]},
            {"isIncomplete": True, "items": [{"label": "a"}, MINE], "itemDefaults": 1},
        ),
        (
            [{"label": "a"}],
            {"isIncomplete": True, "items": []},
            {"isIncomplete": True, "items": [{"label": "a"}]},
        ),
        ({"items": [1]}, {"items": [{"label": "x"}]}, {"items": [1, MINE]}),
    ],
)
def test_completions_of_both(lean: Any, ours: Any, expected: Any) -> None:
    assert merged_items(lean, ours) == expected


@pytest.mark.parametrize("ours", [None, [], {"isIncomplete": False, "items": []}])
def test_leans_completions_are_left_alone(ours: Any) -> None:
    lean = {"isIncomplete": False, "items": [{"label": "a"}]}
    assert merged_items(lean, ours) is lean


def test_items_are_resolved_by_whom_they_come_from() -> None:
    for ours in ({"label": "x"}, {"label": "x", "data": {"own": 1}}):
        (item,) = merged_items(None, [ours])
        assert is_ours(item)
        assert unmarked(item) == ours
    assert is_ours({"title": "llmstep: x"})  # by an editor that sends no data back
    assert unmarked({"title": "llmstep: x"}) == {"title": "llmstep: x"}
    assert not is_ours({"title": "Try this: llmstep: x", "data": {"params": {}}})


@pytest.mark.parametrize(
    ("method", "params", "to"),
    [
        ("textDocument/hover", {}, To.LEAN),
        ("$/lean/rpc/call", {"data": {"llmstep": 1}}, To.LEAN),
        ("workspace/didChangeWatchedFiles", {}, To.LEAN),
        ("shutdown", None, To.LEAN),
        ("textDocument/codeAction", {}, To.BOTH),
        ("textDocument/codeAction", [], To.LEAN),
        ("textDocument/didChange", {}, To.BOTH),
        ("initialized", {}, To.BOTH),
        ("textDocument/inlineCompletion", {}, To.US),
        ("llmstep/anything", {}, To.US),
        ("workspace/executeCommand", {"command": "llmstep.prove"}, To.US),
        ("workspace/executeCommand", {"command": "lean.llmstep.x"}, To.LEAN),
        ("codeAction/resolve", {"title": "llmstep: x"}, To.US),
        ("codeAction/resolve", {"title": "Try this"}, To.LEAN),
        ("completionItem/resolve", {"label": "x", "data": {"llmstep": None}}, To.US),
        ("completionItem/resolve", {"label": "x", "data": {"mod": "A"}}, To.LEAN),
    ],
)
def test_who_gets_a_message(method: str, params: Any, to: To) -> None:
    assert receiver(method, params, lean_completes_inline=False) is to


def test_inline_completions_of_a_lean_that_has_some() -> None:
    assert receiver("textDocument/inlineCompletion", {}, lean_completes_inline=True) is To.BOTH


def test_documents_of_ours_are_kept_out_of_answers() -> None:
    mine, theirs = "file:///A.llmstep-scratch-1.lean", "file:///A.lean"
    answers = [
        ([{"uri": mine, "range": 1}, {"uri": theirs}], [{"uri": theirs}]),
        ([{"targetUri": mine}], []),
        ([{"name": "f", "location": {"uri": mine}}, {"name": "f", "location": {"uri": theirs}}],
         [{"name": "f", "location": {"uri": theirs}}]),
        ([{"from": {"uri": mine}, "fromRanges": []}], []),
        ({"changes": {mine: [1], theirs: [2]}}, {"changes": {theirs: [2]}}),
        ({"documentChanges": [{"textDocument": {"uri": mine}, "edits": []}]}, {"documentChanges": []}),
        ({"contents": mine}, {"contents": mine}),
        (None, None),
    ]  # fmt: skip
    for answer, expected in answers:
        assert without(answer, {mine}) == expected
