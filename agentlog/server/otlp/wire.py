"""Protobuf's encoding: the parts of a message, as bytes, and messages of a few fields.

A message of two bytes takes forty times as much in memory once it is parsed. The rule: so nobody
parses a body as a whole. Its outer levels are walked through here, where a body may have
`MOST_PARTS`, and then each part is parsed alone.

https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator
from typing import Final

from agentlog.server.envelope import Rejected

MOST_PARTS: Final = 50_000

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_FIXED: Final = {_FIXED64: 8, _FIXED32: 4}
_MOST_DIGITS: Final = 10


class Parts:
    """Walks through the messages of one body."""

    def __init__(self) -> None:
        self._left = MOST_PARTS

    def __call__(self, message: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the fields of a message that are messages: number and bytes. Raises `Rejected`."""
        place, end = 0, len(message)
        while place < end:
            self._left -= 1
            if self._left < 0:
                raise Rejected(413, f"a body has at most {MOST_PARTS:,} spans and their like")
            tag, place = _varint(message, place)
            kind = tag & 7
            if kind == _DELIMITED:
                size, place = _varint(message, place)
                if place + size <= end:
                    yield tag >> 3, message[place : place + size]
                place += size
            elif kind == _VARINT:
                _, place = _varint(message, place)
            elif kind in _FIXED:
                place += _FIXED[kind]
            else:
                raise _broken()
        if place > end:
            raise _broken()


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """Return the number at a place, and where it goes on."""
    found = shift = 0
    for byte in message[place : place + _MOST_DIGITS]:
        place += 1
        found |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that there is more
            return found, place
        shift += 7
    raise _broken()


def _broken() -> Rejected:
    return Rejected(400, "the body is no protobuf message as it should be")


def field(number: int, value: int | str | bytes) -> bytes:
    """Return a field of a message: an integer, a text, or another message."""
    if isinstance(value, int):
        return _written(number << 3 | _VARINT) + _written(value)
    body = value.encode() if isinstance(value, str) else value
    return _written(number << 3 | _DELIMITED) + _written(len(body)) + body


def _written(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
