"""What the language server and its model worker say to each other."""

import math

import pytest

from llmstep_lsp.domain.completion import Completion, Continuation, Model, Part, Prompt, Token
from llmstep_lsp.worker.protocol import (
    Cancel,
    Done,
    Failed,
    Fatal,
    Found,
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
        Request(
            1,
            Completion(
                Prompt((Part("theorem", -3), Part("⊢ p ∧ q\n\udc80")), system="You prove."),
                count=8,
                max_new_tokens=100,
                temperature=0.0,
                beams=True,
                seed=7,
                stop=("[GOAL]", "\n"),
                seconds=2.5,
                tokens=True,
            ),
        ),
        Request(2, Completion(Prompt(()), count=1)),
        Cancel(1),
    ],
)
def test_an_order_survives_the_wire(order: Order) -> None:
    assert read_order(line(order)) == order


@pytest.mark.parametrize(
    "reply",
    [
        Ready(Model("transformers", "m", "cpu", "float32", 10, None)),
        Ready(Model("vllm", "m", "cuda", "bfloat16", None, 2048)),
        Fatal("no model"),
        Found(1, Continuation("exact ⟨hp, hq⟩\n", -0.25)),
        Found(1, Continuation("", None, (Token("", -1.0), Token("\udc80", -0.5)))),
        Done(2, 12.5),
        Failed(3, "cancelled"),
    ],
)
def test_a_reply_survives_the_wire(reply: Reply) -> None:
    assert read_reply(line(reply)) == reply


def test_a_message_is_one_line() -> None:
    assert line(Fatal("a\nb\u2028c")).count(b"\n") == 1


def test_the_wire_has_the_documented_keys() -> None:
    assert line(Found(1, Continuation("rfl", -0.5))) == (
        b'{"id": 1, "continuation": {"text": "rfl", "score": -0.5, "tokens": []}, "kind": "Found"}\n'
    )
    assert line(Cancel(1)) == b'{"id": 1, "kind": "Cancel"}\n'


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello\n",
        b"\xff\xfe\n",
        b"[]\n",
        b"{}\n",
        b'{"id": 1}\n',
        b'{"kind": "Nothing"}\n',
        b'{"kind": "Request", "id": 1}\n',
        b'{"kind": "Failed", "id": "x", "error": "x"}\n',
        b'{"kind": "Found", "id": 1, "continuation": {"text": "rfl"}}\n',
    ],
)
def test_anything_else_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_order(text)
    with pytest.raises(ValueError, match=r".+"):
        read_reply(text)


def test_a_score_is_a_number() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        line(Found(1, Continuation("rfl", math.nan)))
