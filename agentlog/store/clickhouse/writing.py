"""How records get into the tables. The rule: an insert never reads."""

import json
from collections.abc import Sequence
from typing import Final

from agentlog.store.clickhouse.link import Link
from agentlog.store.engine import Portion
from agentlog.store.intake import Entry, written

FEW: Final = 500
"""Records, fewer of which wait on the server for those of others, for 0.2 seconds at most: so that
many collectors with little to do make few parts. As measured, an insert of 1,000 takes as long as
one of a single record, some 30 ms, and of 2,000 twice as long. But 500 are a full batch of the
shipper, and who has a backlog sends one behind the other: it goes in at once."""

# What is searched is indexed as parts are merged, and not before: that takes half of the time.
_ALWAYS: Final = {"materialize_skip_indexes_on_insert": 0}
_TOGETHER: Final = {**_ALWAYS, "async_insert": 1, "wait_for_async_insert": 1}
_AT_ONCE: Final = {**_ALWAYS, "async_insert": 0}

# No row of records, which is refused where none is taken; and one that is there already, which is
# written where there is room.
_TRIES: Final = (
    "INSERT INTO records (project, session_id, id, record) SELECT '', '', '', '' WHERE 0",
    "INSERT INTO migrations SELECT * FROM migrations LIMIT 1",
)


def insert(link: Link, portions: Sequence[Portion]) -> None:
    """Insert entries of projects, in one step; they are on disk when this returns."""
    rows = [(one.project, one.arrived, entry) for one in portions for entry in one.entries]
    if not rows:
        return
    link.insert(
        "records",
        {
            "project": ("String", [project for project, _, _ in rows]),
            "session_id": ("String", [entry.session_id for _, _, entry in rows]),
            "id": ("String", [entry.id for _, _, entry in rows]),
            "record": ("String", [_searchable(entry) for _, _, entry in rows]),
            "arrived": ("Nullable(Float64)", [arrived for _, arrived, _ in rows]),
        },
        _TOGETHER if len(rows) < FEW else _AT_ONCE,
    )


def try_to(link: Link) -> None:
    """Write, and change nothing; raises `StoreError` if that cannot be done."""
    for statement in _TRIES:
        link.do(statement, settings=_AT_ONCE)


def _searchable(entry: Entry) -> str:
    """Return the text of a record, with its letters as letters: the engine finds no escapes."""
    return written(json.loads(entry.text)) if "\\u" in entry.text else entry.text
