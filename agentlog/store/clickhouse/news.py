"""What is new in the store, whoever has put it there.

The rules: the clock is the server's, which notes for all rows of an insert the same moment. They
are seen a while later, all at once, when that insert is done; so each look begins a while before
the end of the last one, and tells of no insert twice. Where very much is new it is told of which
sessions, and of whole sessions only: to read one anew is as quick then.
"""

import time
from collections.abc import Iterator
from typing import Final

from agentlog.errors import StoreError
from agentlog.store.clickhouse.link import Link
from agentlog.store.clickhouse.migrations import epoch
from agentlog.store.engine import Change, Marks, News

OVERLAP: Final = 5_000_000
"""Microseconds that an insert may take from its note of the time to its end."""

SLACK: Final = 2 * OVERLAP
"""Microseconds by which the marks of two collectors may differ."""

EVERY: Final = 0.5
"""Seconds between two looks."""

MOST: Final = 20_000
"""Records that are told one by one, and sessions that are."""

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
_GONE: Final = f"SELECT DISTINCT project, session_id FROM gone WHERE {_OF_THESE}"  # noqa: S608


class Watch:
    """Looks what is new, twice a second at most."""

    trouble = ""
    """Why the server could not be asked the last time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._mark = self._now() - 2 * SLACK  # who read elsewhere comes a while later
        self._told: dict[str, dict[int, int]] = {"records": {}, "gone": {}}
        self._next = 0.0
        self.marks = Marks(epoch(link), self._mark, SLACK)

    def pause(self) -> float:
        """Return how many seconds there are to the next look."""
        return max(0.0, self._next - time.monotonic())

    def look(self) -> News:
        """Return what is new since the last look; nothing, if that was just now."""
        if self.pause():
            return News((), self._mark)
        self.trouble = ""
        try:
            return self._news()
        except StoreError as error:
            self.trouble = str(error)
            return News((), self._mark)  # it is told when the server is back
        finally:
            self._next = time.monotonic() + EVERY

    def _news(self) -> News:
        now = self._now()
        stored, gone = self._new("records"), self._new("gone")
        self._mark = max(self._mark, now)
        told = self._sessions if sum(stored.values()) > MOST else self._stored
        changes = [*told(list(stored)), *self._gone(list(gone))]
        return News(None if len(changes) > MOST else changes, self._mark)

    def _new(self, table: str) -> dict[int, int]:
        """Return the moments of inserts that were not seen before, with how much they brought."""
        since = self._mark - OVERLAP
        rows = self._link.rows(_INSERTS.format(table=table), since=since)
        told, self._told[table] = self._told[table], dict(rows)
        return {moment: count for moment, count in rows if count > told.get(moment, 0)}

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
            for project, session_id in self._link.rows(_GONE, moments=moments):
                yield Change(project, session_id, is_gone=True)

    def _now(self) -> int:
        ((now,),) = self._link.rows(_NOW)
        return int(now)
