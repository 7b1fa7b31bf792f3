"""A home that is opened: its store, with what the journal has gained taken up.

The rules: opening makes no home. A home that a collector serves is only read, and that takes up
the journal. Reading shows what can be read and says what cannot. And a home
that may not be written (another user's, an artefact, a read-only disk) is read through a copy of
its store in memory, into which the journal is taken up as well, and is left as it is.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from agentlog.errors import StoreError
from agentlog.journal import destinations, segments
from agentlog.store.sqlite.lock import is_served
from agentlog.store.sqlite.store import SqliteStore
from agentlog.store.sqlite.uptake import is_behind, uptake

STORE_NAME = "store.db"

_PATIENCE = 3.0
_TURN = 0.05
"""Seconds to wait for a collector that takes up the journal, and between two looks."""

_FILES = (STORE_NAME, f"{STORE_NAME}-wal", f"{STORE_NAME}-shm")


@dataclass(frozen=True, slots=True)
class Reading:
    """A home that is read: its store, and what a reader has to be told, a sentence each."""

    store: SqliteStore
    notes: tuple[str, ...]


def open_home(home: Path) -> SqliteStore:
    """Open the store of a home with all of its journal taken up; raises `StoreError`.

    Where nothing was recorded yet the store is an empty one in memory.
    """
    path = home / STORE_NAME
    if not destinations(home) and _is_absent(path):
        return SqliteStore()
    return _taken_up(SqliteStore(path), home)


def read_store(path: Path) -> SqliteStore:
    """Open a store beside no journal, as a collector has it; only to read if it is served."""
    if _is_absent(path):
        raise StoreError(f"{path} is not there: `agentlog serve --store FILE` makes a store.")
    return SqliteStore(path, read_only=is_served(path))


def read_home(home: Path) -> Reading:
    """Open a home as far as it can be read, also where it cannot be written."""
    if is_served(home / STORE_NAME):
        return Reading(_as_served(home), tuple(_unreadable(home)))
    if not _is_read_only(home):
        return Reading(open_home(home), tuple(_unreadable(home)))
    store = SqliteStore()
    if os.access(home / STORE_NAME, os.F_OK):
        with _source(home / STORE_NAME) as source:
            store.load(source, str(home / STORE_NAME))
    _taken_up(store, home)
    notes = list(_unreadable(home))
    if store.stats().sessions:
        notes.insert(0, f"{home} cannot be written: it is shown as it can be read.")
    return Reading(store, tuple(notes))


def _as_served(home: Path) -> SqliteStore:
    """Open the store of a home that a collector serves, once that has taken up the journal."""
    store = SqliteStore(home / STORE_NAME, read_only=True)
    until = time.monotonic() + _PATIENCE
    while is_behind(store, home) and time.monotonic() < until:
        time.sleep(_TURN)
    return store


def _taken_up(store: SqliteStore, home: Path) -> SqliteStore:
    try:
        uptake(store, home)
    except BaseException:
        store.close()
        raise
    return store


def _is_absent(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False  # something is there: opening it will say what is wrong
    return False


def _is_read_only(home: Path) -> bool:
    there = [
        path
        for path in (home, *(home / name for name in (*_FILES, f"{STORE_NAME}.lock")))
        if os.access(path, os.F_OK)
    ]
    return not all(os.access(path, os.W_OK) for path in there)


def _unreadable(home: Path) -> Iterator[str]:
    """Say what of the journal cannot be read, in one sentence if anything."""
    troubles = list(_troubles(home))
    if troubles:
        first, more = troubles[0], len(troubles) - 1
        rest = f", and {more:,} more" if more else ""
        yield f"{first.filename} cannot be read: {first.strerror}{rest}. Ask `agentlog doctor`."


def trouble_of_reading(directory: Path) -> OSError | None:
    """Return why a directory cannot be read; one that is not there is no trouble."""
    try:
        os.scandir(directory).close()
    except FileNotFoundError:
        return None
    except OSError as error:
        return error
    return None


def _troubles(home: Path) -> Iterator[OSError]:
    found = destinations(home)
    for directory in (home / "journal", *found):
        if error := trouble_of_reading(directory):
            yield error
    for segment in (segment for directory in found for segment in segments(directory)):
        try:
            segment.path.open("rb").close()
        except FileNotFoundError:
            continue
        except OSError as error:
            yield error


@contextmanager
def _source(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a store only to read it: in place, or a copy of its files where SQLite has to write.

    It has to, beside a store, unless another process has it open
    (https://sqlite.org/wal.html#read_only_databases).
    """
    in_place = _answering(path)
    if in_place:
        with closing(in_place):
            yield in_place
        return
    with TemporaryDirectory(prefix="agentlog-") as directory:
        try:
            for file in (path, path.with_name(_FILES[1])):
                if os.access(file, os.F_OK):
                    shutil.copyfile(file, Path(directory, file.name))
        except OSError as error:
            raise StoreError(f"{error.filename} cannot be read: {error.strerror}.") from error
        with closing(_opened(Path(directory, path.name))) as connection:
            yield connection


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _answering(path: Path) -> sqlite3.Connection | None:
    try:
        connection = _opened(path)
    except sqlite3.OperationalError:
        return None
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        connection.close()
        return None
    return connection
