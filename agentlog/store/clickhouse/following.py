"""What is new in one session since it was asked last. What has not changed is not read."""

from collections.abc import Iterator
from typing import Final

from agentlog.store.clickhouse import events
from agentlog.store.clickhouse.link import Link
from agentlog.store.merge import Event

# It is the sum of what is there that tells whether there is more: the same record, stored again,
# has the same digest.
_DIGESTS: Final = """
    SELECT id, groupBitXor(digest) FROM
        (SELECT DISTINCT id, digest FROM records
        WHERE project = {project:String} AND session_id = {session:String})
    GROUP BY id
"""


class Tail:
    """Yields, each time it is called, the events of a session that are new or have changed."""

    def __init__(self, link: Link, project: str, session_id: str) -> None:
        self._link = link
        self._project, self._session_id = project, session_id
        self._told: dict[str, int] = {}

    def __call__(self) -> Iterator[Event]:
        """Yield what is new since the last time; all, if this is the first."""
        asked = {"project": self._project, "session": self._session_id}
        there: dict[str, int] = dict(self._link.rows(_DIGESTS, **asked))
        new = [id_ for id_, digest in there.items() if self._told.get(id_) != digest]
        self._told = there
        if new:
            for part in events.of_session(self._link, self._project, self._session_id, new):
                yield from part
