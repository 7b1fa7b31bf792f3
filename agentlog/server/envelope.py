"""From the bytes of a request to the values in it: `{"events": [value, ...]}`, plain or gzip.

The rules. A limit holds while the work is done, not after it: gzip is unpacked up to the limit and
no further, and a text whose values would take many times its own memory is turned down before it
is parsed. The values are parsed one by one, so that only one of them is in memory at a time, and
each comes with its text as it stands in the body. A value that JSON cannot hold (NaN), that Python
cannot write again (1e999), or that is more than an integer of 64 bit is a fault of this one value;
a text that is no JSON is a fault of the whole.

Pure.
"""

import json
import re
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]  # as raw_decode does
from typing import Any, Final, NamedTuple

MOST_BYTES: Final = 20 << 20
"""Of a body, before and after decompression."""

MOST_RECORDS: Final = 5_000

DEEPEST: Final = 100
"""Levels of nesting in a field of a record; agentlog writes 20."""

TOO_DEEP: Final = f"nested deeper than {DEEPEST} levels"
INT64: Final = 1 << 63
"""The first integer that 64 bits do not hold."""

_MOST_MEMBERS = 16
"""Of one gzip body; each of them costs some work, even an empty one."""

_MOST_WEIGHT = 160 << 20
_WEIGHTS: Final = {
    b"{": 128,
    b"[": 128,
    b":": 48,
    b",": 48,
    rb"\ud": 48,
    rb"\uD": 48,
}
"""What it costs to parse a body, in bytes of memory or in as much time, for each of these in it;
the halves of surrogate pairs are mended one by one.
"""

_MOST_KEYS = 100
"""Beside `events`; nobody's, but each of them costs some work."""

