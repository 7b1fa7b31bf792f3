"""Reading a store while its one writer writes: a few connections that change nothing.

The rule: who reads waits for nobody who writes (WAL), and never makes the file do anything that is
the writer's: no migration, no index, no checkpoint. Of a file that is removed nothing is told. Who
closes them waits for nobody: what is being read then is broken off.
"""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agentlog.errors import StoreError
from agentlog.store.engine import MOST_READERS
from agentlog.store.sqlite.place import Place
from agentlog.store.sqlite.store import SqliteStore

_TURN: Final = 0.02
"""Seconds: an interrupt is lost on who is between two questions, so there is another one."""


class SqliteReaders:
    """Read-only stores over one file, handed out to any thread. The file has to be there.

    Args:
        path: The store's file.
        most: Connections at once; whoever comes then waits for one.

    """

    def __init__(self, path: Path, *, most: int = MOST_READERS) -> None:
        self._path = path
        self._place = Place(path)
        self._most = most
        self._is_closed = False
        self._in_use: set[SqliteStore] = set()
        self._free: queue.LifoQueue[SqliteStore | None] = queue.LifoQueue()
        for _ in range(most):
            self._free.put(None)

    @contextmanager
    def of_project(self, project: str) -> Iterator[SqliteStore]:
        """Have a store of one project for oneself; raises `StoreError`."""
        store = self._free.get()
        try:
            if self._is_closed:
                raise StoreError(f"{self._path} is not read any more.")
            self._place.check()
            store = store or SqliteStore(self._path, read_only=True)
            self._in_use.add(store)
            yield store.for_project(project)
        finally:
            if store is not None:
                self._in_use.discard(store)
            self._free.put(store)

    def close(self) -> None:
        """Let go of the file; who is reading it, or comes later, gets a `StoreError`."""
        self._is_closed = True
        for store in [self._taken_back() for _ in range(self._most)]:
            if store:
                store.close()
            self._free.put(None)

    def _taken_back(self) -> SqliteStore | None:
        while True:
            try:
                return self._free.get(timeout=_TURN)
            except queue.Empty:
                for store in self._in_use.copy():
                    store.interrupt()
