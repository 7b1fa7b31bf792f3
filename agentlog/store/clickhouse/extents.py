"""How much there is of a session, as the two sides of a move are compared.

The rule: no record is read for it, only what the engine took out of each as it was inserted.
"""

from collections.abc import Iterable
from typing import Final

from agentlog.store import Extent
from agentlog.store.clickhouse.events import in_parts
from agentlog.store.clickhouse.link import Link

# What stands in for the event of a session has neither half, and gives way to that.
_EXTENTS: Final = """
    SELECT session_id,
        count() - if(max(is_own), countIf(stands_in), 0),
        sum(has_begun + has_ended),
        sum(digest) - if(max(is_own), sumIf(digest, stands_in), 0),
        coalesce(max(came), max(last))
    FROM (
        SELECT session_id, id,
            max(isNotNull(started)) AS has_begun,
            max(half) AS has_ended,
            min(rank) = 0 AND has_begun AS is_own,
            min(rank) = 0 AND NOT has_begun AND NOT has_ended AS stands_in,
            CRC32(id) * (4 + 2 * has_begun + has_ended) AS digest,
            max(arrived) AS came,
            max(greatest(coalesce(started, ended), coalesce(ended, started))) AS last
        FROM records
        WHERE project = {project:String} AND session_id IN {ids:Array(String)}
        GROUP BY session_id, id
    ) GROUP BY session_id
"""


def of_sessions(link: Link, project: str, session_ids: Iterable[str]) -> dict[str, Extent]:
    """Return by its id how much there is of those of these sessions that a project has."""
    return {
        session_id: Extent(*extent)
        for some in in_parts(list(session_ids))
        for session_id, *extent in link.rows(_EXTENTS, project=project, ids=list(some))
    }
