"""The search index: it follows the events at its own pace, and is asked for the newest first.

The rule: nobody who writes waits for it. What was put is noted in `unsearched` in the same
transaction, and taken in later, a part at a time.
"""

import sqlite3

from agentlog.store import search
from agentlog.store.merge import merge, parsed
from agentlog.store.sqlite import rows
from agentlog.store.values import parts

AT_ONCE = 1000
"""Events that are taken in in one transaction."""

_SOME = """
    SELECT events.number, open, close, project
    FROM unsearched JOIN events USING (number) JOIN sessions ON sessions.number = session
    ORDER BY unsearched.number LIMIT ?
"""

_OF_SESSION = """AND rowid IN (SELECT events.number FROM events JOIN sessions
    ON sessions.number = session WHERE session_id = :session_id AND project = :project)"""


def is_behind(connection: sqlite3.Connection) -> bool:
    """Say whether there are events that a search does not find yet."""
    (behind,) = connection.execute("SELECT EXISTS (SELECT 1 FROM unsearched)").fetchone()
    return bool(behind)


def take_in(connection: sqlite3.Connection, most: int = AT_ONCE) -> int:
    """Index a part of what has changed; return how much it was; only within `writing`."""
    changed = next(parts(connection.execute(_SOME, (most,)), most), [])
    halves = parsed((opened, closed) for _, opened, closed, _ in changed)
    texts = [
        (number, search.words(merge(*next(halves))), search.project_word(project))
        for number, *_, project in changed
    ]
    # Of an event that was indexed before, the old words go first.
    rows.insert(connection, "INSERT OR REPLACE INTO words (rowid, text, project)", texts)
    if changed:
        numbers = changed[0][0], changed[-1][0]
        connection.execute("DELETE FROM unsearched WHERE number BETWEEN ? AND ?", numbers)
    return len(changed)


def find(
    connection: sqlite3.Connection,
    text: str,
    project: int,
    limit: int,
    session_id: str | None = None,
) -> list[int]:
    """Return the numbers of the events that fit a text and came last, the last first.

    Where there are enough with the very words, those that only begin so are not looked for: to
    gather them takes long where they are many. With `session_id`, those of one session.
    """
    numbers: list[int] = []
    where = "" if session_id is None else _OF_SESSION
    for query in search.queries(text, project):
        if len(numbers) < limit:
            found = connection.execute(
                f"SELECT rowid FROM words WHERE words MATCH :query {where}"  # noqa: S608 - constants
                " ORDER BY rowid DESC LIMIT :limit",
                {"query": query, "limit": limit, "session_id": session_id, "project": project},
            )
            numbers = [number for (number,) in found]
    return numbers
