"""A session in outline: a row for each of its events, with everything but the payloads.

It is what a page draws a whole run of. The rule: rows are made of the columns of the table, in the
order of the tree, and a half is looked into only for what has no column: the level and the logger
of a log line, and the error of what did not succeed. So an outline is made as fast as it is read,
however large the payloads are.
"""

import json
import sqlite3
from collections.abc import Generator, Iterable
from typing import Any, Final

from agentlog.store import rows
from agentlog.store.listing import case
from agentlog.store.state import REASONS

FIELDS: Final = (
    "id",
    "parent_id",
    "event_type",
    "action_type",
    "timestamp",
    "end_timestamp",
    "result",
    "reason",
    "rating",
    "model",
    "tags",
    "prompt_tokens",
    "completion_tokens",
    "level",
    "logger",
    "error",
)
"""What the places of a row mean."""

LONGEST: Final = 300
"""Characters of an error."""

_FAR: Final = "1e15"
"""Seconds: a moment beyond is damage; JSON has no infinity."""

_LONGEST_LINE = 4096
_IN_A_PART = 1000


def _moment(name: str) -> str:
    return f"CASE WHEN abs({name}) > {_FAR} THEN {_FAR} ELSE {name} END"


def _half(name: str) -> str:
    """Say which half has a field: the close half if it does, else the open one."""
    return f"iif(json_type(close, '$.{name}') IS NULL, open, close)"


def _text(half: str, path: str) -> str:
    value = f"substr(json_extract({half}, '$.{path}'), 1, {_LONGEST_LINE})"
    return f"iif(json_type({half}, '$.{path}') = 'text', {value}, NULL)"


def _of_a_log_line(name: str) -> str:
    return f"CASE WHEN action_type = 'log' THEN {_text(_half(name), name)} END"


_PARTS = ", ".join(_text(_half("error"), path) for path in ("error", "error.type", "error.message"))
_CUT = "(close IS NULL AND interrupted)"
_COLUMNS = {
    "timestamp": _moment("timestamp"),
    "end_timestamp": _moment("end_timestamp"),
    "result": f"iif({_CUT}, 'Indeterminate', result)",
    "reason": case(f"iif({_CUT}, interrupted, 0)", REASONS, "reason"),
    "level": _of_a_log_line("level"),
    "logger": _of_a_log_line("logger"),
    "error": "CASE WHEN result IS NOT 'Success'"
    f" AND json_type({_half('error')}, '$.error') NOTNULL THEN json_array({_PARTS}) END",
}
_SELECT = f"""
    SELECT {", ".join(_COLUMNS.get(name, name) for name in FIELDS)} FROM events
    WHERE session = (SELECT number FROM sessions WHERE session_id = :session_id
        AND project = (SELECT number FROM projects WHERE name = :project))
"""  # noqa: S608 - made of constants
_SOME = "AND events.number IN (SELECT value FROM json_each(:numbers))"
_ORDER = "ORDER BY timestamp, id"

_TAGS, _ERROR = map(FIELDS.index, ("tags", "error"))


def outline(
    connection: sqlite3.Connection,
    project: str,
    session_id: str,
    numbers: Iterable[int] | None = None,
) -> Generator[str]:
    """Yield the rows of a session by their start, in parts: JSON texts, without the brackets.

    Args:
        connection: A store's.
        project: The name of the session's project.
        session_id: The session.
        numbers: Those of the events that are wanted; None for all.

    """
    values = {"project": project, "session_id": session_id}
    if numbers is None:
        found = connection.execute(f"{_SELECT} {_ORDER}", values)
    else:
        some = {**values, "numbers": str(list(numbers))}
        found = connection.execute(f"{_SELECT} {_SOME} {_ORDER}", some)
    for part in rows.parts(found, _IN_A_PART):
        yield json.dumps([_row(row) for row in part], separators=(",", ":"))[1:-1]


def _row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row as it is told; most rows of a run are so already."""
    tags, error = row[_TAGS], row[_ERROR]
    if tags is None and error is None:
        return row
    told = list(row)
    if tags is not None:
        told[_TAGS] = [tag for tag in json.loads(tags) if isinstance(tag, str)]
    if error is not None:
        told[_ERROR] = _first_line(": ".join(filter(None, json.loads(error))))
    return tuple(told)


def _first_line(text: str) -> str | None:
    lines = text[:_LONGEST_LINE].strip().splitlines()
    return lines[0].rstrip()[:LONGEST] if lines else None
