"""The tables of a store, and what they keep true by themselves.

The truth of an event are its two halves, `open` and `close`: the JSON texts as they came. Every
column that a list needs is generated from them by SQLite, so that it follows them in whatever order
they come; a value of a wrong type is NULL there. What SQLite would read otherwise than Python (a
key that is written with escapes) the intake writes anew.

What the events of a session sum up to stands in `sessions`, kept by triggers, so that a list of
sessions reads no events. An event that is new is added to the sums, of one that changes the
difference. Where that does not suffice (the earliest or the latest becomes another, or numbers are
so large that a difference is not exact), which only damage can cause, the session is `stale`, until
it is summed up again.

`unsearched` are the events that the search index has yet to take in.
"""

import sqlite3

from agentlog.conventions.words import moment_of_id
from agentlog.store import MOST_TOKENS

OWN_PROJECT = 1
"""The number of the project "": what was recorded in this home, or came without a key."""


def _field(name: str, types: str, kind: str) -> str:
    """Define a column as a field of the event: the close half's if it has it, else the open's."""
    half = f"iif(json_type(close, '$.{name}') IS NULL, open, close)"
    value = f"CAST(json_extract({half}, '$.{name}') AS {kind})"
    return (
        f"{name} {kind} GENERATED ALWAYS AS"
        f" (CASE WHEN json_type({half}, '$.{name}') IN ({types}) THEN {value} END) STORED"
    )


_EXACT = 1 << 52
"""Up to here sums of integers are exact as REAL, and so are their differences."""

_TEXT, _NUMBER, _INTEGER = "'text'", "'integer', 'real'", "'integer'"

FIELDS = (
    _field("parent_id", _TEXT, "TEXT"),
    _field("event_type", _TEXT, "TEXT"),
    _field("action_type", _TEXT, "TEXT"),
    _field("timestamp", _NUMBER, "REAL"),
    _field("end_timestamp", _NUMBER, "REAL"),
    _field("result", _TEXT, "TEXT"),
    _field("reason", _TEXT, "TEXT"),
    _field("rating", _TEXT, "TEXT"),
    _field("model", _TEXT, "TEXT"),
    _field("tags", "'array'", "TEXT"),
    _field("prompt_tokens", _INTEGER, "INTEGER"),
    _field("completion_tokens", _INTEGER, "INTEGER"),
)

# Where several events have no parent, the session's own is the root, else the earliest.
_ROOT = "parent_id IS NULL AND event_type NOTNULL"
_ROOTS_FIRST = "action_type IS 'session' DESC, timestamp, id"
_FIND_ROOT_OF = f"""
    UPDATE sessions SET (root, started) = (
        SELECT number, timestamp FROM events WHERE session = sessions.number AND {_ROOT}
        ORDER BY {_ROOTS_FIRST} LIMIT 1)
    WHERE number ="""  # noqa: S608 - made of constants, as all here
_FIND_ROOT = f"{_FIND_ROOT_OF} new.session;"

_SESSION_EVENT = f"{_ROOT} AND action_type IS 'session'"
_STAND_IN = f"""
    SELECT number FROM events WHERE session = :session AND {_SESSION_EVENT}
    AND timestamp IS NULL AND close IS NULL AND EXISTS (
        SELECT 1 FROM events WHERE session = :session AND {_SESSION_EVENT}
        AND timestamp NOTNULL)
"""  # noqa: S608


def _tokens(value: str) -> str:
    return f"iif({value} >= 0 AND {value} < {MOST_TOKENS}, {value}, 0)"


def _earlier(one: str, other: str) -> str:
    return f"coalesce(min({one}, {other}), {one}, {other})"


def _later(one: str, other: str) -> str:
    return f"coalesce(max({one}, {other}), {one}, {other})"


_LAST = _later("new.timestamp", "new.end_timestamp")
_WAS_LAST = _later("old.timestamp", "old.end_timestamp")
_TIMES = f"first = {_earlier('first', 'new.timestamp')}, last = {_later('last', _LAST)}"


def _left(end: str, old: str, new: str, inside: str) -> str:
    """Say that an event whose value was the end of all is further inside now, or has none."""
    return f"({old} NOTNULL AND {old} = {end} AND ({new} IS NULL OR {new} {inside} {old}))"


_STALE = " OR ".join(
    (
        _left("first", "old.timestamp", "new.timestamp", ">"),
        _left("last", _WAS_LAST, _LAST, "<"),
        f"max(prompt_tokens, completion_tokens) >= {_EXACT}",
    )
)

_ADDED = f"""
    CREATE TRIGGER added AFTER INSERT ON events BEGIN
        INSERT INTO unsearched VALUES (new.number);
        UPDATE sessions SET events = events + 1, {_TIMES},
            failures = failures + (new.result IS 'Fail'),
            prompt_tokens = prompt_tokens + {_tokens("new.prompt_tokens")},
            completion_tokens = completion_tokens + {_tokens("new.completion_tokens")}
        WHERE number = new.session;
    END
"""  # noqa: S608

# Within an upsert `OR IGNORE` would not count: https://sqlite.org/lang_createtrigger.html.
_CHANGED = f"""
    CREATE TRIGGER changed AFTER UPDATE OF open, close ON events BEGIN
        INSERT INTO unsearched SELECT new.number
            WHERE NOT EXISTS (SELECT 1 FROM unsearched WHERE number = new.number);
        UPDATE sessions SET {_TIMES},
            failures = failures + (new.result IS 'Fail') - (old.result IS 'Fail'),
            prompt_tokens = prompt_tokens
                + {_tokens("new.prompt_tokens")} - {_tokens("old.prompt_tokens")},
            completion_tokens = completion_tokens
                + {_tokens("new.completion_tokens")} - {_tokens("old.completion_tokens")},
            stale = stale OR {_STALE}
        WHERE number = new.session;
    END
"""  # noqa: S608

