"""Where the model server listens."""

import socket

import pytest

from llmstep_lsp.edge.serve import _listen
from llmstep_lsp.errors import InputError


def test_answers_are_sent_at_once() -> None:
    """asyncio turns off Nagle's algorithm only for sockets that say their protocol."""
    with _listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_a_name_that_is_none() -> None:
    with pytest.raises(InputError, match=r"cannot listen at port 0 of nowhere\.invalid"):
        _listen("nowhere.invalid", 0)
