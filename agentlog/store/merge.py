"""From records to events.

A record is a half of an event, or all of it. The rule of this file: the halves of an event come
together in any order and however often, and the event is always the same. So nothing here asks
which record came first; where two records claim the same half, the one with a name prevails, then
the larger text.

Pure, and tolerant: whatever was parsed from a line may be handed in.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from agentlog.halves import Event, Record, merge

__all__ = [
    "Address",
    "Event",
    "Half",
    "Record",
    "address",
    "canonical",
    "claim",
    "half",
    "merge",
    "merged",
    "parsed",
    "prevailing",
]

Address = tuple[str, str]
"""Where an event lives: `(session_id, id)`."""

Half = Literal["open", "close"]


def address(record: object) -> Address | None:
    """Return the `(session_id, id)` of a record, or None where it has no such texts."""
    if not isinstance(record, Mapping):
        return None
    session_id, event_id = record.get("session_id"), record.get("id")
    if isinstance(session_id, str) and isinstance(event_id, str):
        return session_id, event_id
    return None


def half(record: Record) -> Half:
    """Say which half of its event a record is; a whole one is a close half that carries all."""
    return "close" if "end_timestamp" in record else "open"


def parsed(halves: Iterable[tuple[str | None, str | None]]) -> Iterator[tuple[Any, Any]]:
    """Yield the halves of events, of their texts; either of them may be missing."""
    # One text for all: its parser makes each key once, in half the time.
    texts = ",".join(f"{opened or 'null'},{closed or 'null'}" for opened, closed in halves)
    found = iter(json.loads(f"[{texts}]"))
    return zip(found, found, strict=True)


def prevailing(one: Record, other: Record) -> Record:
    """Choose between two records that claim the same half.

    One that has the open half in it wins over one that has not, as nothing else names the event;
    then the larger canonical text.
    """
    return max(one, other, key=claim)


def claim(record: Record) -> tuple[bool, str]:
    """Return what a record has to say for itself where another claims the same half."""
    return "event_type" in record, canonical(record)


def canonical(record: Record) -> str:
    """Return the JSON text of a record that does not depend on the order of its fields."""
    try:
        return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except (RecursionError, TypeError, ValueError):
        # Nothing that was read from a line gets here; what did not loses to everything that was.
        return ""


def merged(records: Iterable[object]) -> dict[Address, Event]:
    """Merge records of any number of sessions, in any order, into events by their address.

    What is no object, or has no texts as `session_id` and `id`, is skipped. Events that are
    merged already pass through as they are.
    """
    halves: dict[Half, dict[Address, Record]] = {"open": {}, "close": {}}
    for record in records:
        place = address(record)
        if place is None or not isinstance(record, Mapping):
            continue
        claimed = halves[half(record)]
        held = claimed.setdefault(place, record)
        if held is not record:
            claimed[place] = prevailing(held, record)
    opened, closed = halves["open"], halves["close"]
    return {place: merge(opened.get(place), closed.get(place)) for place in {**opened, **closed}}
