"""Events as they are read: the records of each, merged, or its text for who hands it on.

The rules: a question names the project, and asks for sessions before ids: so the engine looks where
they lie and nowhere else. What may be much comes in blocks, of which one at a time is in memory.
"""

import json
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from agentlog.store.clickhouse.fields import by_start, event_of, events_of
from agentlog.store.clickhouse.link import Link, Row
from agentlog.store.merge import Address, Event
from agentlog.store.values import parts

_T = TypeVar("_T")

_ROOM: Final = 120_000
"""Bytes of a list in a question; a server takes 131,072 of a value, as they are in an address."""

IN_BLOCKS: Final = "SETTINGS max_block_size = 16"
"""Events that come back together: a large one is a MiB. More of them are hardly faster."""

# What somebody has made of a session whose own event had not come gives way to that.
IS_OWN: Final = "min(rank) = 0 AND max(started) IS NOT NULL"
STANDS_IN: Final = "min(rank) = 0 AND max(started) IS NULL AND max(half) = 0"
KINDS: Final = f"{IS_OWN} AS is_own, {STANDS_IN} AS stands_in"
"""What is to be known of an event before it is counted."""

COUNT: Final = "count() - if(max(is_own), countIf(stands_in), 0)"
"""How many events a session has."""

_OF_SESSION: Final = "project = {project:String} AND session_id = {session:String}"


def _events(some: str = "", these: str = "") -> str:
    # Of the halves of an event the close half is the last, and what it says of the start counts.
    return f"""
        SELECT halves FROM (
            SELECT id, groupUniqArray(record) AS halves, argMax(started, half) AS start,
                {STANDS_IN} AS stands_in, max({IS_OWN}) OVER () AS has_own
            FROM records WHERE {_OF_SESSION} {some} GROUP BY id
        ) WHERE NOT (stands_in AND has_own) {these}
        ORDER BY start ASC NULLS FIRST, id {IN_BLOCKS}
    """  # noqa: S608 - made of constants, as all here


_ALL: Final = _events()
_IDS: Final = "id IN {ids:Array(String)}"
_THESE: Final = _events(f"AND ({_IDS} OR rank = 0)", f"AND {_IDS}")
_COUNT: Final = f"""
    SELECT {COUNT} FROM (SELECT {KINDS} FROM records WHERE {_OF_SESSION} GROUP BY id)
"""  # noqa: S608
_AT: Final = f"""
    SELECT session_id, id, groupUniqArray(record) FROM records
    WHERE project = {{project:String}} AND session_id IN {{sessions:Array(String)}}
    AND id IN {{ids:Array(String)}} GROUP BY session_id, id {IN_BLOCKS}
"""  # noqa: S608


def of_session(
    link: Link, project: str, session_id: str, ids: Iterable[str] | None = None
) -> Iterator[list[Event]]:
    """Yield all events of a session, or those of some ids, merged, by start, in parts."""
    wanted = None if ids is None else set(ids)
    with _halves(link, project, session_id, wanted) as blocks:
        for block in blocks:
            found = events_of(text for (halves,) in block for text in halves)
            if wanted is not None:
                found = [event for event in found if event["id"] in wanted]
            yield sorted(found, key=by_start)


@contextmanager
def texts(link: Link, project: str, session_id: str, most: int) -> Iterator[Iterator[list[str]]]:
    """Have the JSON texts of the events of a session, by start, in lists of at most so many."""
    with _halves(link, project, session_id) as blocks:
        found = ((text_of(halves),) for block in blocks for (halves,) in block)
        yield ([text for (text,) in part] for part in parts(found, most))


def at(
    link: Link, project: str, addresses: Iterable[Address]
) -> Generator[tuple[Address, Sequence[str]]]:
    """Yield the records of the events at some addresses, in no order."""
    for some in in_parts(addresses, text="".join):
        wanted = set(some)
        sessions, ids = {of for of, _ in wanted}, {id_ for _, id_ in wanted}
        asked = {"project": project, "sessions": list(sessions), "ids": list(ids)}
        with link.blocks(_AT, **asked) as blocks:
            for block in blocks:
                for session_id, id_, halves in block:
                    if (session_id, id_) in wanted:
                        yield (session_id, id_), halves


def text_of(halves: Sequence[str]) -> str:
    """Return the JSON text of an event; one that came in one record is not parsed."""
    if len(halves) == 1:
        return halves[0]
    return json.dumps(event_of(halves), ensure_ascii=False, separators=(",", ":"))


def count(link: Link, project: str, session_id: str) -> int:
    """Return how many events a session has."""
    (found,) = link.row(_COUNT, project=project, session=session_id)
    return int(found)


def in_parts(
    whole: Iterable[_T], *, most: int = 2_000, text: Callable[[_T], str] = str
) -> Iterator[list[_T]]:
    """Yield what is asked for in parts that fit into a question; `text` is what goes there."""
    part: list[_T] = []
    room = _ROOM
    for one in whole:
        needed = _length(text(one))
        if part and (len(part) >= most or needed > room):
            yield part
            part, room = [], _ROOM
        part.append(one)
        room -= needed
    if part:
        yield part


def _length(text: str) -> int:
    """Return how many bytes a text takes in a list in an address, at most."""
    is_plain = text.isascii() and text.isalnum()
    return 9 + (len(text) if is_plain else 6 * len(text.encode(errors="replace")))


@contextmanager
def _halves(
    link: Link, project: str, session_id: str, ids: Collection[str] | None = None
) -> Iterator[Iterator[Sequence[Row]]]:
    """Have the records of each event of a session, by start, or of those of some ids at least."""
    asked: dict[str, object] = {"project": project, "session": session_id}
    some = [] if ids is None else list(in_parts(ids))
    # More than fit are found in the session as a whole: so they come in their order, too.
    is_all = ids is None or len(some) > 1
    if not is_all:
        asked["ids"] = some[0] if some else []
    with link.blocks(_ALL if is_all else _THESE, **asked) as blocks:
        yield blocks
