"""Owns how messages stand in a stream of bytes: a header with their length, and JSON.

Source: the base protocol of the LSP 3.17 specification.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

_LENGTH = re.compile(rb"^content-length: *(\d+) *$", re.IGNORECASE | re.MULTILINE)
_END = b"\r\n\r\n"
# What has no header by then is not a message.
_MAX_HEADER = 4096


@dataclass(frozen=True)
class Frame:
    """One message as it came: `raw` is all of it, `body` the JSON."""

    raw: bytes
    body: bytes

    def message(self) -> dict[str, Any]:
        """What it says.

        Raises:
            ValueError: it is not a JSON object.
        """
        message = json.loads(self.body)
        if not isinstance(message, dict):
            raise ValueError(f"not a message: {self.body[:80]!r}")  # noqa: TRY004  # as other broken JSON
        return message


def frame_of(message: dict[str, Any]) -> Frame:
    """The frame that says `message`."""
    # In ASCII, because half a surrogate pair, which an editor may send, cannot be encoded.
    body = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode()
    return Frame(b"Content-Length: %d\r\n\r\n" % len(body) + body, body)


class Frames:
    """Cuts a stream into frames as its bytes come."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._body: int | None = None  # where the body of the first message starts and ends,
        self._size = 0  # if its header is there

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes.

        Raises:
            ValueError: what came is no message.
        """
        self._bytes += chunk
        found: list[Frame] = []
        while self._header_is_there() and len(self._bytes) >= self._size:
            raw = bytes(self._bytes[: self._size])
            found.append(Frame(raw, raw[self._body :]))
            del self._bytes[: self._size]
            self._body = None
        return found

    def _header_is_there(self) -> bool:
        if self._body is not None:
            return True
        end = self._bytes.find(_END, 0, _MAX_HEADER)
        if end < 0:
            if len(self._bytes) >= _MAX_HEADER or not self._could_be_a_header():
                raise ValueError(f"{bytes(self._bytes[:80])!r}")
            return False
        length = _LENGTH.search(self._bytes[:end].replace(b"\r\n", b"\n"))
        if length is None:
            raise ValueError(f"{bytes(self._bytes[:80])!r}")
        self._body = end + len(_END)
        self._size = self._body + int(length[1])
        return True

    def _could_be_a_header(self) -> bool:
        return b"content-".startswith(self._bytes[:8].lower()) if self._bytes else True
