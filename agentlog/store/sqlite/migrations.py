"""How a store file of an older agentlog gets the tables of this one.

`MIGRATIONS[n]` brings a file of version n to version n + 1; `PRAGMA user_version` is the number of
those that were applied. The rule: a migration that was released is never edited, a new one is
added behind it. So `_first` stands here as it was, and what is true now is in schema.py.
"""

import sqlite3
from collections.abc import Callable

from agentlog.errors import StoreError
from agentlog.store.sqlite import schema

APPLICATION_ID = 0x61676C67
"""`aglg`: tells a store from other programs' databases."""


def is_current(connection: sqlite3.Connection, name: str) -> bool:
    """Say whether nothing is to be migrated; raises `StoreError` for what is no store of ours."""
    version, application, tables = _look(connection)
    if application != APPLICATION_ID and (tables or version or application):
        raise StoreError(f"{name} is no agentlog store: another program made this database.")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{name} was written by a newer agentlog (format {version}, this one knows"
            f" {len(MIGRATIONS)}): update agentlog to read it."
        )
    return version == len(MIGRATIONS)


def migrate(connection: sqlite3.Connection) -> None:
    """Apply what is missing, inside the transaction of the caller."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for step in MIGRATIONS[version:]:
        step(connection)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {max(version, len(MIGRATIONS))}")


def _look(connection: sqlite3.Connection) -> list[int]:
    """Read version, application and number of tables, as they were at one moment."""
    asked = ("PRAGMA user_version", "PRAGMA application_id", "SELECT count(*) FROM sqlite_master")
    connection.execute("BEGIN")
    try:
        return [int(connection.execute(question).fetchone()[0]) for question in asked]
    finally:
        connection.execute("COMMIT")


def _first(connection: sqlite3.Connection) -> None:
    # The halves come last: a list then reads the small columns of a row and not its payload.
    connection.execute(f"""
        CREATE TABLE events (
            session_id TEXT NOT NULL,
            id TEXT NOT NULL,
            revision INTEGER NOT NULL,  -- grows with every change of any event
            owner TEXT,                 -- of the segment that brought the open half
            interrupted INTEGER NOT NULL DEFAULT 0,
            {", ".join(schema.FIELDS)},
            open TEXT,
            close TEXT,
            PRIMARY KEY (session_id, id)
        )""")
    for statement in (
        "CREATE UNIQUE INDEX by_revision ON events (revision)",
        "CREATE INDEX roots ON events (session_id) WHERE parent_id IS NULL AND event_type NOTNULL",
        "CREATE INDEX unclosed ON events (owner) WHERE close IS NULL",
        # Up to which revision the search index has been brought.
        "CREATE TABLE counters (revision INTEGER NOT NULL, searchable INTEGER NOT NULL)",
        "INSERT INTO counters VALUES (0, 0)",
        "CREATE VIRTUAL TABLE words USING fts5 (text)",  # the rowid is an event's revision
        """CREATE TABLE positions (
            destination TEXT, segment TEXT, offset INTEGER NOT NULL,
            PRIMARY KEY (destination, segment)
        ) WITHOUT ROWID""",
        """CREATE TABLE damaged (
            destination TEXT, segment TEXT, offset INTEGER, line BLOB NOT NULL, why TEXT NOT NULL,
            PRIMARY KEY (destination, segment, offset)
        ) WITHOUT ROWID""",
    ):
        connection.execute(statement)


def _second(connection: sqlite3.Connection) -> None:
    """Sessions get a table of their own, below projects; the search index follows the events."""
    connection.execute("ALTER TABLE events RENAME TO older")
    for statement in (
        "DROP INDEX by_revision",
        "DROP INDEX roots",
        "DROP INDEX unclosed",
        "DROP TABLE counters",
        "DROP TABLE words",
        *schema.SECOND,
    ):
        connection.execute(statement)
    sessions = connection.execute("SELECT DISTINCT session_id FROM older").fetchall()
    for (session_id,) in sessions:
        schema.session_number(connection, schema.OWN_PROJECT, session_id)
    connection.execute(
        """
        INSERT INTO events (session, id, owner, interrupted, open, close)
        SELECT number, id, owner, interrupted, open, close
        FROM older JOIN sessions
        ON project = ? AND sessions.session_id = older.session_id ORDER BY revision""",
        (schema.OWN_PROJECT,),
    )
    connection.execute("DROP TABLE older")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first, _second)
