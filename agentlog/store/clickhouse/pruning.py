"""Forgetting: sessions that said nothing for a time go.

The rules: what came to a collector counts from then, whatever time its events mention: elsewhere a
clock may be wrong. Who goes is written down first, in `gone`, from which other collectors learn of
it, and until which moment: what is stored later is deleted by nobody. For some minutes a session
that is noted is left to whoever has noted it; a deletion that was broken off is done again by who
prunes after that, or at once by a command.

A deletion names the sessions themselves: each replica does it by itself, and might not have heard
yet of a row in `gone`. While one is away each statement waits for it, five seconds of a command's
and one of a collector's, which stores nothing meanwhile; it deletes when it is back.

What comes of a session meanwhile may have become one row with what `sessions` had of it, and would
be listed with an event and a start that are gone; so who is there still is summed up anew. Each
table is replicated by itself: where a replica lists what it has no records of yet, that stays
listed as it is, since nothing else would list it again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from agentlog.store.clickhouse.link import LONG, Link, Row
from agentlog.store.clickhouse.schema import PATIENCE, local, on_cluster, sums
from agentlog.store.retention import Before

AT_ONCE: Final = 500
"""Sessions in a statement. It is small so that few wait for it, and as a server takes no more than
128 KiB of a value."""

MOST: Final = 10_000
"""Sessions that are noted in one go."""

OTHERS: Final = 300
"""Seconds for which a session is left to another collector that has noted it."""

_NOW: Final = "SELECT toUnixTimestamp64Micro(now64(6))"
_SILENT: Final = """
    SELECT project, session_id, toUnixTimestamp64Micro(until) FROM (
        SELECT project, session_id, max(stored) AS until,
            coalesce(max(arrived), max(last), 0) AS spoke
        FROM sessions WHERE isFinite({others:Float64}) OR project IN {own:Array(String)}
        GROUP BY project, session_id
    ) WHERE spoke < transform(
        project, {own:Array(String)}, {moments:Array(Float64)}, {others:Float64}
    ) AND (project, session_id, until) NOT IN (
        SELECT project, session_id, until FROM gone
        WHERE stored > fromUnixTimestamp64Micro({since:Int64})
    ) ORDER BY project LIMIT {most:UInt64}
"""
_THESE: Final = "project = {project:String} AND session_id IN {ids:Array(String)}"
_UNTIL: Final = (
    "fromUnixTimestamp64Micro(transform(session_id, {ids:Array(String)}, {until:Array(Int64)}, 0))"
)
_STILL: Final = f"""
    SELECT session_id, toUnixTimestamp64Micro(max(stored)) FROM sessions
    WHERE {_THESE} GROUP BY session_id
"""  # noqa: S608 - made of constants, as all here
_SINCE: Final = f"(SELECT * FROM records WHERE {_THESE} AND stored > {_UNTIL})"  # noqa: S608

# It is a moment younger than what it stands for, which then can go.
_SUMS: Final = f"""
    SELECT * REPLACE (toUnixTimestamp64Micro(stored) + 1 AS stored) FROM ({sums(_SINCE)})
"""  # noqa: S608
_SUMMED: Final = {
    "project": "String",
    "session_id": "String",
    "root": "Tuple(UInt8, Float64, String)",
    "first": "Nullable(Float64)",
    "last": "Nullable(Float64)",
    "said": "Array(String)",
    "arrived": "Nullable(Float64)",
    "stored": "DateTime64(6)",
}
"""The columns of `sessions`, in the order in which they are summed up."""

_SESSION, _STORED = 1, -1
"""Where they stand in such a row."""

_NOTED: Final = {"project": "String", "session_id": "String", "until": "DateTime64(6)"}

# Who deletes relies on what was inserted before.
_IS_THERE: Final = {"async_insert": 0}

# A collector that deletes takes in no batch.
_IN_HASTE: Final = {**PATIENCE, "distributed_ddl_task_timeout": 1}


def prune(
    link: Link, before: Before, *, wait: bool = True, between: Callable[[], None] = lambda: None
) -> int:
    """Delete the sessions that said nothing since `before`; count them.

    They are in no list then. Without `wait` their records go by and by: the server goes on with
    that, whoever dies; and what others have noted of late is theirs. `between` is called between
    two steps.
    """
    (now,) = link.row(_NOW)
    since = now if wait else now - OTHERS * 1_000_000
    cluster, count = link.cluster() or None, 0
    while noted := _note(link, before, since):
        for project, until in _in_parts(noted):
            _delete(link, project, until, cluster, wait=wait)
            between()
        count += len(noted)
    return count


def _note(link: Link, before: Before, since: int) -> list[Row]:
    """Note some that are silent, unless that was done since then; return them, by project."""
    silent = link.rows(
        _SILENT,
        LONG,
        others=before.others,
        own=[*before.own],
        moments=[*before.own.values()],
        since=since,
        most=MOST,
    )
    _insert(link, "gone", _NOTED, silent)
    return silent


def _in_parts(noted: Sequence[Row]) -> Iterator[tuple[str, Mapping[str, int]]]:
    """Yield them in parts of one project that fit into a statement, by the ids of sessions."""
    for project, rows in groupby(noted, itemgetter(0)):
        some = [(session_id, until) for _, session_id, until in rows]
        for place in range(0, len(some), AT_ONCE):
            yield project, dict(some[place : place + AT_ONCE])


def _delete(
    link: Link, project: str, until: Mapping[str, int], cluster: str | None, *, wait: bool
) -> None:
    patience = PATIENCE if wait else _IN_HASTE
    at_once = {**patience, "lightweight_deletes_sync": 1}
    by_and_by = {**patience, "lightweight_deletes_sync": int(wait)}
    _forget(link, "records", project, until, cluster, by_and_by)
    _forget(link, "sessions", project, until, cluster, at_once)
    if summed := _sum_up(link, project, until):
        _forget(link, "sessions", project, summed, cluster, at_once)


def _sum_up(link: Link, project: str, until: Mapping[str, int]) -> Mapping[str, int]:
    """Sum up what is listed still, if its records are seen; return for what that stands."""
    still: dict[str, int] = dict(link.rows(_STILL, project=project, ids=[*until]))
    if not still:
        return still
    since = [until[session_id] for session_id in still]
    sums = link.rows(_SUMS, project=project, ids=[*still], until=since)
    seen = [row for row in sums if row[_STORED] > still[row[_SESSION]]]
    _insert(link, "sessions", _SUMMED, seen)
    return {row[_SESSION]: still[row[_SESSION]] for row in seen}


def _insert(link: Link, table: str, kinds: Mapping[str, str], rows: Sequence[Row]) -> None:
    """Insert rows, whose columns have these types."""
    if rows:
        values = map(list, zip(*rows, strict=True))
        columns = zip(kinds.values(), values, strict=True)
        link.insert(table, dict(zip(kinds, columns, strict=True)), _IS_THERE)


def _forget(
    link: Link,
    table: str,
    project: str,
    until: Mapping[str, int],
    cluster: str | None,
    settings: Mapping[str, object],
) -> None:
    """Delete what a table has of sessions, of each what was stored until a moment."""
    asked = {"project": project, "ids": [*until], "until": [*until.values()]}
    link.do(deletion_of(table, cluster), settings=settings, **asked)


def deletion_of(table: str, cluster: str | None) -> str:
    """Return what deletes sessions from a table, of each what was there at a moment."""
    where = f"{local(table, cluster)}{on_cluster(cluster)}"
    return f"DELETE FROM {where} WHERE {_THESE} AND stored <= {_UNTIL}"  # noqa: S608
