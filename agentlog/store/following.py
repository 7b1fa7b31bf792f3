"""A home, or a collector's store, that is looked at again and again while a run goes on.

The rules: a look takes up the journal as every reading command does, and costs little where nothing
has happened; and it gives what is new or has changed, not the whole session.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from agentlog.journal import destinations
from agentlog.store import Store
from agentlog.store.home import STORE_NAME, Reading, read_home
from agentlog.store.merge import Event
from agentlog.store.sqlite.lock import is_served
from agentlog.store.sqlite.store import SqliteStore
from agentlog.store.sqlite.uptake import is_behind, uptake

_LIVENESS = 1.0
"""Seconds after which it is asked whether the processes still live, if nothing else happens."""


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

    def __init__(self, store: Store) -> None:
        self._store = store

    def look(self) -> Store:
        """Return the store."""
        return self._store

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()


class News:
    """What is new in one session since it was asked last."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self._store: Store | None = None
        self._new: Callable[[], Iterable[Event]] = tuple

    def of(self, store: Store) -> Iterable[Event]:
        """Return the events that are new or have changed; of another store, all."""
        if store is not self._store:
            self._store, self._new = store, store.following(self.session_id)
        return self._new()


def _size_and_time(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
