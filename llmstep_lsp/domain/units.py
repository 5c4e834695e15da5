"""Owns the conversion between code points, which we count, and the units that a protocol counts."""

from typing import Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_BYTES_PER_UNIT: dict[Encoding, int] = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
_CODEC: dict[Encoding, str] = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


def to_units(line: str, column: int, encoding: Encoding) -> int:
    """How many units of `encoding` the first `column` code points of `line` take."""
    return len(line[:column].encode(_CODEC[encoding], "surrogatepass")) // _BYTES_PER_UNIT[encoding]


def from_units(line: str, units: int, encoding: Encoding) -> int:
    """How many code points of `line` are whole within its first `units` units of `encoding`."""
    encoded = line.encode(_CODEC[encoding], "surrogatepass")[: units * _BYTES_PER_UNIT[encoding]]
    return len(encoded.decode(_CODEC[encoding], "ignore"))
