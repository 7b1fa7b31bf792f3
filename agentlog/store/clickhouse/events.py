"""Events as they are read: the records of each, merged, or its text for who hands it on.

The rule: a question names the project, and asks for sessions before ids: so the engine looks where
they lie and nowhere else.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from agentlog.store import rows
from agentlog.store.clickhouse.fields import by_start, events_of, without_stand_ins
from agentlog.store.clickhouse.link import Link
from agentlog.store.merge import Address, Event

AT_ONCE: Final = 2000
"""Ids in a question."""

_T = TypeVar("_T")

_OF_SESSION: Final = """
    SELECT record FROM records WHERE project = {project:String} AND session_id = {session:String}
"""
_OF_EVENTS: Final = f"{_OF_SESSION} AND id IN {{ids:Array(String)}}"
_AT: Final = """
    SELECT session_id, id, record FROM records WHERE project = {project:String}
    AND session_id IN {sessions:Array(String)} AND id IN {ids:Array(String)}
"""
# What somebody has made of a session whose own event had not come: it gives way to that.
_STANDS_IN: Final = "min(rank) = 0 AND isNull(max(started)) AND max(half) = 0"
_GIVES_WAY: Final = f"""
    {_STANDS_IN} AND (SELECT count() > 0 FROM records WHERE rank = 0 AND isNotNull(started)
        AND project = {{project:String}} AND session_id = {{session:String}})
"""  # noqa: S608 - made of constants, as all here

# Of the halves of an event the close half is the last, and what it says of the start counts.
_TEXTS: Final = f"""
    SELECT groupUniqArray(record) FROM records
    WHERE project = {{project:String}} AND session_id = {{session:String}}
    GROUP BY id HAVING NOT ({_GIVES_WAY}) ORDER BY argMax(started, half) ASC NULLS FIRST, id
"""  # noqa: S608
_COUNT: Final = f"""
    SELECT count() FROM (SELECT id FROM records
        WHERE project = {{project:String}} AND session_id = {{session:String}}
        GROUP BY id HAVING NOT ({_GIVES_WAY}))
"""  # noqa: S608


def of_session(
    link: Link, project: str, session_id: str, ids: Iterable[str] | None = None
) -> list[Event]:
    """Return all events of a session, or those of some ids, merged, by start."""
    if ids is None:
        found = link.rows(_OF_SESSION, project=project, session=session_id)
    else:
        found = [
            row
            for some in in_parts(list(ids))
            for row in link.rows(_OF_EVENTS, project=project, session=session_id, ids=some)
        ]
    return sorted(without_stand_ins(events_of(text for (text,) in found)), key=by_start)


def at(link: Link, project: str, addresses: Iterable[Address]) -> dict[Address, Event]:
    """Return the events that are at some addresses, whatever their sessions."""
    texts: dict[Address, list[str]] = defaultdict(list)
    for some in in_parts(list(addresses)):
        wanted = set(some)
        sessions, ids = {of for of, _ in wanted}, {id_ for _, id_ in wanted}
        rows = link.rows(_AT, project=project, sessions=list(sessions), ids=list(ids))
        for session_id, id_, text in rows:
            if (session_id, id_) in wanted:
                texts[session_id, id_].append(text)
    return {address: events_of(some)[0] for address, some in texts.items()}


@contextmanager
def texts(link: Link, project: str, session_id: str, most: int) -> Iterator[Iterator[list[str]]]:
    """Have the JSON texts of the events of a session, by start, in lists of at most so many."""
    with link.blocks(_TEXTS, project=project, session=session_id) as blocks:
        found = ((text_of(halves),) for block in blocks for (halves,) in block)
        yield ([text for (text,) in part] for part in rows.parts(found, most))


def text_of(halves: Sequence[str]) -> str:
    """Return the JSON text of an event; one that came in one record is not parsed."""
    if len(halves) == 1:
        return halves[0]
    return json.dumps(events_of(halves)[0], ensure_ascii=False, separators=(",", ":"))


def count(link: Link, project: str, session_id: str) -> int:
    """Return how many events a session has."""
    ((found,),) = link.rows(_COUNT, project=project, session=session_id)
    return int(found)


def in_parts(whole: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield what is asked for in parts that fit into a question."""
    return (whole[place : place + AT_ONCE] for place in range(0, len(whole), AT_ONCE))
