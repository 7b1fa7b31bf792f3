"""Forgetting: sessions that said nothing for a time go.

The rules: what came to a collector counts from then, whatever time its events mention: elsewhere a
clock may be wrong. Who goes is written down first, in `gone`, from which other collectors learn of
it; so a deletion that was broken off is done again by whoever prunes next. What comes of a session
after that is there again, alone.
"""

import secrets
from typing import Final

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
    SELECT count(), toUnixTimestamp64Micro(max(stored)) FROM gone WHERE deletion = {deletion:String}
"""


def prune(link: Link, before: float, *, wait: bool = True) -> int:
    """Delete the sessions of every project that said nothing since `before`; count them.

    They are in no list then. Without `wait` their records go by and by: the server goes on with
    that, whoever dies.
    """
    ((some,),) = link.rows(f"SELECT count() {_SILENT}", before=before)
    if not some:
        return 0
    deletion = secrets.token_hex(8)
    link.do(_NOTE, before=before, deletion=deletion)
    ((count, at),) = link.rows(_NOTED, deletion=deletion)
    cluster = link.cluster() or None
    for table, is_waited_for in (("records", wait), ("sessions", True)):
        link.do(
            deletion_of(table, cluster),
            settings={"lightweight_deletes_sync": 2 if is_waited_for else 0},
            deletion=deletion,
            at=at,
        )
    return int(count)


def deletion_of(table: str, cluster: str | None) -> str:
    """Return what deletes from a table what a deletion has written down."""
    return f"""
        DELETE FROM {local(table, cluster)}{on_cluster(cluster)}
        WHERE stored <= fromUnixTimestamp64Micro({{at:Int64}}) AND (project, session_id) IN
            (SELECT project, session_id FROM {local("gone", cluster)}
            WHERE deletion = {{deletion:String}})
    """  # noqa: S608 - made of constants