_SAFE_DIGITS = 18
# Possessive throughout: whatever a body is made of, each of its characters is looked at once or
# twice. A quote is found only where its text does not end.
_BRACKET = re.compile(r'(?:[^][{}"]++|"(?:[^"\\]++|\\.)*+")*+([][{}"])', re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why nothing of a body is taken: an HTTP status and a sentence."""

    status: int
    detail: str


class Value(NamedTuple):
    """One value of the array.

    A tuple, as one is made for each record.

    Attributes:
        value: What was parsed.
        text: Its text, as it stands in the body.
        fault: Why it cannot be kept; empty if it can.
        doubled: Whether a key is twice in an object; the last one counts.

    """

    value: Any
    text: str
    fault: str = ""
    doubled: bool = False


class Rejected(Exception):  # noqa: N818 - it is how a body is left in the middle of it
    """Raised inside; carries the rejection."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.rejection = Rejection(status, detail)


def unpacked(body: bytes, encoding: str | None) -> str:
    """Return the text of a body; raises `Rejected`."""
    body = weighed(inflated(body, encoding))
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Rejected(400, f"the body is not UTF-8, at byte {error.start}") from None


def inflated(body: bytes, encoding: str | None) -> bytes:
    """Return a body as it was before it was packed; raises `Rejected`."""
    coding = (encoding or "identity").strip().lower()
    if coding in ("gzip", "x-gzip"):
        body = _inflated(body)
    elif coding not in ("identity", ""):
        raise Rejected(415, "Content-Encoding is gzip, or none")
    if len(body) > MOST_BYTES:
        raise Rejected(413, f"a body has at most {MOST_BYTES >> 20} MiB, decompressed")
    return body


def _inflated(body: bytes) -> bytes:
    parts: list[bytes] = []
    room = MOST_BYTES + 1
    for _ in range(_MOST_MEMBERS):
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            parts.append(unpacker.decompress(body, room))
        except zlib.error:
            raise Rejected(400, "the body is broken gzip") from None
        room -= len(parts[-1])
        if room <= 0:
            return b"".join(parts)  # too large, which is for the caller to say
        if not unpacker.eof:
            raise Rejected(400, "the body is gzip that is cut off")
        body = unpacker.unused_data
        if not body:
            return b"".join(parts)
    raise Rejected(400, "the body is gzip in too many pieces")


def weighed(body: bytes) -> bytes:
    """Return a body that is not too heavy as JSON, or with JSON in it; raises `Rejected`."""
    if _weight(body) > _MOST_WEIGHT:
        raise Rejected(413, "a body with so many values in it is too large: send it in parts")
    return body


def _weight(body: bytes) -> int:
    return len(body) + sum(body.count(sign) * weight for sign, weight in _WEIGHTS.items())


# -- The envelope --------------------------------------------------------------------------------


def values(text: str) -> Iterator[Value]:
    """Yield the values of the array `events`; raises `Rejected` for what is no such envelope."""
    parse = Parser()
    place = _behind(text, _space(text, 0), "{", "an object with the array `events`")
    found = False
    for _ in range(_MOST_KEYS):
        key, place = _key(text, place)
        if key == "events":
            if found:
                raise Rejected(400, "the body has `events` twice")
            found = True
            place = yield from _array(parse, text, place)
        else:
            _, place = parse(text, place)
        place = _space(text, place)
        if not text.startswith(",", place):
            break
        place = _space(text, place + 1)
    else:
        raise Rejected(400, f"the body has more than {_MOST_KEYS} keys")
    place = _behind(text, place, "}", "a comma or the end of the object")
    if place != len(text):
        raise _no_json("the end of the body", place)
    if not found:
        raise Rejected(400, "the body has no array `events`")


def _array(parse: "Parser", text: str, place: int) -> Generator[Value, None, int]:
    """Yield the values of an array; return where it ends."""
    place = _behind(text, place, "[", "an array `events`")
    if text.startswith("]", place):
        return place + 1
    count = 0
    while True:
        value, place = parse(text, place)
        count += 1
        if count > MOST_RECORDS:
            raise Rejected(413, f"a body has at most {MOST_RECORDS:,} records")
        yield value
        if not text.startswith(",", place):
            place = _space(text, place)
            if not text.startswith(",", place):
                return _behind(text, place, "]", "a comma or the end of the array")
        place += 1
        if not text.startswith("{", place):
            place = _space(text, place)


def _key(text: str, place: int) -> tuple[str, int]:
    if not text.startswith('"', place):
        raise _no_json("a key", place)
    try:
        key, place = scanstring(text, place + 1, True)
    except JSONDecodeError as error:
        raise _no_json("a key", error.pos) from None
    return key, _behind(text, _space(text, place), ":", "a colon")


def _behind(text: str, place: int, sign: str, wanted: str) -> int:
    """Return where it goes on behind a sign and the space that follows it."""
    if not text.startswith(sign, place):
        raise _no_json(wanted, place)
    return _space(text, place + 1)


def _space(text: str, place: int) -> int:
    found: int = _SPACE.match(text, place).end()  # type: ignore[union-attr]  # it fits anywhere
    return found


def _no_json(wanted: str, place: int) -> Rejected:
    return Rejected(400, f"the body is no JSON as it should be: {wanted} expected at {place}")


# -- One value -----------------------------------------------------------------------------------


class Parser:
    """Parses one value of a text after the other. For one thread."""

    __slots__ = ("_doubled", "_fault", "_scan")

    def __init__(self) -> None:
        self._fault = ""
        self._doubled = False
        self._scan = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_float=self._float,
            parse_int=self._int,
            parse_constant=self._constant,
        ).scan_once  # type: ignore[attr-defined]

    def __call__(self, text: str, place: int) -> tuple[Value, int]:
        """Return the value at a place of a text, and where it ends; raises `Rejected`."""
        self._fault, self._doubled = "", False
        try:
            value, end = self._scan(text, place)
        except StopIteration as stopped:
            raise _no_json("a value", stopped.value) from None
        except JSONDecodeError as error:
            raise Rejected(400, f"the body is no JSON: {error.msg} at {error.pos}") from None
        except RecursionError:
            end = _end_of_nested(text, place)
            return Value(None, "", TOO_DEEP), end
        return Value(value, text[place:end], self._fault, self._doubled), end

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            self._doubled = True
        return found

    def _float(self, text: str) -> float:
        number = float(text)
        if number - number != 0.0:
            self._fault = f"{text[:40]} is out of range"
        return number

    def _int(self, text: str) -> int:
        if len(text) <= _SAFE_DIGITS:
            return int(text)
        number = int(text) if len(text) <= _SAFE_DIGITS + 2 else INT64
        if not -INT64 <= number < INT64:
            self._fault = f"{text[:40]} is more than an integer of 64 bit"
        return number

    def _constant(self, name: str) -> float:
        self._fault = f"{name} is no JSON"
        return 0.0


def _end_of_nested(text: str, place: int) -> int:
    """Return where a value ends that is nested too deeply to be parsed; raises `Rejected`."""
    depth = 0
    while (found := _BRACKET.match(text, place)) and found[1] != '"':
        depth += 1 if found[1] in "[{" else -1
        place = found.end()
        if depth <= 0:
            return place
    raise Rejected(400, f"the body is {TOO_DEEP}, and they do not end")
