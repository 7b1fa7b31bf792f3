"""A home, or a collector's store, that is looked at again and again while a run goes on.

The rules: a look takes up the journal as every reading command does, and costs little where nothing
has happened; and it gives what is new or has changed, not the whole session.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentlog.journal import destinations
from agentlog.store.events import of_halves
from agentlog.store.home import STORE_NAME, Reading, read_home
from agentlog.store.lock import is_served
from agentlog.store.merge import Event
from agentlog.store.sqlite import SqliteStore
from agentlog.store.uptake import is_behind, uptake

_LIVENESS = 1.0
"""Seconds after which it is asked whether the processes still live, if nothing else happens."""

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


class FollowedHome:
    """The store of a home, with what the journal has gained taken up at each look.

    Attributes:
        notes: What a reader has to be told, a sentence each.

    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._path = home / STORE_NAME
        self._log = home / f"{STORE_NAME}-wal"
        self._was_served = False
        self._copied: object = None
        reading = self._opened()
        self._store = reading.store
        self.notes = reading.notes
        self._asked = time.monotonic()

    def look(self) -> SqliteStore:
        """Return the store as it is now; raises `StoreError`."""
        if self._is_outdated():
            self.close()
            self._store = self._opened().store
        elif not self._store.is_served_by_another:
            self._take_up()
        return self._store

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def _opened(self) -> Reading:
        self._was_served = is_served(self._path)
        self._copied = self._stamp()
        return read_home(self._home)

    def _is_outdated(self) -> bool:
        """Say whether it has to be opened anew: it is a copy of what was, or its collector left."""
        if self._store.path is None:
            return self._stamp() != self._copied
        return self._was_served and not is_served(self._path)

    def _stamp(self) -> object:
        """Return what tells a store from a later one. Of the journal, what is new is taken up."""
        return destinations(self._home), *map(_size_and_time, (self._path, self._log))

    def _take_up(self) -> None:
        is_due = time.monotonic() - self._asked > _LIVENESS
        if is_due or is_behind(self._store, self._home):
            uptake(self._store, self._home)
            self._asked = time.monotonic()


class FollowedStore:
    """A store into which somebody else puts."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def look(self) -> SqliteStore:
        """Return the store."""
        return self._store

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()


class News:
    """What is new in one session since it was asked last."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self._last = 0
        self._count = 0
        self._open: dict[int, tuple[bool, bool, int]] = {}
        self._store: SqliteStore | None = None

    def of(self, store: SqliteStore) -> Iterator[Event]:
        """Yield the events that are new or have changed; of another store, all."""
        if store is not self._store:
            self._store, self._last, self._count, self._open = store, 0, 0, {}
        with store.reading() as connection:
            for number, opened, closed, interrupted in self._rows(connection, store.project):
                halves = json.loads(opened or "null"), json.loads(closed or "null")
                event = of_halves(*halves, interrupted)
                is_whole = closed is not None and "event_type" in event
                state = opened is None, closed is None, interrupted
                if self._is_new(number, state, is_whole=is_whole):
                    yield event

    def _rows(self, connection: sqlite3.Connection, project: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that may be new; where nothing is, next to none are read."""
        found = connection.execute(_SESSION, (project, self.session_id)).fetchone()
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


def _size_and_time(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
