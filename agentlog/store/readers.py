"""Reading a store while its one writer writes: a few connections that change nothing.

The rule: who reads waits for nobody who writes (WAL), and never makes the file do anything that is
the writer's: no migration, no index, no checkpoint. Of a file that is removed nothing is told.
"""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentlog.store.place import Place
from agentlog.store.sqlite import SqliteStore

MOST = 6
"""Connections at once; whoever comes then waits for one."""


class Readers:
    """Read-only stores over one file, handed out to any thread. The file has to be there."""

    def __init__(self, path: Path, *, most: int = MOST) -> None:
        self._path = path
        self._place = Place(path)
        self._free: queue.LifoQueue[SqliteStore | None] = queue.LifoQueue()
        for _ in range(most):
            self._free.put(None)

    @contextmanager
    def of_project(self, project: str) -> Iterator[SqliteStore]:
        """Have a store of one project for oneself; raises `StoreError`."""
        store = self._free.get()
        try:
            self._place.check()
            store = store or SqliteStore(self._path, read_only=True)
            yield store.for_project(project)
        finally:
            self._free.put(store)

    def close(self) -> None:
        """Let go of the file; nobody is reading any more."""
        while not self._free.empty():
            store = self._free.get()
            if store:
                store.close()
