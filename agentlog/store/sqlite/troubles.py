"""What a person is told when SQLite cannot do its work: one clear sentence, as a `StoreError`."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from agentlog.errors import StoreError
from agentlog.store.engine import StoreFullError

# Source: https://sqlite.org/rescode.html; the low byte is the primary code.
_TROUBLES = {
    sqlite3.SQLITE_NOTADB: "is damaged or is no agentlog store",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_READONLY: "cannot be written: it is read-only",
    sqlite3.SQLITE_PERM: "cannot be opened: permission denied",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened as a file",
    sqlite3.SQLITE_BUSY: "is in use by another process, which does not let go of it",
    sqlite3.SQLITE_FULL: "cannot be written: the disk is full",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error",
}


@contextmanager
def told_clearly(name: str) -> Iterator[None]:
    """Turn what SQLite raises inside the block into a `StoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        kind = StoreFullError if code == sqlite3.SQLITE_FULL else StoreError
        raise kind(f"{name} {_TROUBLES.get(code, f'cannot be used: {error}')}.") from error
