"""Forgetting: sessions that said nothing for a time go.

The rules: what came to a collector counts from then, whatever time its events mention: elsewhere a
clock may be wrong. Who goes is written down first, in `gone`, from which other collectors learn of
it; so a deletion that was broken off is done again by whoever prunes next. What comes of a session
after that is there again, alone.

A deletion names the sessions themselves: each replica does it by itself, and might not have heard
yet of a row in `gone`. Nobody waits for a replica that is away; it deletes when it is back.
"""

import secrets
from typing import Final

from agentlog.store.clickhouse.events import in_parts
from agentlog.store.clickhouse.link import Link
from agentlog.store.clickhouse.schema import local, on_cluster

_SILENT: Final = """
    FROM (
        SELECT project, session_id, coalesce(max(arrived), max(last), 0) AS spoke
        FROM sessions GROUP BY project, session_id
    ) WHERE spoke < {before:Float64}
"""
_NOTE: Final = f"""
    INSERT INTO gone (project, session_id, deletion)
    SELECT project, session_id, {{deletion:String}} {_SILENT}
"""
_NOTED: Final = """
    SELECT project, session_id, toUnixTimestamp64Micro(stored) FROM gone
    WHERE deletion = {deletion:String}
"""
_PATIENCE: Final = {
    "distributed_ddl_task_timeout": 5,
    "distributed_ddl_output_mode": "null_status_on_timeout",
}


def prune(link: Link, before: float, *, wait: bool = True) -> int:
    """Delete the sessions of every project that said nothing since `before`; count them.

    They are in no list then. Without `wait` their records go by and by: the server goes on with
    that, whoever dies.
    """
    ((silent,),) = link.rows(f"SELECT count() {_SILENT}", before=before)
    if not silent:
        return 0
    deletion = secrets.token_hex(8)
    link.do(_NOTE, before=before, deletion=deletion)
    noted = link.rows(_NOTED, deletion=deletion)
    cluster = link.cluster() or None
    for some in in_parts(noted):
        asked = {"of": [(project, id_) for project, id_, _ in some], "at": noted[0][2]}
        for table, is_waited_for in (("records", wait), ("sessions", True)):
            settings = {**_PATIENCE, "lightweight_deletes_sync": int(is_waited_for)}
            link.do(deletion_of(table, cluster), settings=settings, **asked)
    return len(noted)


def deletion_of(table: str, cluster: str | None) -> str:
    """Return what deletes sessions from a table, as far as they were there at a moment."""
    return f"""
        DELETE FROM {local(table, cluster)}{on_cluster(cluster)}
        WHERE stored <= fromUnixTimestamp64Micro({{at:Int64}})
        AND (project, session_id) IN {{of:Array(Tuple(String, String))}}
    """  # noqa: S608 - made of constants
