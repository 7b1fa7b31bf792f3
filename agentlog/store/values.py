"""What goes into a database and comes out of it, whichever that is. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

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
