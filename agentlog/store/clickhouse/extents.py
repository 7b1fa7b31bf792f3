"""How much there is of a session, as the two sides of a move are compared.

The rule: no record is read for it, only what the engine took out of each as it was inserted.
"""

from collections.abc import Iterable
from typing import Final

from agentlog.store import Extent
from agentlog.store.clickhouse.events import COUNT, KINDS, in_parts
from agentlog.store.clickhouse.link import Link

# What stands in for the event of a session has neither half, and gives way to that.
_EXTENTS: Final = f"""
    SELECT session_id,
        {COUNT},
        sum(has_begun + has_ended),
        sum(digest) - if(max(is_own), sumIf(digest, stands_in), 0),
        coalesce(max(came), max(last))
    FROM (
        SELECT session_id, id,
            max(isNotNull(started)) AS has_begun,
            max(half) AS has_ended,
            {KINDS},
            CRC32(id) * (4 + 2 * has_begun + has_ended) AS digest,
            max(arrived) AS came,
            max(greatest(coalesce(started, ended), coalesce(ended, started))) AS last
        FROM records
        WHERE project = {{project:String}} AND session_id IN {{ids:Array(String)}}
        GROUP BY session_id, id
    ) GROUP BY session_id
"""  # noqa: S608 - made of constants


def of_sessions(link: Link, project: str, session_ids: Iterable[str]) -> dict[str, Extent]:
    """Return by its id how much there is of those of these sessions that a project has."""
    return {
        session_id: Extent(*extent)
        for some in in_parts(session_ids)
        for session_id, *extent in link.rows(_EXTENTS, project=project, ids=some)
    }
