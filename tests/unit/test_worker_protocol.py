"""What the language server and its model worker say to each other."""

import math

import pytest

from llmstep_lsp.worker.protocol import (
    Answer,
    Cancel,
    Continuation,
    Failure,
    Fatal,
    Model,
    Order,
    Ready,
    Reply,
    Request,
    line,
    read_order,
    read_reply,
)


@pytest.mark.parametrize(
    "order",
    [
        Request(1, "⊢ p ∧ q\n\udc80", 8, 128, 0.7, 0, ("[GOAL]", "\n")),
        Request(2, "", 1, 1, 0, 3),
        Cancel(1),
    ],
)
def test_an_order_survives_the_wire(order: Order) -> None:
    assert read_order(line(order)) == order


@pytest.mark.parametrize(
    "reply",
    [
        Ready(Model("m", "cpu", "float32", 10, None)),
        Ready(Model("m", "cuda", "bfloat16", 10, 2048)),
        Fatal("no model"),
        Answer(1, ()),
        Answer(2, (Continuation("exact ⟨hp, hq⟩\n", -0.25), Continuation("", -1.0))),
        Failure(3, "cancelled"),
    ],
)
def test_a_reply_survives_the_wire(reply: Reply) -> None:
    assert read_reply(line(reply)) == reply


def test_a_message_is_one_line() -> None:
    assert line(Fatal("a\nb\u2028c")).count(b"\n") == 1


def test_the_wire_has_the_documented_keys() -> None:
    assert line(Answer(1, (Continuation("rfl", -0.5),))) == (
        b'{"id": 1, "candidates": [{"text": "rfl", "score": -0.5}]}\n'
    )
    assert line(Cancel(1)) == b'{"cancel": 1}\n'


@pytest.mark.parametrize(
    "text", [b"", b"hello\n", b"\xff\xfe\n", b"[]\n", b"{}\n", b'{"id": 1}\n', b'{"id": "1", "error": "x"}\n']
)
def test_anything_else_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_order(text)
    with pytest.raises(ValueError, match=r".+"):
        read_reply(text)


def test_a_continuation_has_text_and_score() -> None:
    with pytest.raises(ValueError, match="not a continuation"):
        read_reply(b'{"id": 1, "candidates": [{"text": "rfl"}]}\n')


def test_a_score_is_a_number() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        line(Answer(1, (Continuation("rfl", math.nan),)))