_SUM_UP = f"""
    UPDATE sessions SET stale = 0,
        (events, failures, first, last, prompt_tokens, completion_tokens) = (
            SELECT count(*), count(iif(result = 'Fail', 1, NULL)), min(timestamp),
                max({_later("timestamp", "end_timestamp")}),
                total({_tokens("prompt_tokens")}), total({_tokens("completion_tokens")})
            FROM events WHERE session = sessions.number)
    WHERE number IN (SELECT number FROM sessions WHERE stale LIMIT ?)
"""  # noqa: S608

SECOND = (
    "CREATE TABLE projects (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    f"INSERT INTO projects VALUES ({OWN_PROJECT}, '')",  # noqa: S608
    """CREATE TABLE sessions (
        number INTEGER PRIMARY KEY,
        project INTEGER NOT NULL,
        session_id TEXT NOT NULL,
        moment REAL,                -- of its start, as the id says
        started REAL,               -- as its root says
        first REAL,                 -- the earliest start of an event
        last REAL,                  -- the latest time that any event mentions
        arrived REAL,               -- when something new of it came to a collector, by its clock
        root INTEGER,               -- the event that names and judges it
        events INTEGER NOT NULL DEFAULT 0,
        failures INTEGER NOT NULL DEFAULT 0,
        prompt_tokens REAL NOT NULL DEFAULT 0,
        completion_tokens REAL NOT NULL DEFAULT 0,
        stale INTEGER NOT NULL DEFAULT 0,
        timestamp REAL GENERATED ALWAYS AS (coalesce(started, first, moment)) VIRTUAL,
        UNIQUE (project, session_id)
    )""",
    "CREATE INDEX newest ON sessions (project, timestamp DESC, session_id DESC)",
    "CREATE INDEX stale ON sessions (stale) WHERE stale",
    # The halves come last: a list then reads the small columns of a row and not its payload.
    f"""CREATE TABLE events (
        number INTEGER PRIMARY KEY,
        session INTEGER NOT NULL,
        id TEXT NOT NULL,
        owner TEXT,                 -- of the segment that brought the open half
        interrupted INTEGER NOT NULL DEFAULT 0,
        {", ".join(FIELDS)},
        open TEXT,
        close TEXT,
        UNIQUE (session, id)
    )""",
    f"CREATE INDEX roots ON events (session, {_ROOTS_FIRST}) WHERE {_ROOT}",
    "CREATE INDEX unclosed ON events (owner) WHERE close IS NULL AND owner NOTNULL",
    "CREATE TABLE unsearched (number INTEGER PRIMARY KEY)",
    # The rowid is an event's number. Nobody asks how well a text fits, so no sizes are kept. Short
    # beginnings of words are indexed: they fit so much that to gather it takes long.
    "CREATE VIRTUAL TABLE words USING fts5 (text, project, columnsize = 0, prefix = '1 2 3')",
    _ADDED,
    _CHANGED,
    f"""CREATE TRIGGER root_added AFTER INSERT ON events
        WHEN new.parent_id IS NULL AND new.event_type NOTNULL BEGIN {_FIND_ROOT} END""",
    f"""CREATE TRIGGER root_changed AFTER UPDATE OF open, close ON events
        WHEN (new.parent_id IS NULL AND new.event_type NOTNULL)
            OR (old.parent_id IS NULL AND old.event_type NOTNULL) BEGIN {_FIND_ROOT} END""",
)


def project_number(connection: sqlite3.Connection, name: str) -> int:
    """Return the number of a project, which gets one if it has none; only within `writing`."""
    look = "SELECT number FROM projects WHERE name = ?"
    found = connection.execute(look, (name,)).fetchone()
    if found is None:
        connection.execute("INSERT INTO projects (name) VALUES (?)", (name,))
        found = connection.execute(look, (name,)).fetchone()
    return int(found[0])


def session_number(connection: sqlite3.Connection, project: int, session_id: str) -> int:
    """Return the number of a session, which gets one if it has none; only within `writing`."""
    look = "SELECT number FROM sessions WHERE project = ? AND session_id = ?"
    found = connection.execute(look, (project, session_id)).fetchone()
    if found is None:
        connection.execute(
            "INSERT INTO sessions (project, session_id, moment) VALUES (?, ?, ?)",
            (project, session_id, moment_of_id(session_id)),
        )
        found = connection.execute(look, (project, session_id)).fetchone()
    return int(found[0])


def give_way(connection: sqlite3.Connection, session: int) -> None:
    """Forget what stands in for a session's event once that is there; only within `writing`.

    It is an open half that knows no time: somebody has made it of what came without the event.
    """
    found = connection.execute(_STAND_IN, {"session": session}).fetchall()
    if found:
        forget(connection, found)
        connection.execute(f"{_FIND_ROOT_OF} ?", (session,))
        connection.execute(
            "UPDATE sessions SET events = events - ? WHERE number = ?", (len(found), session)
        )


def forget(connection: sqlite3.Connection, numbers: list[tuple[int]]) -> None:
    """Delete events, and what a search knows of them; only within `writing`."""
    for table, key in (("words", "rowid"), ("unsearched", "number"), ("events", "number")):
        connection.executemany(f"DELETE FROM {table} WHERE {key} = ?", numbers)  # noqa: S608


def sum_up_again(connection: sqlite3.Connection, most: int = -1) -> int:
    """Sum up at most so many sessions whose sums do not hold any more; only within `writing`.

    Returns how many it were.
    """
    return connection.execute(_SUM_UP, (most,)).rowcount
