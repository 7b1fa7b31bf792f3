"""The tables of a `SqliteStore`, and how a store file of an older agentlog gets them.

`MIGRATIONS[n]` brings a file of version n to version n + 1; `PRAGMA user_version` is the number of
those that were applied. The rule: a migration that was released is never edited, a new one is
added behind it.

The truth of an event are its two halves, `open` and `close`: the JSON texts as they came. Every
column that a list needs is generated from them by SQLite, so that it cannot disagree with them,
in whatever order they come; a value of a wrong type is NULL there.
"""

import sqlite3
from collections.abc import Callable

from agentlog.errors import StoreError

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


def _field(name: str, types: str, kind: str) -> str:
    """Define a column as a field of the event: the close half's if it has it, else the open's."""
    half = f"iif(json_type(close, '$.{name}') IS NULL, open, close)"
    value = f"CAST(json_extract({half}, '$.{name}') AS {kind})"
    return (
        f"{name} {kind} GENERATED ALWAYS AS"
        f" (CASE WHEN json_type({half}, '$.{name}') IN ({types}) THEN {value} END) STORED"
    )


def _first(connection: sqlite3.Connection) -> None:
    text, number, integer = "'text'", "'integer', 'real'", "'integer'"
    columns = (
        _field("parent_id", text, "TEXT"),
        _field("event_type", text, "TEXT"),
        _field("action_type", text, "TEXT"),
        _field("timestamp", number, "REAL"),
        _field("end_timestamp", number, "REAL"),
        _field("result", text, "TEXT"),
        _field("reason", text, "TEXT"),
        _field("rating", text, "TEXT"),
        _field("model", text, "TEXT"),
        _field("tags", "'array'", "TEXT"),
        _field("prompt_tokens", integer, "INTEGER"),
        _field("completion_tokens", integer, "INTEGER"),
    )
    # The halves come last: a list then reads the small columns of a row and not its payload.
    connection.execute(f"""
        CREATE TABLE events (
            session_id TEXT NOT NULL,
            id TEXT NOT NULL,
            revision INTEGER NOT NULL,  -- grows with every change of any event
            owner TEXT,                 -- of the segment that brought the open half
            interrupted INTEGER NOT NULL DEFAULT 0,
            {", ".join(columns)},
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


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first,)
