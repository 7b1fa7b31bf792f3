"""How records get into the tables. The rule: an insert never reads."""

import json
from collections.abc import Sequence
from typing import Final

from agentlog.store.clickhouse.link import Link
from agentlog.store.engine import Portion
from agentlog.store.intake import Entry, written

FEW: Final = 500
"""Records, fewer of which wait a moment on the server for those of others: so that many collectors
with little to do make few parts. A full batch of the shipper goes in at once."""

# What is searched is indexed as parts are merged, and not before: that takes half of the time.
_ALWAYS: Final = {"materialize_skip_indexes_on_insert": 0}
_TOGETHER: Final = {**_ALWAYS, "async_insert": 1, "wait_for_async_insert": 1}
_AT_ONCE: Final = {**_ALWAYS, "async_insert": 0}


def insert(link: Link, portions: Sequence[Portion], arrived: float | None = None) -> None:
    """Insert entries of projects, in one step; they are on disk when this returns.

    `arrived` is when they came from elsewhere, whose clock may be wrong.
    """
    entries = [(project, entry) for project, some in portions for entry in some]
    if not entries:
        return
    link.insert(
        "records",
        {
            "project": ("String", [project for project, _ in entries]),
            "session_id": ("String", [entry.session_id for _, entry in entries]),
            "id": ("String", [entry.id for _, entry in entries]),
            "record": ("String", [_searchable(entry) for _, entry in entries]),
            "arrived": ("Nullable(Float64)", [arrived] * len(entries)),
        },
        _TOGETHER if len(entries) < FEW else _AT_ONCE,
    )


def _searchable(entry: Entry) -> str:
    """Return the text of a record, with its letters as letters: the engine finds no escapes."""
    return written(json.loads(entry.text)) if "\\u" in entry.text else entry.text
