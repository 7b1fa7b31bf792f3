"""How much there is of a session, as the two sides of a move are compared.

The rule: no payload is read for it. Whether a half is there, SQLite sees in a row without reading
what is behind it, as long as it has no row to sort.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterable

from agentlog.store import Extent
from agentlog.store.values import bindable

_EXTENTS = """
    SELECT session_id, (
        SELECT json_array(count(*), sum(has_begun + has_ended),
            sum(crc32(id) * (4 + 2 * has_begun + has_ended)))
        FROM (SELECT id, timestamp NOTNULL AS has_begun, close NOTNULL AS has_ended
            FROM events WHERE session = sessions.number)
    ), coalesce(arrived, last)
    FROM sessions
    WHERE project = (SELECT number FROM projects WHERE name = :project) AND events
    AND session_id IN (SELECT value FROM json_each(:session_ids))
"""


def prepare(connection: sqlite3.Connection) -> None:
    """Teach a connection what is asked for."""
    connection.create_function("crc32", 1, _crc32, deterministic=True)


def of_sessions(
    connection: sqlite3.Connection, project: str, session_ids: Iterable[str]
) -> dict[str, Extent]:
    """Return by its id how much there is of those of these sessions that a project has."""
    listed = json.dumps([bindable(session_id) for session_id in session_ids])
    named = {"project": bindable(project), "session_ids": listed}
    found: dict[str, Extent] = {}
    for session_id, sums, heard in connection.execute(_EXTENTS, named):
        events, halves, digest = json.loads(sums)
        found[session_id] = Extent(events, halves, digest, heard)
    return found


def _crc32(text: str) -> int:
    return zlib.crc32(text.encode())
