"""The embedded store: one SQLite file.

The rule: truth and arithmetic live in the file, so that any number of processes may use it at once.
A change is one transaction that takes the write lock first (BEGIN IMMEDIATE), halves are merged by
the upsert itself, and a commit is on disk (synchronous=FULL) before anybody is told: a receipt
is given, or a segment deleted, after it. Within a process one connection serves all threads under
one lock.
"""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from agentlog.errors import SessionNotFoundError, StoreError
from agentlog.journal import make_directory
from agentlog.store import (
    EVERY_SESSION,
    LAST,
    Receipt,
    Refusal,
    SessionFilter,
    SessionSummary,
    StoreStats,
    listing,
    search,
)
from agentlog.store.ids import id_length, quoted
from agentlog.store.intake import Damage, Entry, entry_of_record
from agentlog.store.merge import Event, Record, canonical, merge
from agentlog.store.migrations import is_current, migrate
from agentlog.store.troubles import told_clearly

PATIENCE = 30.0
"""Seconds to wait for another process that writes."""

_TURN = 100  # milliseconds
_CANDIDATES = 5
_INDEXED_AT_ONCE = 10_000

_PUT = """
    INSERT INTO events (session_id, id, open, close, owner, revision)
    VALUES (:session_id, :id, :open, :close, :owner, :revision)
    ON CONFLICT (session_id, id) DO UPDATE SET
        open = prevailing(open, excluded.open),
        close = prevailing(close, excluded.close),
        owner = coalesce(owner, excluded.owner),
        revision = excluded.revision
    WHERE (excluded.open NOTNULL AND excluded.open IS NOT open)
       OR (excluded.close NOTNULL AND excluded.close IS NOT close)
       OR (excluded.owner NOTNULL AND owner IS NULL)
"""


INTERRUPTED, SHIPPED = 1, 2
REASONS = {INTERRUPTED: "interrupted", SHIPPED: "shipped"}
"""Why an event has no end though its process is gone: it was interrupted, or its end was shipped
before it was taken up here.
"""


