"""How records get into the tables: the halves of an event are merged by the upsert itself.

The rule: what is put again changes nothing, not even the search index; so the order of records,
their repetition and their division over calls never show.
"""

import json
import sqlite3
from collections.abc import Iterable

from agentlog.store import schema
from agentlog.store.intake import Entry
from agentlog.store.merge import canonical

# Python is asked only where two different texts claim one half: that is rare, and slow.
_PUT = """
    INSERT INTO events (session, id, open, close, owner)
    VALUES (:session, :id, :open, :close, :owner)
    ON CONFLICT (session, id) DO UPDATE SET
        open = iif(open IS NULL OR open = excluded.open OR excluded.open IS NULL,
            coalesce(open, excluded.open), prevailing(open, excluded.open)),
        close = iif(close IS NULL OR close = excluded.close OR excluded.close IS NULL,
            coalesce(close, excluded.close), prevailing(close, excluded.close)),
        owner = coalesce(owner, excluded.owner)
    WHERE (excluded.open NOTNULL AND excluded.open IS NOT open)
       OR (excluded.close NOTNULL AND excluded.close IS NOT close)
       OR (excluded.owner NOTNULL AND owner IS NULL)
"""

_Row = dict[str, str | int | None]


def prepare(connection: sqlite3.Connection) -> None:
    """Teach a connection how two texts of one half are told apart."""
    connection.create_function("prevailing", 2, _prevailing, deterministic=True)


def put(
    connection: sqlite3.Connection,
    entries: Iterable[Entry],
    *,
    project: str = "",
    owner: str | None = None,
) -> None:
    """Merge entries into their events; only within `writing`."""
    rows = _rows(entries, owner)
    if not rows:
        return
    number = schema.project_number(connection, project)
    sessions = {session_id for session_id, _ in rows}
    numbers = {found: schema.session_number(connection, number, found) for found in sessions}
    for (session_id, _), row in rows.items():
        row["session"] = numbers[session_id]
    connection.executemany(_PUT, rows.values())
    schema.sum_up_again(connection)


def _rows(entries: Iterable[Entry], owner: str | None) -> dict[tuple[str, str], _Row]:
    """Join the halves that come together, so that most events are written once."""
    rows: dict[tuple[str, str], _Row] = {}
    for entry in entries:
        place = entry.session_id, entry.id
        row = rows.get(place)
        if row is None:
            row = rows[place] = {"id": entry.id, "open": None, "close": None, "owner": None}
            row[entry.half] = entry.text
        else:
            row[entry.half] = _prevailing(row[entry.half], entry.text)  # type: ignore[arg-type]
        if owner and entry.half == "open":
            row["owner"] = owner
    return rows


def _prevailing(one: str | None, other: str | None) -> str | None:
    """Choose the text of a half as merge.prevailing does; NULL is no half."""
    if one is None or other is None or one == other:
        return other if one is None else one
    return max(one, other, key=lambda text: (canonical(json.loads(text)), text))
