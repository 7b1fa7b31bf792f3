"""Events as they are read: the halves of each, merged, or its text for who hands it on.

The rule: a question names the project, and what is parsed is parsed once, in one go.
"""

import json
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing

from agentlog.store.merge import Event, merge, parsed
from agentlog.store.state import REASONS
from agentlog.store.values import bindable, parts

_OWN = """
    SELECT open, close, interrupted FROM events JOIN sessions ON sessions.number = session
    WHERE project = (SELECT number FROM projects WHERE name = :project)
"""
_OF_SESSION = f"{_OWN} AND session_id = :session_id ORDER BY events.timestamp, id"
_ONE = f"{_OWN} AND session_id = :session_id AND id = :id"

# The joins are CROSS so that SQLite begins with the few numbers and not with all sessions, and then
# takes the halves one by one, in the order of the numbers: to sort rows it would copy them all.
_NEWEST_FIRST = """
    SELECT events.number FROM events CROSS JOIN sessions ON sessions.number = session
    WHERE events.number IN (SELECT value FROM json_each(:numbers))
    AND project = (SELECT number FROM projects WHERE name = :project)
    ORDER BY events.timestamp DESC, id
"""
_NUMBERED = """
    SELECT open, close, interrupted FROM json_each(:numbers)
    CROSS JOIN events ON events.number = value
"""


def of_session(connection: sqlite3.Connection, project: str, session_id: str) -> list[Event]:
    """Return all events of a session, merged, by start."""
    return _merged(_rows(connection, _OF_SESSION, project=project, session_id=session_id))


def one(
    connection: sqlite3.Connection, project: str, session_id: str, event_id: str
) -> Event | None:
    """Return one event, merged, or None."""
    found = _merged(_rows(connection, _ONE, project=project, session_id=session_id, id=event_id))
    return found[0] if found else None


def texts(
    connection: sqlite3.Connection, project: str, session_id: str, most: int
) -> Generator[list[str]]:
    """Yield the JSON texts of the events of a session, by start, in lists of at most so many.

    Whoever stops before the end closes it, and with it what is read of the file.
    """
    return _texts(_rows(connection, _OF_SESSION, project=project, session_id=session_id), most)


def texts_numbered(
    connection: sqlite3.Connection, project: str, numbers: Sequence[int], most: int
) -> Generator[list[str]]:
    """Yield in the same way those of a project that have these numbers, the newest first."""
    found = _rows(connection, _NEWEST_FIRST, project=project, numbers=str(numbers))
    newest_first = [number for (number,) in found]
    return _texts(_rows(connection, _NUMBERED, numbers=str(newest_first)), most)


def _rows(connection: sqlite3.Connection, query: str, **values: object) -> sqlite3.Cursor:
    named = {name: bindable(value) for name, value in values.items()}
    return connection.execute(query, named)


def _texts(cursor: sqlite3.Cursor, most: int) -> Generator[list[str]]:
    with closing(cursor):
        for part in parts(cursor, most):
            yield [_text(*row) for row in part]


def _merged(cursor: sqlite3.Cursor) -> list[Event]:
    found = cursor.fetchall()
    halves = parsed((opened, closed) for opened, closed, _ in found)
    return [of_halves(*next(halves), interrupted) for *_, interrupted in found]


def of_halves(opened: Event | None, closed: Event | None, interrupted: int) -> Event:
    """Merge the halves of an event; `interrupted` is why it will have no end, 0 if it may."""
    event = merge(opened, closed)
    if interrupted and closed is None:
        event |= {"result": "Indeterminate", "reason": REASONS[interrupted]}
    return event


def _text(opened: str | None, closed: str | None, interrupted: int) -> str:
    if opened is None or (closed is None and not interrupted):
        return closed or opened or "null"
    event = of_halves(json.loads(opened), json.loads(closed or "null"), interrupted)
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
