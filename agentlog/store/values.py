"""What goes into a database and comes out of it, whichever that is. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

from agentlog.store import SessionFilter

LARGE = 1 << 20
"""Bytes of text, about, that are read together."""

Row = tuple[Any, ...]


def parts(found: Iterable[Row], most: int) -> Iterator[list[Row]]:
    """Yield rows in lists of at most so many, and of about `LARGE` characters of text."""
    part: list[Row] = []
    room = LARGE
    for row in found:
        part.append(row)
        room -= sum(len(value) for value in row if isinstance(value, str))
        if len(part) >= most or room <= 0:
            yield part
            part, room = [], LARGE
    if part:
        yield part


def bindable(value: object) -> object:
    """Make a text one that UTF-8 can say: no half of a surrogate pair."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def asked(wanted: SessionFilter, **others: object) -> dict[str, object]:
    """Return what a filter asks, by the names of clauses; what is None is left out.

    Of the last session of a page `behind` is the start, which may be None, and `behind_id` its id.
    """
    behind = wanted.before if isinstance(wanted.before, tuple) else None
    values: dict[str, object] = {
        "since": wanted.since,
        "before": None if behind else wanted.before,
        "tag": wanted.tag,
        "result": wanted.result,
        "text": (wanted.text or "").casefold() or None,
        **others,
    }
    given = {name: value for name, value in values.items() if value is not None}
    return given | {"behind": behind[0], "behind_id": behind[1]} if behind else given
