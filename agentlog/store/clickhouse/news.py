"""What is new in the store, whoever has put it there.

The rules: the clock is the server's, which notes for each record when it was stored. A record is
seen a moment later than that, when its insert is done; so each look begins a while before the last
one's end, and tells of nothing twice. Who would be told of very much is told that there was
something: to read anew is as quick then.
"""

import time
from collections import defaultdict
from typing import Final

from agentlog.errors import StoreError
from agentlog.store.clickhouse.link import Link
from agentlog.store.clickhouse.migrations import epoch
from agentlog.store.engine import Change, Marks, News

OVERLAP: Final = 5_000_000
"""Microseconds that an insert may take from its note of the time to its end."""

EVERY: Final = 0.5
"""Seconds between two looks."""

_MOST: Final = 50_000

_NOW: Final = "SELECT toUnixTimestamp64Micro(now64(6))"
_SINCE: Final = "stored > fromUnixTimestamp64Micro({since:Int64})"
_STORED: Final = f"""
    SELECT project, session_id, id, digest, toUnixTimestamp64Micro(stored) FROM records
    WHERE {_SINCE} LIMIT {{most:UInt64}}
"""  # noqa: S608 - made of constants
_GONE: Final = f"""
    SELECT project, session_id, '', cityHash64(deletion), toUnixTimestamp64Micro(stored) FROM gone
    WHERE {_SINCE} LIMIT {{most:UInt64}}
"""  # noqa: S608

_Seen = tuple[str, str, str, int]


class Watch:
    """Looks what is new, twice a second at most."""

    def __init__(self, link: Link) -> None:
        self._link = link
        ((self._mark,),) = link.rows(_NOW)
        self._seen: dict[_Seen, int] = {}
        self._next = 0.0
        self._is_begun = False
        self.marks = Marks(epoch(link), self._mark, 2 * OVERLAP)

    def pause(self) -> float:
        """Return how many seconds there are to the next look."""
        return max(0.0, self._next - time.monotonic())

    def look(self) -> News:
        """Return what is new since the last look; nothing, if that was just now."""
        if self.pause():
            return News((), self._mark)
        try:
            return self._news()
        except StoreError:
            return News((), self._mark)  # it is told when the server is back
        finally:
            self._next = time.monotonic() + EVERY

    def _news(self) -> News:
        asked = {"since": self._mark - OVERLAP, "most": _MOST}
        rows = self._link.rows(_STORED, **asked)
        gone = self._link.rows(_GONE, **asked)
        ids: dict[tuple[str, str], list[str]] = defaultdict(list)
        for project, session_id, id_, *rest in rows:
            if self._is_new((project, session_id, id_, rest[0]), rest[1]):
                ids[project, session_id].append(id_)
        left = {row[:2] for row in gone if self._is_new(row[:4], row[4])}
        self._forget()
        if len(rows) == _MOST:
            ((self._mark,),) = self._link.rows(_NOW)
            return News(None, self._mark)
        changes = [
            Change(project, session_id, tuple(dict.fromkeys(some)))
            for (project, session_id), some in ids.items()
        ]
        changes += [Change(project, session_id, is_gone=True) for project, session_id in left]
        return News(changes, self._mark)

    def _is_new(self, seen: _Seen, stored: int) -> bool:
        """Note that something was seen; say whether it is for the first time."""
        if seen in self._seen:
            return False
        self._seen[seen] = stored
        self._mark = max(self._mark, stored)
        return True

    def _forget(self) -> None:
        oldest = self._mark - OVERLAP
        self._seen = {seen: stored for seen, stored in self._seen.items() if stored > oldest}
