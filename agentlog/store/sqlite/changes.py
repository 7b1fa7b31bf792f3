"""What the writer of a store has changed, as SQLite itself notes it.

The rule: triggers of the writer's own connection note it, within the transaction that changes
something. So no way of writing is forgotten, and what was rolled back is not told. Nothing of it
gets into the file.
"""

import json
import sqlite3
from typing import Final

from agentlog.store.engine import Change

_NOTE: Final = "BEGIN INSERT INTO changed VALUES (new.session, new.number); END"
_WATCH: Final = (
    "PRAGMA temp_store = MEMORY",  # a disk that is full is no reason not to note
    "CREATE TEMP TABLE changed (session INTEGER, number INTEGER)",
    "CREATE TEMP TABLE gone (project INTEGER, session_id TEXT)",
    f"CREATE TEMP TRIGGER note_added AFTER INSERT ON main.events {_NOTE}",
    f"""CREATE TEMP TRIGGER note_changed AFTER UPDATE OF open, close, interrupted
        ON main.events {_NOTE}""",
    """CREATE TEMP TRIGGER note_sums AFTER UPDATE OF stale ON main.sessions
        WHEN old.stale AND NOT new.stale
        BEGIN INSERT INTO changed VALUES (new.number, 0); END""",
    """CREATE TEMP TRIGGER note_gone AFTER UPDATE OF project ON main.sessions
        BEGIN INSERT INTO gone VALUES (old.project, old.session_id); END""",
)
# An event that was deleted since has no id; its session is gone, and told of.
_CHANGED = """
    SELECT name, session_id, json_group_array(DISTINCT id) FILTER (WHERE id IS NOT NULL)
    FROM changed JOIN sessions ON sessions.number = changed.session
    JOIN projects ON projects.number = project
    LEFT JOIN events ON events.number = changed.number
    GROUP BY changed.session ORDER BY changed.session
"""
_GONE = "SELECT name, session_id FROM gone JOIN projects ON projects.number = project"


def watch(connection: sqlite3.Connection) -> None:
    """Have a connection note from now on what it changes."""
    for statement in _WATCH:
        connection.execute(statement)


def take(connection: sqlite3.Connection) -> list[Change]:
    """Return what was changed since the last time, and forget it."""
    found = connection.execute(_CHANGED).fetchall()
    gone = connection.execute(_GONE).fetchall()
    if not found and not gone:
        return []
    connection.execute("DELETE FROM changed")
    connection.execute("DELETE FROM gone")
    changes = [
        Change(project, session_id, tuple(json.loads(ids))) for project, session_id, ids in found
    ]
    return changes + [Change(project, session_id, is_gone=True) for project, session_id in gone]
