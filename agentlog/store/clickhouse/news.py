"""What is new in the store, whoever has put it there.

The rules: the clock is the server's, which notes for all rows of an insert the same moment. They
are seen a while later, all at once, when that insert is done; so each look begins a while before
the end of the last one, and tells of no insert twice. A look that fails has told nothing: the next
one begins where it did. Where very much is new it is told of which sessions, and of whole sessions
only: to read one anew is as quick then.

The bound: what is seen within `OVERLAP` of its moment is told. That is an insert of a collector,
which has its receipt within 15 seconds or none; asked of a replica that is up to 10 seconds behind,
as others are asked only where there is none better; and with clocks of servers that differ by up to
5 seconds. What comes later still is stored, and shown to whoever reads, but no page learns of it,
and a list may count it a minute later only (settled.py).
"""

import time
from collections.abc import Iterator, Mapping
from typing import Final

from agentlog.errors import StoreError
from agentlog.store.clickhouse.link import Link
from agentlog.store.clickhouse.migrations import epoch
from agentlog.store.engine import Change, Marks, News

OVERLAP: Final = 30_000_000
"""Microseconds from the moment that an insert notes until everybody sees it."""

SLACK: Final = OVERLAP
"""Microseconds by which the marks of two collectors may differ."""

EVERY: Final = 0.5
"""Seconds between two looks."""

LONGEST: Final = 5.0
"""Seconds that a look may take, and what else the thread does, before that is a trouble."""

MOST: Final = 20_000
"""Records that are told one by one, and sessions that are."""

MOST_INSERTS: Final = 2_000
"""Inserts whose records are asked for: more do not fit into a question."""

_NOW: Final = "SELECT toUnixTimestamp64Micro(now64(6))"
_INSERTS: Final = """
    SELECT toUnixTimestamp64Micro(stored) AS moment, count() FROM {table}
    WHERE stored > fromUnixTimestamp64Micro({{since:Int64}}) GROUP BY moment
"""
_OF_THESE: Final = "toUnixTimestamp64Micro(stored) IN {moments:Array(Int64)}"
# The first condition is for the engine to leave out all that is old without reading it.
_STORED: Final = f"""
    SELECT project, session_id, groupUniqArray(id) FROM records
    WHERE stored >= fromUnixTimestamp64Micro({{since:Int64}}) AND {_OF_THESE}
    GROUP BY project, session_id
"""  # noqa: S608 - made of constants
_SESSIONS: Final = f"""
    SELECT DISTINCT project, session_id FROM records
    WHERE stored >= fromUnixTimestamp64Micro({{since:Int64}}) AND {_OF_THESE}
    LIMIT {{most:UInt64}}
"""  # noqa: S608
_GONE: Final = f"""
    SELECT DISTINCT project, session_id FROM gone WHERE {_OF_THESE} LIMIT {{most:UInt64}}
"""  # noqa: S608

_Inserts = Mapping[int, int]
"""By the moment of each, how many rows it has brought."""


class Watch:
    """Looks what is new, twice a second at most."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._mark = self._now() - 2 * SLACK  # who read elsewhere comes a while later
        self._told: Mapping[str, _Inserts] = {"records": {}, "gone": {}}
        self._trouble = ""
        self._began: float | None = None
        self._next = 0.0
        self.marks = Marks(epoch(link), self._mark, SLACK)

    def pause(self) -> float:
        """Return how many seconds there are to the next look."""
        return max(0.0, self._next - time.monotonic())

    def look(self) -> News:
        """Return what is new since the last look; nothing, if that was just now."""
        if self.pause():
            return News((), self._mark)
        self._began = time.monotonic()
        try:
            news = self._news()
        except StoreError as error:
            self._trouble = str(error)
            return News((), self._mark)  # it is told when the server is back
        finally:
            self._next = time.monotonic() + EVERY
        self._trouble = ""
        return news

    def trouble(self) -> str:
        """Say why the server could not be asked the last time, or that it does not answer."""
        waited = 0.0 if self._began is None else time.monotonic() - self._began
        if waited > LONGEST:
            return self._trouble or f"{self._link.where} has not answered for {waited:.0f} seconds."
        return self._trouble

    def _news(self) -> News:
        now, since = self._now(), self._mark - OVERLAP
        seen = {table: self._seen(table, since) for table in self._told}
        stored, gone = (_new(seen[table], self._told[table]) for table in ("records", "gone"))
        changes = self._changes(stored, gone)
        self._mark, self._told = max(self._mark, now), seen
        return News(changes, self._mark)

    def _seen(self, table: str, since: int) -> _Inserts:
        return dict(self._link.rows(_INSERTS.format(table=table), since=since))

    def _changes(self, stored: _Inserts, gone: _Inserts) -> list[Change] | None:
        if len(stored) > MOST_INSERTS or len(gone) > MOST_INSERTS:
            return None
        told = self._sessions if sum(stored.values()) > MOST else self._stored
        changes = [*told(list(stored)), *self._gone(list(gone))]
        return None if len(changes) > MOST else changes

    def _stored(self, moments: list[int]) -> Iterator[Change]:
        if moments:
            for row in self._link.rows(_STORED, since=min(moments), moments=moments):
                project, session_id, ids = row
                yield Change(project, session_id, tuple(ids))

    def _sessions(self, moments: list[int]) -> Iterator[Change]:
        asked = {"since": min(moments), "moments": moments, "most": MOST + 1}
        for project, session_id in self._link.rows(_SESSIONS, **asked):
            yield Change(project, session_id, None)

    def _gone(self, moments: list[int]) -> Iterator[Change]:
        if moments:
            asked = {"moments": moments, "most": MOST + 1}
            for project, session_id in self._link.rows(_GONE, **asked):
                yield Change(project, session_id, is_gone=True)

    def _now(self) -> int:
        (now,) = self._link.row(_NOW)
        return int(now)


def _new(seen: _Inserts, told: _Inserts) -> _Inserts:
    """Return the inserts that were not told before, or of which more is seen now."""
    return {moment: count for moment, count in seen.items() if count > told.get(moment, 0)}
