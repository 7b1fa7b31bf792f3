"""One SQLite file, open: who may write, who waits, and what is said when it cannot be used.

The rule: truth and arithmetic live in the file, so that any number of processes may use it at once.
A change is one transaction that takes the write lock first (BEGIN IMMEDIATE), and a commit is on
disk (synchronous=FULL) before anybody is told. Within a process one connection serves all threads
under one lock. One that is opened to read changes nothing: it makes no file, migrates no table and
does no checkpoint.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from agentlog.errors import StoreError
from agentlog.private import keep_private, make_directory
from agentlog.store.sqlite import lock
from agentlog.store.sqlite.migrations import is_current, migrate
from agentlog.store.sqlite.place import Place
from agentlog.store.sqlite.troubles import told_clearly

PATIENCE = 30.0
"""Seconds to wait for another process that writes."""

_TURN = 100  # milliseconds

Prepare = Callable[[sqlite3.Connection], None]
"""Teaches a connection the functions that our SQL asks for."""


class Database:
    """The SQLite file at `path`, made with its directory if it is not there; in memory without.

    Who holds the lock of the store says that it is `claimed`; others take it as they write. What it
    writes counts only if the files are behind it still where they were.
    """

    def __init__(
        self,
        path: Path | None,
        prepare: Prepare,
        *,
        patience: float,
        read_only: bool = False,
        claimed: bool = False,
    ) -> None:
        self.path = path
        self._claimed = claimed
        file = path and Path(os.path.realpath(path))
        if path and not (read_only or claimed):  # who only reads a store does it no harm
            lock.one_path(path)
        self.read_only = read_only
        self.name = str(path) if path else "the store in memory"
        self._prepare = prepare
        self._patience = patience
        self._place: Place | None = None
        self._lock = threading.RLock()
        if file and not read_only:
            _make_private_file(file)
        with told_clearly(self.name):
            self._connection = _connected(file, patience, read_only=read_only)
            try:
                self._set_up()
            except BaseException:
                self._connection.close()
                raise
        self._place = Place(path, lock.beside(path)) if path and claimed else None

    @property
    def is_served_by_another(self) -> bool:
        """Whether a collector has the lock of the store."""
        return self.path is not None and not self._claimed and lock.is_served(self.path)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock, told_clearly(self.name):
            self._connection.close()

    def interrupt(self) -> None:
        """Make whoever uses the connection fail; for another thread, without waiting."""
        self._connection.interrupt()

    def load(self, source: sqlite3.Connection, name: str) -> None:
        """Become a copy of another store; `name` is that of its file, for what is wrong with it."""
        self.name = name
        with self.reading() as connection:
            source.backup(connection)
            self._set_up()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Have the connection for oneself."""
        with self._lock, told_clearly(self.name):
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Be the one writer, of all processes; the transaction ends with the block."""
        with self._allowed(), self.reading() as connection:
            self._begin(connection)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # the first error is the one to tell
                    connection.execute("ROLLBACK")
                raise
            self.check_place()

    def check_place(self) -> None:
        """Raise `StoreError` if its files are not where they were; for who has `claimed` it."""
        if self._place:
            self._place.check()

    def trouble_of_place(self) -> str:
        """Say what `check_place` would raise; nothing, if nothing."""
        return self._place.trouble() if self._place else ""

    def give_back_space(self) -> None:
        """Make the file as small as what is in it."""
        # Where there is no room for the copy that VACUUM makes, free pages are used again instead.
        with self._allowed(), self.reading() as connection, suppress(sqlite3.OperationalError):
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def size(self) -> int:
        """Return the bytes of all its files."""
        if self.path is None:
            return 0
        name = os.path.realpath(self.path)  # beside which SQLite keeps its own
        files = (Path(name + end) for end in ("", "-wal", "-shm"))
        return sum(file.stat().st_size for file in files if file.exists())

    def _allowed(self) -> AbstractContextManager[None]:
        self.check_place()
        return nullcontext() if self._claimed else lock.writing(self.path)

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Take the write lock, waiting in short turns: between two of them Ctrl-C is heard."""
        connection.execute(f"PRAGMA busy_timeout = {_TURN}")
        until = time.monotonic() + self._patience
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            else:
                connection.execute(f"PRAGMA busy_timeout = {int(self._patience * 1000)}")
                return

    def _set_up(self) -> None:
        self._prepare(self._connection)
        current = is_current(self._connection, self.name)
        if self.read_only:
            if not current:
                raise StoreError(f"{self.name} was written by an older agentlog, and is not open.")
            self._connection.execute("PRAGMA query_only = ON")
            return
        if not current:
            with self.writing() as connection:
                migrate(connection)
        with suppress(sqlite3.OperationalError):
            # Refused while another process opens the same new file: then that one does it.
            self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")


def _connected(path: Path | None, patience: float, *, read_only: bool) -> sqlite3.Connection:
    where = f"{path.absolute().as_uri()}?mode=ro" if path and read_only else path or ":memory:"
    return sqlite3.connect(
        where,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
        uri=read_only,
    )


def _make_private_file(path: Path) -> None:
    """Make the file, 0600 under any umask, unless there is one.

    One that is there is left alone: to open and close it would release the locks that another
    connection of this process holds (https://sqlite.org/howtocorrupt.html, section 2.2).
    """
    try:
        if path.exists():
            return
        make_directory(path.parent)
        with suppress(FileExistsError):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            keep_private(fd, path.parent)
            os.close(fd)
    except OSError as error:
        raise StoreError(f"{path} cannot be made: {error.strerror}.") from error
