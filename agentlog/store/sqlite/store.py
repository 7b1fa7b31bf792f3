"""The embedded store: one SQLite file.

It is the `Store` of one project, by default the home's own; `for_project` gives the others in the
same file. The rule: what one project put, no other sees, so each question below names the project.
How the file is shared is database.py's, how halves get in putting.py's, how they come out
events.py's.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Self

from agentlog.store import (
    EVERY_SESSION,
    Call,
    Extent,
    Receipt,
    SessionFilter,
    SessionSummary,
    StoreStats,
)
from agentlog.store.base import BaseStore
from agentlog.store.intake import Entry, entries_of_records
from agentlog.store.merge import Event, Record
from agentlog.store.retention import in_project
from agentlog.store.sqlite import (
    calls,
    events,
    extents,
    index,
    listing,
    outline,
    pruning,
    putting,
    schema,
)
from agentlog.store.sqlite.database import PATIENCE, Database
from agentlog.store.sqlite.tail import Tail
from agentlog.store.state import INTERRUPTED
from agentlog.store.values import bindable


class SqliteStore(BaseStore):
    """A `Store` in the SQLite file at `path`, made with its directory if it is not there.

    Without a path it lives in memory. It may be used by several threads and is a context manager
    that closes itself. With `read_only` the file has to be there, and is not changed: what is not
    indexed yet is not found. `claimed` says that the caller holds the store's lock. What the
    protocol does not have is for those who write: the uptake of the journal, and the collector.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        patience: float = PATIENCE,
        read_only: bool = False,
        claimed: bool = False,
    ) -> None:
        self.path = path
        self._database = Database(
            path, _prepare, patience=patience, read_only=read_only, claimed=claimed
        )

    def put(self, records: Iterable[Record]) -> Receipt:
        """Store records, all in one step; what was put before is accepted again."""
        entries, refused = entries_of_records(records)
        with self.writing():
            self.put_entries(entries)
        return Receipt(len(entries), refused)

    def sessions(self, wanted: SessionFilter = EVERY_SESSION) -> list[SessionSummary]:
        """Return the sessions that a filter lets through, newest first."""
        with self.reading() as connection:
            return listing.sessions(connection, self.project, wanted)

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return those of these sessions that are there, as they stand in a list, newest first."""
        with self.reading() as connection:
            return listing.summaries(connection, self.project, session_ids)

    def extents(self, session_ids: Iterable[str]) -> dict[str, Extent]:
        """Return by its id how much there is of each of these sessions that is there."""
        with self.reading() as connection:
            return extents.of_sessions(connection, self.project, session_ids)

    def session_with(self, event_id: str) -> str | None:
        """Return the id of the newest session that has an event of this id, None if none has."""
        with self.reading() as connection:
            return listing.session_with(connection, self.project, event_id)

    def calls(self, session_ids: Iterable[str]) -> Iterator[tuple[str, list[Call]]]:
        """Yield the calls of models in sessions and what is around them: see calls.py.

        A part of the sessions at a time, and between two the store is for others.
        """
        asked = iter(session_ids)
        while some := list(islice(asked, calls.AT_ONCE)):
            with self.reading() as connection:
                found = calls.of_sessions(connection, self.project, some)
            yield from found.items()

    def is_silent(self, session_id: str) -> bool:
        """Say whether a session has said nothing for long, with nobody here who could tell more."""
        with self.reading() as connection:
            return listing.is_silent(connection, self.project, session_id)

    def session(self, session_id: str) -> list[Event]:
        """Return all events of a session, merged, by start; none if there is no such session."""
        with self.reading() as connection:
            return events.of_session(connection, self.project, session_id)

    @contextmanager
    def texts_of(self, session_id: str, *, most: int = 1000) -> Iterator[Iterator[list[str]]]:
        """Have the JSON texts of the events of a session, in the order of `session`, in parts.

        For who hands them on as they are: an event that came in one record is not parsed, and of a
        session of a million events only a part is in memory. The block has the store for itself.
        """
        with (
            self.reading() as connection,
            closing(events.texts(connection, self.project, session_id, most)) as parts,
        ):
            yield parts

    def count_of(self, session_id: str) -> int:
        """Return how many events a session has; it does not look at them."""
        with self.reading() as connection:
            what = "coalesce(max(events), 0) FROM sessions WHERE project = ? AND session_id = ?"
            return _count(connection, what, self._number(connection), bindable(session_id))

    @contextmanager
    def outline(self, session_id: str, ids: Iterable[str] | None = None) -> Iterator[Iterator[str]]:
        """Have the events of a session without their payloads, in parts: see outline.py."""
        with (
            self.reading() as connection,
            closing(outline.outline(connection, self.project, session_id, ids)) as parts,
        ):
            yield parts

    def following(self, session_id: str) -> Callable[[], Iterable[Event]]:
        """Return a question, to be asked again and again: the events of a session that are new.

        Or have changed since it was asked last. The first time these are all.
        """
        return Tail(self.reading, self.project, session_id)

    def event(self, session_id: str, event_id: str) -> Event | None:
        """Return one event, merged, or None."""
        with self.reading() as connection:
            return events.one(connection, self.project, session_id, event_id)

    @contextmanager
    def texts_found(
        self, text: str, *, limit: int = 100, most: int = 1000, session_id: str | None = None
    ) -> Iterator[Iterator[list[str]]]:
        """Have the JSON texts of what `search` returns, in parts, in the manner of `texts_of`."""
        if not self._database.read_only:
            self.index_all()
        with self.reading() as connection:
            numbers = index.find(connection, text, self._number(connection), limit, session_id)
            found = events.texts_numbered(connection, self.project, numbers, most)
            with closing(found) as parts:
                yield parts

    def ids_beginning_with(self, prefix: str) -> list[str]:
        """Return the first few session ids that begin so, sorted; with "" none."""
        with self.reading() as connection:
            return listing.ids_beginning_with(connection, self.project, prefix)

    def prune(self, before: float, *, project: str | None = None) -> int:
        """Delete the sessions that said nothing since `before` and are not running; count them.

        Those of the project that is named, or of every one.
        """
        with self.writing() as connection:
            deleted = pruning.prune(connection, in_project(project, before))
        if deleted:
            self._database.give_back_space()
        return deleted

    def stats(self) -> StoreStats:
        """Count what is stored, of every project."""
        with self.reading() as connection:
            return StoreStats(
                sessions=_count(connection, "count(*) FROM sessions WHERE events"),
                events=_count(connection, "coalesce(sum(events), 0) FROM sessions"),
                damaged=_count(connection, "count(*) FROM damaged"),
                interrupted=_count(
                    connection,
                    "count(*) FROM events WHERE close IS NULL AND owner NOTNULL"
                    f" AND interrupted = {INTERRUPTED}",
                ),
                size=self._database.size(),
            )

    @contextmanager
    def as_it_is(self) -> Iterator[Self]:
        """Have the store as it is now: however often the block reads, nothing changes meanwhile."""
        with self.reading() as connection:
            connection.execute("BEGIN")
            try:
                yield self
            finally:
                connection.execute("ROLLBACK")

    def projects(self) -> list[str]:
        """Return the names of the projects that have sessions; "" is the home's own."""
        with self.reading() as connection:
            found = connection.execute(
                "SELECT name FROM projects WHERE EXISTS"
                " (SELECT 1 FROM sessions WHERE project = projects.number) ORDER BY name"
            )
            return [name for (name,) in found]

    def interrupt(self) -> None:
        """Make what another thread asks or does just now fail with a `StoreError`."""
        self._database.interrupt()

    def close(self) -> None:
        """Let go of the store; it is not used afterwards."""
        self._database.close()

    # -- For those who write ---------------------------------------------------------------------

    def load(self, source: sqlite3.Connection, name: str) -> None:
        """Become a copy of another store; `name` is that of its file, for what is wrong with it."""
        self._database.load(source, name)

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Have the connection for oneself."""
        return self._database.reading()

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """Be the one writer, of all processes; the transaction ends with the block."""
        return self._database.writing()

    @property
    def is_served_by_another(self) -> bool:
        """Whether a collector has the store, and nobody else may write to it."""
        return self._database.is_served_by_another

    def check_place(self) -> None:
        """Raise `StoreError` if the file was removed or replaced; for who has `claimed` it."""
        self._database.check_place()

    def trouble_of_place(self) -> str:
        """Say what `check_place` would raise; nothing, if nothing."""
        return self._database.trouble_of_place()

    def try_to_write(self) -> None:
        """Write to the disk, and change nothing; raises `StoreError` if that cannot be done."""
        with self.writing() as connection:
            connection.execute("UPDATE projects SET name = name")

    def put_entries(self, entries: Iterable[Entry], owner: str | None = None) -> None:
        """Merge entries into their events; only within `writing`.

        `owner` is that of the segment they come from: it tells later who left an event open.
        """
        with self.reading() as connection:
            putting.put(connection, entries, project=self.project, owner=owner)
            schema.sum_up_again(connection)

    def put_arrived(self, entries: Iterable[Entry], arrived: float | None) -> None:
        """Merge entries that came from elsewhere, now; only within `writing`.

        What they make stale is for `sum_up_some`: whoever sent them does not wait for that.
        """
        with self.reading() as connection:
            putting.put(connection, entries, project=self.project, arrived=arrived)

    def sum_up_some(self) -> bool:
        """Sum up a session that is stale; return whether there was one."""
        with self.reading() as connection:
            if not _count(connection, "EXISTS (SELECT 1 FROM sessions WHERE stale)"):
                return False
        with self.writing() as connection:
            return schema.sum_up_again(connection, most=1) > 0

    def index_some(self, most: int = index.AT_ONCE) -> int:
        """Let searches find a part of what is new to them; return how many events that were."""
        with self.writing() as connection:
            return index.take_in(connection, most)

    def index_all(self) -> None:
        """Let searches find all that was put."""
        while self.is_index_behind():
            self.index_some()

    def count_unsearched(self) -> int:
        """Return how many events a search does not find yet."""
        with self.reading() as connection:
            return _count(connection, "count(*) FROM unsearched")

    def is_index_behind(self) -> bool:
        """Say whether there are events that a search does not find yet."""
        with self.reading() as connection:
            return index.is_behind(connection)

    # -- Inside ----------------------------------------------------------------------------------

    def _number(self, connection: sqlite3.Connection) -> int:
        """Return the number of the project, 0 if it has none yet."""
        return _count(
            connection,
            "coalesce(max(number), 0) FROM projects WHERE name = ?",
            bindable(self.project),
        )


def _prepare(connection: sqlite3.Connection) -> None:
    putting.prepare(connection)
    listing.prepare(connection)
    extents.prepare(connection)
    outline.prepare(connection)


def _count(connection: sqlite3.Connection, what: str, *values: object) -> int:
    (number,) = connection.execute(f"SELECT {what}", values).fetchone()
    return int(number)
