"""Reading a store from many threads. The rule: who closes it waits for nobody."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agentlog.errors import StoreError
from agentlog.store.clickhouse.store import ClickHouseStore
from agentlog.store.engine import MOST_READERS

if TYPE_CHECKING:
    from agentlog.store.address import ServerAddress


class ClickHouseReaders:
    """Gives the store at `where` to whoever reads, so many at once; others wait their turn."""

    def __init__(self, where: "ServerAddress", *, most: int = MOST_READERS) -> None:
        self._where = where
        self._store = ClickHouseStore(where)
        self._turns = threading.Semaphore(most)
        self._is_closed = False

    @contextmanager
    def of_project(self, project: str) -> Iterator[ClickHouseStore]:
        """Have the store of a project for oneself; raises `StoreError`."""
        with self._turns:
            self._check()
            yield self._store.for_project(project)
            self._check()

    def close(self) -> None:
        """Let go of it; who is reading, or comes later, gets a `StoreError`."""
        self._is_closed = True
        self._store.close()

    def _check(self) -> None:
        if self._is_closed:
            raise StoreError(f"{self._where} is not read any more.")
