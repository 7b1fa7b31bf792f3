"""Many rows at once into SQLite.

Between two statements sqlite3 takes the interpreter's lock and gives it back; in a process that has
another busy thread, each time may cost that thread's whole turn (5 ms). So rows go in by the
hundred, and the lock is free while SQLite works.
"""

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain

from agentlog.store.values import Row

_PORTIONS = (128, 16, 1)
"""Rows of a statement; a few sizes only, as each of them is a statement that is prepared once."""


def insert(
    connection: sqlite3.Connection,
    head: str,
    rows: Sequence[Row],
    tail: str = "",
) -> None:
    """Execute `head VALUES (?, ...), (?, ...) tail` for all rows; all are of one length."""
    place = 0
    for portion in _PORTIONS:
        while len(rows) - place >= portion:
            values = chain.from_iterable(rows[place : place + portion])
            statement = _statement(head, portion, len(rows[0]), tail)
            connection.execute(statement, tuple(values))
            place += portion


@cache
def _statement(head: str, rows: int, columns: int, tail: str) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"{head} VALUES {', '.join([row] * rows)} {tail}"
