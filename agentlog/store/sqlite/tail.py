"""What is new in one session since it was asked last, in a SQLite store into which others put.

The rule: where nothing is new next to nothing is read, however long the session is.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from agentlog.store.merge import Event
from agentlog.store.sqlite.events import of_halves
from agentlog.store.values import bindable

_SESSION = """
    SELECT sessions.number, events FROM sessions
    WHERE project = (SELECT number FROM projects WHERE name = ?) AND session_id = ?
"""
_HALVES = "SELECT events.number, open, close, interrupted FROM"
_ALL = f"{_HALVES} events WHERE session = :session ORDER BY number"
# The plus keeps SQLite from the index: behind the last one there are few, of whatever session.
_BEHIND = f"{_HALVES} events WHERE number > :last AND +session = :session ORDER BY number"
_OPEN = f"{_HALVES} json_each(:open) CROSS JOIN events ON events.number = value"
"""It is CROSS so that SQLite begins with the few numbers."""


class Tail:
    """Yields, each time it is called, the events of a session that are new or have changed.

    Args:
        reading: Gives the connection for a block.
        project: The name of the session's project.
        session_id: The session.

    """

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[sqlite3.Connection]],
        project: str,
        session_id: str,
    ) -> None:
        self._reading = reading
        self._session = bindable(project), bindable(session_id)
        self._last = 0
        self._count = 0
        self._open: dict[int, tuple[bool, bool, int]] = {}

    def __call__(self) -> Iterator[Event]:
        """Yield what is new since the last time; all, if this is the first."""
        with self._reading() as connection:
            for number, opened, closed, interrupted in self._rows(connection):
                halves = json.loads(opened or "null"), json.loads(closed or "null")
                event = of_halves(*halves, interrupted)
                is_whole = closed is not None and "event_type" in event
                state = opened is None, closed is None, interrupted
                if self._is_new(number, state, is_whole=is_whole):
                    yield event

    def _rows(self, connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that may be new; where nothing is, next to none are read."""
        found = connection.execute(_SESSION, self._session).fetchone()
        if found is None:
            return
        session, count = found
        if self._open:
            yield from connection.execute(_OPEN, {"open": json.dumps([*self._open])})
        if count != self._count:
            behind = _BEHIND if self._last else _ALL
            yield from connection.execute(behind, {"session": session, "last": self._last})

    def _is_new(self, number: int, state: tuple[bool, bool, int], *, is_whole: bool) -> bool:
        """Note how an event stands; say whether it has not stood so before."""
        is_first = number > self._last
        is_new = is_first or self._open.get(number) != state
        self._last = max(self._last, number)
        self._count += is_first
        self._open.pop(number, None)
        if not is_whole:
            self._open[number] = state
        return is_new
