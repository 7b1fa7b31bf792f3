"""Forgetting: sessions that said nothing for a time go, with what a search knew of them.

The rules: an event that is open and has an owner that may be alive keeps its session. And what came
to a collector counts from then, whatever time its events mention: elsewhere a clock may be wrong.
"""

import json
import math
import sqlite3

from agentlog.store.retention import Before
from agentlog.store.sqlite import schema
from agentlog.store.state import MAY_RUN

NO_PROJECT = 0
"""The project of what is being deleted; there is none of this number."""

_PROJECTS = "SELECT number, name FROM projects"
_SPOKE = "coalesce(arrived, last, 0)"

# A scan of all sessions, few of which have a moment looked up: by an index of projects it takes
# thirty times as long. Events are looked at only of who is too old for its project.
_SILENT = f"""
    WITH moments (project, before) AS (
        SELECT CAST(key AS INTEGER), value FROM json_each(:moments))
    SELECT number FROM sessions CROSS JOIN moments USING (project)
    WHERE {_SPOKE} < (SELECT max(before) FROM moments) AND iif({_SPOKE} < before, NOT EXISTS (
        SELECT 1 FROM events WHERE session = sessions.number
        AND {MAY_RUN}), 0)
"""  # noqa: S608 - made of constants
_A_DETACHED = f"SELECT number FROM sessions WHERE project = {NO_PROJECT} LIMIT 1"  # noqa: S608


# A session of no project is in no list, no sum and no search. Its id is free for what comes later.
_DETACH = f"""
    UPDATE sessions SET project = {NO_PROJECT}, session_id = number, events = 0, root = NULL
    WHERE number IN ({_SILENT} LIMIT :most)
"""  # noqa: S608 - made of constants


def prune(connection: sqlite3.Connection, before: Before) -> int:
    """Delete the sessions that said nothing since `before`; count them; only within `writing`."""
    silent = _detach(connection, before, most=-1)
    while prune_some(connection, before, most=-1):
        pass
    return silent


def prune_some(connection: sqlite3.Connection, before: Before, most: int) -> int:
    """Do a part of it; return 0 if nothing is left to do, else at most `most`.

    For a collector, whose clients wait while this transaction lasts: sessions disappear whole, and
    their events are deleted by and by. Only within `writing`.
    """
    found = connection.execute(_A_DETACHED).fetchone()
    if found is None:
        return _detach(connection, before, most)
    (session,) = found
    deleted = _forget_events(connection, session, most)
    if deleted < most or most < 0:
        connection.execute("DELETE FROM sessions WHERE number = ?", (session,))
    return max(deleted, 1)


def _detach(connection: sqlite3.Connection, before: Before, most: int) -> int:
    moments = ((number, before.of(name)) for number, name in connection.execute(_PROJECTS))
    # JSON has no infinity; and where nothing is too old no session needs to be looked at.
    asked = {number: moment for number, moment in moments if math.isfinite(moment)}
    bound = {"moments": json.dumps(asked), "most": most}
    return connection.execute(_DETACH, bound).rowcount


def _forget_events(connection: sqlite3.Connection, session: int, most: int) -> int:
    numbers = connection.execute(
        "SELECT number FROM events WHERE session = ? LIMIT ?", (session, most)
    ).fetchall()
    schema.forget(connection, numbers)
    return len(numbers)
