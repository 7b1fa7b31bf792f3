"""Forgetting: sessions that said nothing for a time go, with what a search knew of them.

The rules: an event that is open and has an owner that may be alive keeps its session. And what came
to a collector counts from then, whatever time its events mention: elsewhere a clock may be wrong.
"""

import sqlite3

_SILENT = """
    SELECT number FROM sessions WHERE coalesce(arrived, last, 0) < :before AND NOT EXISTS (
        SELECT 1 FROM events WHERE session = sessions.number
        AND close IS NULL AND owner NOTNULL AND NOT interrupted)
"""


def prune(connection: sqlite3.Connection, before: float) -> int:
    """Delete the sessions that said nothing since `before`; count them; only within `writing`."""
    silent = connection.execute(_SILENT, {"before": before}).fetchall()
    for (session,) in silent:
        _forget_events(connection, session, most=-1)
        connection.execute("DELETE FROM sessions WHERE number = ?", (session,))
    return len(silent)


def prune_some(connection: sqlite3.Connection, before: float, most: int) -> int:
    """Delete at most so many events of a session that said nothing; return how many it were.

    For a collector, whose clients wait while this transaction lasts; only within `writing`.
    """
    found = connection.execute(f"{_SILENT} LIMIT 1", {"before": before}).fetchone()
    if found is None:
        return 0
    (session,) = found
    deleted = _forget_events(connection, session, most)
    if deleted < most:
        connection.execute("DELETE FROM sessions WHERE number = ?", (session,))
    else:
        connection.execute("UPDATE sessions SET stale = 1 WHERE number = ?", (session,))
    return max(deleted, 1)


def _forget_events(connection: sqlite3.Connection, session: int, most: int) -> int:
    numbers = connection.execute(
        "SELECT number FROM events WHERE session = ? LIMIT ?", (session, most)
    ).fetchall()
    for table, key in (("words", "rowid"), ("unsearched", "number"), ("events", "number")):
        connection.executemany(f"DELETE FROM {table} WHERE {key} = ?", numbers)  # noqa: S608
    return len(numbers)
