"""A home, or a collector's store, that is looked at again and again while a run goes on.

The rules: a look takes up the journal as every reading command does, and costs little where nothing
has happened; and it gives what is new or has changed, not the whole session.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from agentlog.store.events import of_halves
from agentlog.store.home import STORE_NAME, Reading, read_home
from agentlog.store.lock import is_served
from agentlog.store.merge import Event
from agentlog.store.sqlite import SqliteStore
from agentlog.store.uptake import is_behind, uptake

_LIVENESS = 1.0
"""Seconds after which it is asked whether the processes still live, if nothing else happens."""

_NEWS = """
    SELECT events.number, open, close, interrupted
    FROM events JOIN sessions ON sessions.number = session
    WHERE project = (SELECT number FROM projects WHERE name = :project)
    AND session_id = :session_id
    AND (events.number > :last OR events.number IN (SELECT value FROM json_each(:open)))
    ORDER BY events.number
"""


class FollowedHome:
    """The store of a home, with what the journal has gained taken up at each look.

    Attributes:
        notes: What a reader has to be told, a sentence each.

    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._path = home / STORE_NAME
        self._was_served = False
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
        return read_home(self._home)

    def _is_outdated(self) -> bool:
        """Say whether it has to be opened anew: a copy, or one that a collector has left."""
        return self._store.path is None or (self._was_served and not is_served(self._path))

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
        self._open: dict[int, tuple[bool, bool, int]] = {}
        self._store: SqliteStore | None = None

    def of(self, store: SqliteStore) -> Iterator[Event]:
        """Yield the events that are new or have changed; of another store, all."""
        if store is not self._store:
            self._store, self._last, self._open = store, 0, {}
        with store.reading() as connection:
            rows = connection.execute(
                _NEWS,
                {
                    "project": store.project,
                    "session_id": self.session_id,
                    "last": self._last,
                    "open": json.dumps([*self._open]),
                },
            )
            for number, opened, closed, interrupted in rows:
                halves = json.loads(opened or "null"), json.loads(closed or "null")
                event = of_halves(*halves, interrupted)
                is_whole = closed is not None and "event_type" in event
                state = opened is None, closed is None, interrupted
                if self._is_new(number, state, is_whole=is_whole):
                    yield event

    def _is_new(self, number: int, state: tuple[bool, bool, int], *, is_whole: bool) -> bool:
        """Note how an event stands; say whether it has not stood so before."""
        is_new = number > self._last or self._open.get(number) != state
        self._last = max(self._last, number)
        self._open.pop(number, None)
        if not is_whole:
            self._open[number] = state
        return is_new
