"""The `Store` of one project in a ClickHouse; `for_project` gives the others, over the same link.

The rule: what one project put, no other sees, so each question below names the project.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final, Self

from agentlog.store import (
    EVERY_SESSION,
    Call,
    Extent,
    Receipt,
    SessionFilter,
    SessionSummary,
    StoreStats,
    values,
)
from agentlog.store.base import BaseStore
from agentlog.store.clickhouse import (
    calls,
    events,
    extents,
    finding,
    listing,
    outline,
    pruning,
    writing,
)
from agentlog.store.clickhouse.following import Tail
from agentlog.store.clickhouse.link import LONG, Link
from agentlog.store.clickhouse.migrations import check
from agentlog.store.clickhouse.settled import Settled
from agentlog.store.engine import Portion
from agentlog.store.intake import entries_of_records
from agentlog.store.merge import Event, Record
from agentlog.store.retention import in_project

if TYPE_CHECKING:
    from agentlog.store.address import ServerAddress

_PROJECTS: Final = "SELECT DISTINCT project FROM sessions ORDER BY project"
_SESSIONS: Final = "SELECT count() FROM (SELECT 1 FROM sessions GROUP BY project, session_id)"
_EVENTS: Final = """
    SELECT count() FROM (SELECT 1 FROM records GROUP BY project, session_id, id)
    SETTINGS optimize_aggregation_in_order = 1
"""
_SIZE: Final = """
    SELECT sum(total_bytes) FROM {tables} WHERE database = {{database:String}}
    SETTINGS skip_unavailable_shards = 1
"""


class ClickHouseStore(BaseStore):
    """A `Store` in the database at `where`, which has to be there."""

    def __init__(self, where: "ServerAddress") -> None:
        self._link = Link(where)
        self._settled = Settled()
        try:
            check(self._link)
        except BaseException:
            self._link.close()
            raise

    def put(self, records: Iterable[Record]) -> Receipt:
        """Store records, all in one step; what was put before is accepted again."""
        entries, refused = entries_of_records(records)
        writing.insert(self._link, [Portion(self.project, entries)])
        return Receipt(len(entries), refused)

    def try_to_write(self) -> None:
        """Write, and change nothing; raises `StoreError` if that cannot be done."""
        writing.try_to(self._link)

    # -- Sessions --------------------------------------------------------------------------------

    def sessions(self, wanted: SessionFilter = EVERY_SESSION) -> list[SessionSummary]:
        """Return the sessions that a filter lets through, newest first."""
        return listing.sessions(self._link, self._settled, self.project, wanted)

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return those of these sessions that are there, as they stand in a list, newest first."""
        return listing.summaries(self._link, self._settled, self.project, session_ids)

    def extents(self, session_ids: Iterable[str]) -> dict[str, Extent]:
        """Return by its id how much there is of each of these sessions that is there."""
        return extents.of_sessions(self._link, self.project, session_ids)

    def ids_beginning_with(self, prefix: str) -> list[str]:
        """Return the first few session ids that begin so, sorted; with "" none."""
        return listing.ids_beginning_with(self._link, self.project, prefix)

    def session_with(self, event_id: str) -> str | None:
        """Return the id of the newest session that has an event of this id, None if none has."""
        return listing.session_with(self._link, self.project, event_id)

    def calls(self, session_ids: Iterable[str]) -> Iterator[tuple[str, list[Call]]]:
        """Yield, by the sessions that have calls of models, these and what is around them."""
        for some in events.in_parts(session_ids):
            yield from calls.of_sessions(self._link, self.project, some)

    def is_silent(self, session_id: str) -> bool:
        """Say whether a session has said nothing for long, with nobody here who could tell more."""
        return listing.is_silent(self._link, self.project, session_id)

    # -- One session -----------------------------------------------------------------------------

    def session(self, session_id: str) -> list[Event]:
        """Return all events of a session, merged, by start; none if there is no such session."""
        parts = events.of_session(self._link, self.project, session_id)
        return [event for part in parts for event in part]

    @contextmanager
    def texts_of(self, session_id: str, *, most: int = 1000) -> Iterator[Iterator[list[str]]]:
        """Have the JSON texts of the events of a session, in the order of `session`, in parts."""
        with events.texts(self._link, self.project, session_id, most) as parts:
            yield parts

    @contextmanager
    def outline(self, session_id: str, ids: Iterable[str] | None = None) -> Iterator[Iterator[str]]:
        """Have the events of a session without their payloads, in parts: see outline.py."""
        with closing(outline.parts(self._link, self.project, session_id, ids)) as parts:
            yield parts

    def count_of(self, session_id: str) -> int:
        """Return how many events a session has; it does not look at them."""
        return events.count(self._link, self.project, session_id)

    def following(self, session_id: str) -> Callable[[], Iterable[Event]]:
        """Return a question, to be asked again and again: the events of a session that are new."""
        return Tail(self._link, self.project, session_id)

    def event(self, session_id: str, event_id: str) -> Event | None:
        """Return one event, merged, or None."""
        parts = events.of_session(self._link, self.project, session_id, [event_id])
        return next((event for part in list(parts) for event in part), None)

    # -- All of them -----------------------------------------------------------------------------

    @contextmanager
    def texts_found(
        self, text: str, *, limit: int = 100, most: int = 1000, session_id: str | None = None
    ) -> Iterator[Iterator[list[str]]]:
        """Have the JSON texts of what `search` returns, in parts, in the manner of `texts_of`."""
        with closing(finding.texts(self._link, self.project, text, limit, session_id)) as found:
            yield ([text for (text,) in part] for part in values.parts(zip(found), most))

    @contextmanager
    def as_it_is(self) -> Iterator[Self]:
        """Have the store; what others put meanwhile, a later question may see."""
        yield self

    def projects(self) -> list[str]:
        """Return the names of the projects that have sessions."""
        return [name for (name,) in self._link.rows(_PROJECTS)]

    def prune(self, before: float, *, project: str | None = None) -> int:
        """Delete the sessions that said nothing since `before`; count them.

        Those of the project that is named, or of every one.
        """
        return pruning.prune(self._link, in_project(project, before))

    def stats(self) -> StoreStats:
        """Count what is stored, of every project; of a journal there is nothing here."""
        cluster = self._link.cluster()
        tables = f"clusterAllReplicas('{cluster}', system.tables)" if cluster else "system.tables"
        (sessions,) = self._link.row(_SESSIONS, LONG)
        (found,) = self._link.row(_EVENTS, LONG)
        (size,) = self._link.row(_SIZE.format(tables=tables), database=self._link.where.database)
        return StoreStats(sessions=sessions, events=found, damaged=0, interrupted=0, size=size)

    def close(self) -> None:
        """Let go of the store; it is not used afterwards."""
        self._link.close()
