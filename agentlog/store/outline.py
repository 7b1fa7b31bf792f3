"""A session in outline: a row for each of its events, with everything but the payloads.

It is what a page draws a whole run of. The rule: rows are made of the columns of the table, in the
order of the tree, and a half is looked into only for what has no column: the level and the logger
of a log line, and the error of what did not succeed. SQLite writes them as JSON, which takes half
of the time that Python would. So an outline is made as fast as it is read, however large the
payloads are.
"""

import json
import sqlite3
from collections.abc import Generator, Iterable
from typing import Final

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
SHORT = 200_000
"""Rows that SQLite joins itself: between two, others may take the interpreter's lock (rows.py)."""


def _moment(name: str) -> str:
    # The seventh place is finer than a double of our time; json_array writes 15 digits only.
    far = f"WHEN abs({name}) > {_FAR} THEN '{_FAR}'"
    return f"CASE WHEN {name} IS NULL THEN 'null' {far} ELSE printf('%!.7f', {name}) END"


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
_TEXTS = "(SELECT json_group_array(value) FROM json_each(tags) WHERE type = 'text')"
_COLUMNS = {
    "result": f"iif({_CUT}, 'Indeterminate', result)",
    "reason": case(f"iif({_CUT}, interrupted, 0)", REASONS, "reason"),
    "tags": f"CASE WHEN tags NOTNULL THEN json({_TEXTS}) END",
    "level": _of_a_log_line("level"),
    "logger": _of_a_log_line("logger"),
    "error": f"""CASE WHEN result IS NOT 'Success' AND json_type({_half("error")}, '$.error')
        NOTNULL THEN first_line(json_array({_PARTS})) END""",
}


def _array(*names: str) -> str:
    return f"json_array({', '.join(_COLUMNS.get(name, name) for name in names)})"


_START, _END = map(FIELDS.index, ("timestamp", "end_timestamp"))
_ROW = (
    f"rtrim({_array(*FIELDS[:_START])}, ']') || ',' || {_moment('timestamp')} || ','"
    f" || {_moment('end_timestamp')} || ',' || ltrim({_array(*FIELDS[_END + 1 :])}, '[')"
)
_SESSION = """
    FROM sessions WHERE session_id = :session_id
    AND project = (SELECT number FROM projects WHERE name = :project)
"""
_COUNT = f"SELECT coalesce(max(events), 0) {_SESSION}"
_SELECT = f"SELECT {_ROW} AS line FROM events WHERE session = (SELECT number {_SESSION})"  # noqa: S608 - made of constants
_SOME = "AND events.number IN (SELECT value FROM json_each(:numbers))"
_ORDER = "ORDER BY timestamp, id"


def prepare(connection: sqlite3.Connection) -> None:
    """Teach a connection what an outline asks for."""
    connection.create_function("first_line", 1, _first_line, deterministic=True)


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
    wanted = f"{_SELECT} {_ORDER}"
    if numbers is not None:
        values["numbers"] = str(list(numbers))
        wanted = f"{_SELECT} {_SOME} {_ORDER}"
    (count,) = connection.execute(_COUNT, values).fetchone()
    if count <= SHORT:
        wanted = f"SELECT group_concat(line) FROM ({wanted})"  # noqa: S608
    for part in rows.parts(connection.execute(wanted, values), _IN_A_PART):
        lines = ",".join(line for (line,) in part if line)
        if lines:
            yield lines


def _first_line(parts: str) -> str | None:
    """Return what a traceback would end with, of the texts that an error has."""
    text = ": ".join(filter(None, json.loads(parts)))
    lines = text[:_LONGEST_LINE].strip().splitlines()
    return lines[0].rstrip()[:LONGEST] if lines else None