class SqliteStore:
    """A `Store` in the SQLite file at `path`, made with its directory if it is not there.

    Without a path it lives in memory. It may be used by several threads and is a context manager
    that closes itself. What the protocol does not have is for `store/uptake.py`: `load`,
    `reading`, `writing` and `put_entries`.
    """

    def __init__(self, path: Path | None = None, *, patience: float = PATIENCE) -> None:
        self.path = path
        self._patience = patience
        self._name = str(path) if path else "the store in memory"
        self._lock = threading.RLock()
        if path:
            _make_private_file(path)
        with told_clearly(self._name):
            self._connection = sqlite3.connect(
                path or ":memory:",
                timeout=patience,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def put(self, records: Iterable[Record]) -> Receipt:
        """Store records, all in one step; what was put before is accepted again."""
        entries: list[Entry] = []
        refused: list[Refusal] = []
        for index, record in enumerate(records):
            entry = entry_of_record(record)
            if isinstance(entry, Damage):
                refused.append(Refusal(index, _id_of(record), entry.why))
            else:
                entries.append(entry)
        with self.writing():
            self.put_entries(entries)
        return Receipt(len(entries), tuple(refused))

    def sessions(self, wanted: SessionFilter = EVERY_SESSION) -> list[SessionSummary]:
        """Return the sessions that a filter lets through, newest first."""
        with self.reading() as connection:
            return listing.sessions(connection, wanted)

    def session(self, session_id: str) -> list[Event]:
        """Return all events of a session, merged, by start; none if there is no such session."""
        return self._events("WHERE session_id = ? ORDER BY timestamp, id", session_id)

    def event(self, session_id: str, event_id: str) -> Event | None:
        """Return one event, merged, or None."""
        found = self._events("WHERE session_id = ? AND id = ?", session_id, event_id)
        return found[0] if found else None

    def search(self, text: str, *, limit: int = 100) -> list[Event]:
        """Return the newest events that contain every word of `text`, or a word beginning so."""
        query = search.query(text)
        if not query:
            return []
        while self._is_index_behind():
            self._index_some()
        return self._events(
            "JOIN words ON words.rowid = revision WHERE words MATCH ?"
            " ORDER BY timestamp DESC, id LIMIT ?",
            query,
            limit,
        )

    def resolve(self, prefix: str) -> str:
        """Return the id of the one session that begins with `prefix`, or of the `last` one.

        Raises `SessionNotFoundError` if none does, or several do: then it names them.
        """
        if prefix == LAST:
            newest = self.sessions(SessionFilter(limit=1))
            if not newest:
                raise SessionNotFoundError("Nothing has been recorded yet: there is no session.")
            return newest[0].id
        candidates = self._beginning_with(prefix) or self._beginning_with(prefix.lower())
        if not candidates:
            raise SessionNotFoundError(f"No session begins with {quoted(prefix)}.")
        if len(candidates) > 1 and not {prefix, prefix.lower()} & set(candidates):
            raise SessionNotFoundError(_several(prefix, candidates))
        return candidates[0]

    def prune(self, before: float) -> int:
        """Delete the sessions that said nothing since `before` and are not running; count them."""
        with self.writing() as connection:
            silent = listing.silent(connection, before)
            connection.executemany(
                "DELETE FROM events WHERE session_id = ?", [(found,) for found in silent]
            )
            if silent:
                connection.execute(
                    "DELETE FROM words WHERE rowid NOT IN (SELECT revision FROM events)"
                )
        if silent:
            self._give_back_space()
        return len(silent)

    def stats(self) -> StoreStats:
        """Count what is stored."""
        with self.reading() as connection:
            return StoreStats(
                sessions=_count(connection, "count(DISTINCT session_id) FROM events"),
                events=_count(connection, "count(*) FROM events"),
                damaged=_count(connection, "count(*) FROM damaged"),
                interrupted=_count(
                    connection,
                    f"count(*) FROM events WHERE close IS NULL AND interrupted = {INTERRUPTED}",
                ),
                size=self._size(),
            )

    def close(self) -> None:
        """Let go of the store; it is not used afterwards."""
        with self._lock, told_clearly(self._name):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def load(self, source: sqlite3.Connection, name: str) -> None:
        """Become a copy of another store; `name` is that of its file, for what is wrong with it."""
        self._name = name
        with self.reading() as connection:
            source.backup(connection)
            self._prepare()

    # -- For the uptake of the journal -----------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Have the connection for oneself."""
        with self._lock, told_clearly(self._name):
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Be the one writer, of all processes; the transaction ends with the block."""
        with self.reading() as connection:
            self._begin(connection)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # the first error is the one to tell
                    connection.execute("ROLLBACK")
                raise

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

    def put_entries(self, entries: Iterable[Entry], owner: str | None = None) -> None:
        """Merge entries into their events; only within `writing`.

        `owner` is that of the segment they come from: it tells later who left an event open.
        """
        rows = _rows(entries, owner)
        if not rows:
            return
        (revision,) = self._connection.execute(
            "UPDATE counters SET revision = revision + ? RETURNING revision", (len(rows),)
        ).fetchone()
        for number, row in enumerate(rows, revision - len(rows) + 1):
            row["revision"] = number
        self._connection.executemany(_PUT, rows)

    # -- Inside ----------------------------------------------------------------------------------

    def _prepare(self) -> None:
        self._connection.create_function("prevailing", 2, _prevailing, deterministic=True)
        listing.prepare(self._connection)
        if not is_current(self._connection, self._name):
            with self.writing() as connection:
                migrate(connection)
        with suppress(sqlite3.OperationalError):
            # Refused while another process opens the same new file: then that one does it.
            self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")

    def _events(self, clauses: str, *values: object) -> list[Event]:
        with self.reading() as connection:
            rows = connection.execute(
                f"SELECT open, close, interrupted FROM events {clauses}",  # noqa: S608 - constants
                [_bindable(value) for value in values],
            ).fetchall()
        return [_event(*row) for row in rows]

    def _beginning_with(self, prefix: str) -> list[str]:
        """Return the first few session ids that begin so, sorted; none of the empty prefix."""
        if not prefix:
            return []
        with self.reading() as connection:
            return [
                session_id
                for (session_id,) in connection.execute(
                    "SELECT DISTINCT session_id FROM events WHERE session_id >= :prefix"
                    " AND session_id < :prefix || char(0x10FFFF) ORDER BY session_id LIMIT :most",
                    {"prefix": _bindable(prefix), "most": _CANDIDATES + 1},
                )
            ]

    def _is_index_behind(self) -> bool:
        with self.reading() as connection:
            return bool(_count(connection, "count(*) FROM counters WHERE searchable < revision"))

    def _index_some(self) -> None:
        """Index a part of what has changed: nobody who writes has to wait for all of it."""
        with self.writing() as connection:
            start = _count(connection, "searchable FROM counters")
            changed = connection.execute(
                "SELECT revision, open, close, interrupted FROM events"
                " WHERE revision > ? AND revision <= ?",
                (start, start + _INDEXED_AT_ONCE),
            )
            # The words of an event's older revisions stay until a prune: no event has their number.
            connection.executemany(
                "INSERT INTO words (rowid, text) VALUES (?, ?)",
                ((revision, search.words(_event(*halves))) for revision, *halves in changed),
            )
            connection.execute(
                "UPDATE counters SET searchable = min(revision, ?)", (start + _INDEXED_AT_ONCE,)
            )

    def _give_back_space(self) -> None:
        # Where there is no room for the copy that VACUUM makes, free pages are used again instead.
        with self.reading() as connection, suppress(sqlite3.OperationalError):
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _size(self) -> int:
        if self.path is None:
            return 0
        files = (self.path.with_name(self.path.name + end) for end in ("", "-wal", "-shm"))
        return sum(file.stat().st_size for file in files if file.exists())


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
            os.fchmod(fd, 0o600)
            os.close(fd)
    except OSError as error:
        raise StoreError(f"{path} cannot be made: {error.strerror}.") from error


def _rows(entries: Iterable[Entry], owner: str | None) -> list[dict[str, str | int | None]]:
    """Join the halves that come together, so that most events are written once."""
    rows: dict[tuple[str, str], dict[str, str | None]] = {}
    for entry in entries:
        row = rows.setdefault((entry.session_id, entry.id), {"open": None, "close": None})
        row[entry.half] = _prevailing(row[entry.half], entry.text)
    return [
        {"session_id": session_id, "id": event_id, **row, "owner": owner if row["open"] else None}
        for (session_id, event_id), row in rows.items()
    ]


def _prevailing(one: str | None, other: str | None) -> str | None:
    """Choose the text of a half as merge.prevailing does; NULL is no half."""
    if one is None or other is None or one == other:
        return other if one is None else one
    return max(one, other, key=lambda text: (canonical(json.loads(text)), text))


def _event(opened: str | None, closed: str | None, interrupted: int) -> Event:
    event = merge(json.loads(opened or "null"), json.loads(closed or "null"))
    if closed is None and interrupted:
        event |= {"result": "Indeterminate", "reason": REASONS[interrupted]}
    return event


def _several(prefix: str, ids: list[str]) -> str:
    """Name what begins so by as many digits as tell it from the others that do."""
    length = id_length(ids)
    named = ", ".join(ascii(found[:length])[1:-1] for found in ids[:_CANDIDATES])
    more = ", …" if len(ids) > _CANDIDATES else "."
    return f"Several sessions begin with {quoted(prefix)}: {named}{more}"


def _id_of(record: object) -> str | None:
    found = record.get("id") if isinstance(record, dict) else None
    return found if isinstance(found, str) else None


def _bindable(value: object) -> object:
    """Make a text one that SQLite takes: no half of a surrogate pair."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _count(connection: sqlite3.Connection, what: str) -> int:
    (number,) = connection.execute(f"SELECT {what}").fetchone()
    return int(number)
