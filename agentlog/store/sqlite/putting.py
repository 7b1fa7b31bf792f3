"""How records get into the tables: the halves of an event are merged by the upsert itself.

The rule: what is put again changes nothing, not even the search index; so the order of records,
their repetition and their division over calls never show.
"""

import json
import sqlite3
from collections.abc import Iterable

from agentlog.store.intake import Entry
from agentlog.store.merge import Address, claim
from agentlog.store.sqlite import rows, schema

# Python is asked only where two different texts claim one half: that is rare, and slow.
_INTO = "INSERT INTO events (session, id, open, close, owner)"
_MERGED = """
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

# What is moved here from another store was heard of earlier than what has come meanwhile.
_HEARD = "UPDATE sessions SET arrived = max(coalesce(arrived, 0), ?) WHERE number = ?"


def prepare(connection: sqlite3.Connection) -> None:
    """Teach a connection how two texts of one half are told apart."""
    connection.create_function("prevailing", 2, _prevailing, deterministic=True)


def put(
    connection: sqlite3.Connection,
    entries: Iterable[Entry],
    *,
    project: str = "",
    owner: str | None = None,
    arrived: float | None = None,
) -> None:
    """Merge entries into their events; only within `writing`, and behind it sums may be stale.

    `arrived` is when they came from elsewhere, whose clock may be wrong.
    """
    halves = _halves(entries)
    if not halves:
        return
    number = schema.project_number(connection, project)
    numbers = {
        session_id: schema.session_number(connection, number, session_id)
        for session_id in dict.fromkeys(session_id for session_id, _ in halves)
    }
    values = [
        (numbers[session_id], event_id, opened, closed, owner if opened else None)
        for (session_id, event_id), (opened, closed) in halves.items()
    ]
    before = connection.total_changes
    rows.insert(connection, _INTO, values, _MERGED)
    for session in numbers.values():
        schema.give_way(connection, session)
    if arrived is not None and connection.total_changes > before:
        noted = [(arrived, number) for number in numbers.values()]
        connection.executemany(_HEARD, noted)


def _halves(entries: Iterable[Entry]) -> dict[Address, list[str | None]]:
    """Join the halves that come together, so that their event is written once."""
    halves: dict[Address, list[str | None]] = {}
    for session_id, event_id, half, text in entries:
        pair = halves.setdefault((session_id, event_id), [None, None])
        place = 0 if half == "open" else 1
        held = pair[place]
        pair[place] = text if held is None else _prevailing(held, text)
    return halves


def _prevailing(one: str, other: str) -> str:
    """Choose the text of a half as merge.prevailing does."""
    if one == other:
        return one
    return max(one, other, key=lambda text: (claim(json.loads(text)), text))
