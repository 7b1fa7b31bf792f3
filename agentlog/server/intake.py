"""What a collector lets in: from the body of a request to records, and why the others are refused.

The rule: a record that passes here can be stored, merged, searched and written as strict JSON for
ever after, and every record that agentlog's own encoder writes passes. What is wrong with one
record is told of this one, and its neighbours are kept; what is wrong with the body is a
`Rejection`, and nothing of it is kept.

Half a surrogate pair is mended, a key that is twice in an object counts as the last one says, and
one that is written with escapes is written anew; what else JSON cannot hold is refused. Payloads
(`params`, `returns`, `tags`, ...) may be of any type, as a user's redacting function may have made
anything of them. Unknown fields are kept.

Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from sys import getsizeof
from types import NoneType
from typing import Any, Final

from agentlog.server.envelope import (
    DEEPEST,
    TOO_DEEP,
    Parser,
    Rejected,
    Rejection,
    Value,
    unpacked,
    values,
)
from agentlog.store import Refusal
from agentlog.store.intake import Entry, is_deep, is_odd, written
from agentlog.store.merge import Record, half

_LONGEST_ID = 64
_OF_AN_ENTRY = 300
"""Bytes of memory that an entry has beside its text."""

_AS_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_NUMBER = b"0" * 19

_is_session_id = re.compile("[0-9a-f]{32}").fullmatch
_is_id = re.compile("[0-9a-f]{16}").fullmatch

_NUMBER = ((int, float), "a number of seconds")
_NAME = ((str,), "a text")
_TEXT = ((str, NoneType), "a text")
_COUNT = ((int, NoneType), "an integer")
_TYPES: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "event_type": _NAME,
    "action_type": _NAME,
    "timestamp": _NUMBER,
    "end_timestamp": _NUMBER,
    "result": _TEXT,
    "reason": _TEXT,
    "model": _TEXT,
    "logger": _TEXT,
    "level": _TEXT,
    "source": _TEXT,
    "notes": ((dict,), "an object"),
    "prompt_tokens": _COUNT,
    "completion_tokens": _COUNT,
}


Found = Record | str
"""A record that was made of what somebody sent; or why none could be."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of a request.

    Attributes:
        entries: Those that may be stored, in their order.
        refused: The others, each with its place in the request and the reason.
        size: Bytes of memory, about, that the entries take.

    """

    entries: tuple[Entry, ...]
    refused: tuple[Refusal, ...]
    size: int


def read(body: bytes, encoding: str | None) -> Batch | Rejection:
    """Read a body `{"events": [record, ...]}`.

    Args:
        body: As it came.
        encoding: The header `Content-Encoding`: gzip, or None.

    """
    try:
        text = unpacked(body, encoding)
        may_be_odd = "\\u" in text
        return _batch([_checked(value, may_be_odd=may_be_odd) for value in values(text)])
    except Rejected as rejected:
        return rejected.rejection


def of_records(found: Sequence[Found]) -> Batch:
    """Make a batch of records that were made elsewhere."""
    parse = Parser()
    return _batch([_of_record(one, parse) for one in found])


def of_record(record: Record, parse: Parser) -> Entry | str:
    """Check a record that was made here of what somebody sent; return why it cannot be kept."""
    found = _of_record(record, parse)
    return found if isinstance(found, Entry) else found.why


def size_of(entry: Entry) -> int:
    """Return the bytes of memory, about, that an entry takes."""
    return _OF_AN_ENTRY + getsizeof(entry.text)


def _batch(found: list["Entry | _Refused"]) -> Batch:
    entries = tuple(one for one in found if isinstance(one, Entry))
    refused = tuple(
        Refusal(index, one.id, one.why)
        for index, one in enumerate(found)
        if isinstance(one, _Refused)
    )
    return Batch(entries, refused, sum(map(size_of, entries)))


# -- One record ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Refused:
    """A record that is refused: its id, if it has one that can be repeated, and why."""

    id: str | None
    why: str


def _checked(value: Value, *, may_be_odd: bool) -> Entry | _Refused:
    record, text = value.value, value.text
    why = value.fault or _why_not(record)
    if not why and is_deep(record, text, DEEPEST + 2):
        why = TOO_DEEP
    if why:
        return _Refused(_told_id(record, text), why)
    if value.doubled or (may_be_odd and is_odd(text)):
        text = written(record)
    return Entry(record["session_id"], record["id"], half(record), text)


def _of_record(found: Found, parse: Parser) -> Entry | _Refused:
    if isinstance(found, str):
        return _Refused(None, found)
    try:
        text = written(found)
    except (TypeError, ValueError, RecursionError) as error:
        return _Refused(None, f"not JSON: {error}")
    value = parse(text, 0)[0] if _may_have_long_number(text) else Value(found, text)
    return _checked(value, may_be_odd=False)


def _may_have_long_number(text: str) -> bool:
    """Say whether there may be a number that 64 bits do not hold; it may be in a text, too."""
    return _LONG_NUMBER in text.encode().translate(_AS_ZEROS)  # a third of what `re` takes


def _why_not(record: Any) -> str:
    """Say what is wrong with a record; nothing, if nothing is."""
    if type(record) is not dict:
        return "not an object"
    for name, is_right, digits in (("session_id", _is_session_id, 32), ("id", _is_id, 16)):
        found = record.get(name)
        if type(found) is not str or not is_right(found):
            return f"{name} is not {digits} hex digits" if name in record else f"without {name}"
    parent = record.get("parent_id")
    if parent is not None and (type(parent) is not str or not _is_id(parent)):
        return "parent_id is not 16 hex digits, or null"
    wrong = [name for name in _TYPES.keys() & record if type(record[name]) not in _TYPES[name][0]]
    if wrong:
        name = min(wrong, key=[*record].index)
        return f"{name} is not {_TYPES[name][1]}"
    if "event_type" not in record and "end_timestamp" not in record:
        return "neither event_type nor end_timestamp"
    return "" if record.get("event_type") != "" else "event_type is empty"


def _told_id(record: Any, text: str) -> str | None:
    """Return the id of a record that is refused, if whoever sent it finds it in what was sent."""
    found = record.get("id") if type(record) is dict else None
    if type(found) is not str or len(found) > _LONGEST_ID or f'"{found}"' not in text:
        return None
    return found
