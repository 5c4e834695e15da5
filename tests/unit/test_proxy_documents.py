"""The proxy's copy of a document is what the editor has, after any changes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmstep_lsp.edge.proxy.documents import Documents, changed

# Line ends, what Python takes for line ends, and characters of one to four bytes, one and two units.
TEXT = st.lists(st.sampled_from([*"ab\n\fé\u2028\x85ℕ𝔽", "\r\n"]), max_size=20).map("".join)
URI = "file:///A.lean"


def place(text: str, index: int) -> dict[str, int]:
    """Where character `index` of a text is, counted without the code under test."""
    before = text[:index].split("\n")
    return {"line": len(before) - 1, "character": len(before[-1].encode("utf-16-le")) // 2}


def edit(text: str, start: int, end: int, new: str) -> dict[str, Any]:
    return {"range": {"start": place(text, start), "end": place(text, end)}, "text": new}


@given(TEXT, st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), TEXT), max_size=4))
def test_edits(text: str, edits: list[tuple[int, int, str]]) -> None:
    changes, expected = [], text
    for start, length, new in edits:
        # An editor does not address the place between the two halves of a line end.
        first, last = (
            at - 1 if expected[at - 1 : at + 1] == "\r\n" else at
            for at in (min(start, len(expected)), min(start + length, len(expected)))
        )
        changes.append(edit(expected, first, last, new))
        expected = expected[:first] + new + expected[last:]
    assert changed(text, changes) == expected


@pytest.mark.parametrize(
    ("text", "line", "character", "expected"),
    [
        ("ab\ncd", 0, 99, "ab!\ncd"),
        ("ab\r\ncd", 0, 3, "ab!\r\ncd"),
        ("ab\r\ncd", 0, 99, "ab!\r\ncd"),
        ("ab\ncd", 1, 99, "ab\ncd!"),
        ("ab\ncd", 7, 0, "ab\ncd!"),
        ("𝔽b", 0, 2, "𝔽!b"),
        ("a\rb", 0, 2, "a\r!b"),  # a lone CR ends no line in Lean
        ("a\fb\u2028c", 0, 5, "a\fb\u2028c!"),
    ],
)
def test_places(text: str, line: int, character: int, expected: str) -> None:
    at = {"line": line, "character": character}
    assert changed(text, [{"range": {"start": at, "end": at}, "text": "!"}]) == expected


def test_a_range_that_ends_before_it_starts_replaces_nothing() -> None:
    start, end = {"line": 1, "character": 1}, {"line": 0, "character": 0}
    assert changed("ab\ncd", [{"range": {"start": start, "end": end}, "text": "!"}]) == "ab\nc!d"


def test_whole_texts_and_edits_follow_each_other() -> None:
    assert changed("old", [{"text": "new"}, edit("new", 3, 3, "er")]) == "newer"


def test_documents_are_told_whole_and_reopened_as_they_are() -> None:
    documents = Documents()
    item = {"uri": URI, "languageId": "lean4", "version": 1, "text": "a\n"}
    documents.open({"textDocument": item, "dependencyBuildMode": "never"})
    identifier = {"uri": URI, "version": 5}
    told = documents.change({"textDocument": identifier, "contentChanges": [edit("a\n", 1, 1, "b")]})
    assert told == {"textDocument": identifier, "contentChanges": [{"text": "ab\n"}]}
    present = {**item, "version": 5, "text": "ab\n"}
    assert documents.reopened() == [{"textDocument": present, "dependencyBuildMode": "never"}]
    documents.close({"textDocument": {"uri": URI}})
    assert documents.reopened() == []
    assert documents.change({"textDocument": identifier, "contentChanges": []}) is None
