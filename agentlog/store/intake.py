"""What a store lets in.

The rule: a record that passes here can be stored, merged, searched and written as strict JSON for
ever after. So the doubts about a line of the journal (its encoding, its numbers, its depth, its
surrogates) are all raised in this file, once, and nothing behind it has to be careful. What comes
over the network is asked for more: server/intake.py.
"""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from agentlog.store import Refusal
from agentlog.store.merge import Half, Record, address, half

DEEPEST = 200
"""Levels of nesting; far beyond what agentlog writes, far within what every parser reads."""

_TOO_DEEP = f"nested deeper than {DEEPEST} levels"

LONGEST = 16 << 20
"""Bytes of a line; agentlog writes one MiB at most."""

_ODD = re.compile(
    r"\\u(?:[dD][89a-fA-F]|00(?:3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA]))"
)


class Entry(NamedTuple):
    """A record that may be stored: its address, the half it is, and its JSON text as it came.

    A tuple, as one is made for each record.
    """

    session_id: str
    id: str
    half: Half
    text: str


@dataclass(frozen=True, slots=True)
class Damage:
    """Why a line is no record."""

    why: str


def entry_of_line(line: bytes) -> Entry | Damage:
    """Check a line of the journal, given without its newline."""
    if len(line) > LONGEST:
        return Damage("too long")
    try:
        return _entry(line.decode())
    except UnicodeDecodeError:
        return Damage("not UTF-8")


def entry_of_record(record: Record) -> Entry | Damage:
    """Check a record that was parsed elsewhere."""
    try:
        return _entry(written(record))
    except (TypeError, ValueError, RecursionError) as error:
        return Damage(f"not JSON: {error}")


def entries_of_records(records: Iterable[Record]) -> tuple[list[Entry], tuple[Refusal, ...]]:
    """Check a batch; return what may be stored of it, and what not."""
    entries: list[Entry] = []
    refused: list[Refusal] = []
    for place, record in enumerate(records):
        entry = entry_of_record(record)
        if isinstance(entry, Damage):
            refused.append(Refusal(place, _id_of(record), entry.why))
        else:
            entries.append(entry)
    return entries, tuple(refused)


def _id_of(record: object) -> str | None:
    found = record.get("id") if isinstance(record, dict) else None
    return found if isinstance(found, str) else None


def _entry(text: str) -> Entry | Damage:
    try:
        record = _decode(text)
    except RecursionError:
        return Damage(_TOO_DEEP)
    except ValueError as error:
        return Damage(f"not JSON: {error}")
    if not isinstance(record, dict):
        return Damage("not an object")
    place = address(record)
    if place is None or not all(place):
        return Damage("without id or session_id")
    if is_deep(record, text, DEEPEST):
        return Damage(_TOO_DEEP)
    if is_odd(text):
        text = written(record)
        record = json.loads(text)
    return Entry(record["session_id"], record["id"], half(record), text)


def is_odd(text: str) -> bool:
    """Say whether a JSON text may have to be written anew before it is stored.

    It has a surrogate in it, be it one of a pair; or a letter or digit as an escape, which no
    encoder writes: in a key it would hide a field from SQLite, which compares what is written.
    """
    return _ODD.search(text) is not None


def written(value: object) -> str:
    """Return strict JSON that can be encoded: a surrogate without its pair becomes U+FFFD.

    Raises what `json.dumps` raises.
    """
    text = _encode(value)
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def is_deep(value: object, text: str, levels: int) -> bool:
    """Say whether there is something below so many levels of a value; `text` is its JSON."""
    if text.count("[") + text.count("{") < levels:
        return False
    level = [value]
    for _ in range(levels):
        lists = [item for item in level if isinstance(item, list)]
        objects = [item.values() for item in level if isinstance(item, dict)]
        level = [child for children in (*lists, *objects) for child in children]
    return bool(level)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is out of range")
    return number


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode

# 1e999 is JSON, but the infinity that Python reads there could not be written again.
_decode = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse).decode
