"""How records get into the tables: the halves of an event are merged by the upsert itself.

The rule: what is put again changes nothing, not even the search index; so the order of records,
their repetition and their division over calls never show.
"""

import json
import sqlite3
from collections.abc import Iterable

from agentlog.store import rows, schema
from agentlog.store.intake import Entry
from agentlog.store.merge import Address, canonical

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
    opened, closed = _halves(entries)
    places = opened | closed
    if not places:
        return
    number = schema.project_number(connection, project)
    numbers = {
        session_id: schema.session_number(connection, number, session_id)
        for session_id in {session_id for session_id, _ in places}
    }
    values = [
        (
            numbers[place[0]],
            place[1],
            opened.get(place),
            closed.get(place),
            owner if place in opened else None,
        )
        for place in places
    ]
    rows.insert(connection, _INTO, values, _MERGED)
    schema.sum_up_again(connection)


def _halves(entries: Iterable[Entry]) -> tuple[dict[Address, str], dict[Address, str]]:
    """Sort texts by their halves, so that an event of which both come together is written once."""
    opened: dict[Address, str] = {}
    closed: dict[Address, str] = {}
    for entry in entries:
        claimed = opened if entry.half == "open" else closed
        place = entry.session_id, entry.id
        held = claimed.setdefault(place, entry.text)
        if held is not entry.text:
            claimed[place] = _prevailing(held, entry.text)
    return opened, closed


def _prevailing(one: str, other: str) -> str:
    """Choose the text of a half as merge.prevailing does."""
    if one == other:
        return one
    return max(one, other, key=lambda text: (canonical(json.loads(text)), text))
