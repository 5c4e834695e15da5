"""Messages are cut out of a stream as they are, however its bytes come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmstep_lsp.edge.proxy.frames import Frame, Frames, frame_of

JSON = st.dictionaries(
    st.text(),
    st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5),
)


@given(st.lists(JSON, max_size=4), st.integers(1, 40))
def test_any_chunks(messages: list[dict[str, object]], size: int) -> None:
    sent = [frame_of(message) for message in messages]
    stream = b"".join(frame.raw for frame in sent)
    frames = Frames()
    found = [
        frame for start in range(0, len(stream), size) for frame in frames.feed(stream[start : start + size])
    ]
    assert found == sent
    assert [frame.message() for frame in found] == [{"jsonrpc": "2.0", **message} for message in messages]


def test_other_header_fields_are_kept() -> None:
    raw = b"content-type: application/vscode-jsonrpc\r\ncontent-length: 2\r\n\r\n{}"
    assert Frames().feed(raw + b"Content-Le") == [Frame(raw, b"{}")]


def test_half_a_surrogate_pair_can_be_said_again() -> None:
    assert frame_of(frame_of({"text": "\ud835"}).message()).message()["text"] == "\ud835"


@pytest.mark.parametrize(
    "garbage", [b"Segmentation fault\n", b"S", b"Content-Length: x\r\n\r\n{}", b"C" * 5000]
)
def test_what_is_no_message_is_told(garbage: bytes) -> None:
    with pytest.raises(ValueError, match=r"^b'"):
        Frames().feed(garbage)


def test_what_is_no_object_is_told() -> None:
    (frame,) = Frames().feed(b"Content-Length: 2\r\n\r\n[]")
    with pytest.raises(ValueError, match="not a message"):
        frame.message()
