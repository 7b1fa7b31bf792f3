"""A SQLite store as a collector has it: the one that writes it, and what it has to do there.

The rule: as long as it is open nobody else writes to the file (lock.py says why), so what changes
in it, this knows (changes.py).
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from agentlog.errors import ConfigurationError, StoreError
from agentlog.store.engine import Change, Marks, News, Portion
from agentlog.store.retention import FOREVER, Retention
from agentlog.store.sqlite import changes
from agentlog.store.sqlite.errands import Errands
from agentlog.store.sqlite.lock import claim
from agentlog.store.sqlite.store import SqliteStore

PATIENCE = 5.0
"""Seconds to wait for another program that keeps the store locked, as a person with a shell may."""


class SqliteSink:
    """A `Sink` into the file at `path`, which is made if it is not there.

    Args:
        path: The store's file.
        home: A home of which the journal is taken up, too.
        keep: For how long a session that says nothing is kept, by its project.
        patience: Seconds to wait for another program that keeps the store locked.

    Raises:
        StoreError: If it cannot be opened, or another collector has it.
        ConfigurationError: If it cannot be there.

    """

    def __init__(
        self,
        path: Path,
        *,
        home: Path | None = None,
        keep: Retention = FOREVER,
        patience: float = PATIENCE,
    ) -> None:
        if home is None and not path.absolute().parent.parent.is_dir():
            raise ConfigurationError(
                f"--store {path} is not accepted: there is no {path.parent.parent}"
            )
        self._lock = claim(path)
        try:
            self._store = SqliteStore(path, claimed=True, patience=patience)
            with self._store.reading() as connection:
                changes.watch(connection)
        except BaseException:
            self._lock.release()
            raise
        self.errands = Errands(self._store, home=home, keep=keep)
        self.marks = Marks(secrets.token_hex(4))
        self._mark = self.marks.start

    def put(self, portions: Sequence[Portion]) -> None:
        """Store what came, in one transaction."""
        with self._store.writing():
            for project, entries, arrived in portions:
                self._store.for_project(project).put_arrived(entries, arrived)

    def try_to_write(self) -> None:
        """Write, and change nothing; raises `StoreError` if that cannot be done."""
        self._store.check_place()
        self._store.try_to_write()

    def news(self) -> News:
        """Return what has changed since the last time."""
        found: list[Change] | None = None
        with suppress(StoreError), self._store.reading() as connection:
            found = changes.take(connection)
        self._mark += found != []
        return News(found, self._mark)

    def trouble(self) -> str:
        """Say that the file is not where it was, if that is so."""
        return self._store.trouble_of_place()

    def close(self) -> None:
        """Let go of the store."""
        with suppress(StoreError):
            self._store.close()
        self._lock.release()
