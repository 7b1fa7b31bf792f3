"""The fields of an event by their types: one of another type is as if it were not there. Pure."""

import json
from collections.abc import Iterable

from agentlog.store import MOST_TOKENS
from agentlog.store.merge import Event, merged

_SMALLEST = -MOST_TOKENS - 1


def events_of(texts: Iterable[str]) -> list[Event]:
    """Merge the texts of records of one session; return its events, in no order."""
    # One text for all: its parser makes each key once, in half the time.
    return list(merged(json.loads(f"[{','.join(texts)}]")).values())


def event_of(halves: Iterable[str]) -> Event:
    """Merge the texts of the records of one event."""
    (event,) = events_of(halves)
    return event


def by_start(event: Event) -> tuple[bool, float, str]:
    """Return what the events of a session are sorted by; what has no time comes first."""
    start = number(event, "timestamp")
    return start is not None, start or 0.0, str(event["id"])


def text(event: Event, name: str) -> str | None:
    """Return a field that is a text."""
    value = event.get(name)
    return value if isinstance(value, str) else None


def number(event: Event, name: str) -> float | None:
    """Return a field that is a number."""
    value = event.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]


def integer(event: Event, name: str) -> int | None:
    """Return a field that is an integer of 64 bits."""
    value = event.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if _SMALLEST <= value <= MOST_TOKENS else None


def tokens(event: Event, name: str) -> int:
    """Return a number of tokens; damage counts for nothing."""
    value = integer(event, name)
    return value if value is not None and 0 <= value < MOST_TOKENS else 0


def tags(event: Event) -> list[str] | None:
    """Return the tags that are texts, if there is a list of them."""
    value = event.get("tags")
    return [tag for tag in value if isinstance(tag, str)] if isinstance(value, list) else None
