"""A session in outline: a row for each of its events, with everything but the payloads.

It is what a page draws a whole run of. The rule: rows are made of the columns of the table, in the
order of the tree, and a half is looked into only for what has no column (the level and the logger
of a log line, and the error of what did not succeed) and where a NUL would cut a text. SQLite
writes them as JSON, which takes half of the time that Python would. So an outline is made as fast
as it is read, however large the payloads are. What events with tokens cost is found first, all at
once.
"""

import json
import sqlite3
from collections.abc import Generator, Iterable, Mapping
from typing import Final

from agentlog import prices
from agentlog.store.outline import FAR, FIELDS, IN_A_PART, LONGEST_LINE, first_line
from agentlog.store.state import outcome
from agentlog.store.values import bindable, parts

SHORT = 200_000
"""Rows that SQLite joins itself: between two, others may take the interpreter's lock (rows.py)."""


def _moment(name: str) -> str:
    # The seventh place is finer than a double of our time; json_array writes 15 digits only.
    near = f"max(-{FAR}, min({name}, {FAR}))"
    return f"iif({name} IS NULL, 'null', printf('%!.7f', {near}))"


def _half(name: str) -> str:
    """Say which half has a field: the close half if it does, else the open one."""
    return f"iif(json_type(close, '$.{name}') IS NULL, open, close)"


def _text(name: str) -> str:
    half = _half(name)
    value = f"substr(json_extract({half}, '$.{name}'), 1, {LONGEST_LINE})"
    return f"iif(json_type({half}, '$.{name}') = 'text', {value}, NULL)"


def _whole(name: str) -> str:
    """Take a text as JSON: a value of SQLite's would end at a NUL in it."""
    half = _half(name)
    twice = f"json_extract({half}, '$.{name}', '$.{name}')"
    once = f"json(substr({twice}, 2, length({twice}) / 2 - 1))"
    return f"iif(json_type({half}, '$.{name}') = 'text', {once}, NULL)"


def _of_a_log_line(value: str) -> str:
    return f"CASE WHEN action_type = 'log' THEN {value} END"


_ERROR = _half("error")
_PARTS = f"""iif(json_type({_ERROR}, '$.error') = 'text', json_extract({_ERROR}, '$.error', '$.no'),
    json_extract({_ERROR}, '$.error.type', '$.error.message'))"""
_RESULT, _REASON = outcome("events")
_TEXTS = "(SELECT json_group_array(value) FROM json_each(tags) WHERE type = 'text')"
_COLUMNS = {
    "result": _RESULT,
    "reason": _REASON,
    "tags": f"CASE WHEN tags NOTNULL THEN json({_TEXTS}) END",
    "level": _of_a_log_line(_text("level")),
    "logger": _of_a_log_line(_text("logger")),
    "error": f"""CASE WHEN result IS NOT 'Success' AND json_type({_ERROR}, '$.error')
        NOTNULL THEN first_line({_PARTS}) END""",
    "cost": "costs.cost",
}


_WHOLE = _COLUMNS | {
    **{name: _whole(name) for name in ("parent_id", "event_type", "rating", "model")},
    **{name: _of_a_log_line(_whole(name)) for name in ("level", "logger")},
}
_START, _END = map(FIELDS.index, ("timestamp", "end_timestamp"))


def _array(names: Iterable[str], columns: Mapping[str, str]) -> str:
    return f"json_array({', '.join(columns.get(name, name) for name in names)})"


def _row(columns: Mapping[str, str]) -> str:
    before, behind = _array(FIELDS[:_START], columns), _array(FIELDS[_END + 1 :], columns)
    times = f"{_moment('timestamp')} || ',' || {_moment('end_timestamp')}"
    return f"rtrim({before}, ']') || ',' || {times} || ',' || ltrim({behind}, '[')"


_HAS_NUL = r"(open GLOB '*\u0000*' OR close GLOB '*\u0000*')"
_ROW = f"iif({_HAS_NUL}, {_row(_WHOLE)}, {_row(_COLUMNS)})"
_SESSION = """
    FROM sessions WHERE session_id = :session_id
    AND project = (SELECT number FROM projects WHERE name = :project)
"""
_SUMS = f"""
    SELECT coalesce(max(events), 0), total(prompt_tokens + completion_tokens) {_SESSION}
"""
# By the LIMIT costs are a table of their own, and by the CAST SQLite makes an index for it.
_SELECT = f"""
    SELECT {_ROW} AS line FROM events LEFT JOIN (
        SELECT CAST(key AS INTEGER) AS number, value AS cost FROM json_each(:costs) LIMIT -1
    ) AS costs USING (number)
"""  # noqa: S608 - made of constants, as all here
_PARAMS = ", ".join(f"'$.params.{name}'" for name in prices.DETAILS)
DETAILS: Final = f"""json_extract({_half("params")}, {_PARAMS})"""
"""The params of an event that its cost depends on, as JSON."""

_SPENT = f"""
    SELECT json_group_array(json_array(number, model, prompt_tokens, completion_tokens,
        coalesce(timestamp, end_timestamp), json({DETAILS})))
    FROM events WHERE coalesce(prompt_tokens, completion_tokens) NOTNULL AND
"""  # noqa: S608
_OF_SESSION = f"session = (SELECT number {_SESSION})"
_OF_SOME = f"{_OF_SESSION} AND id IN (SELECT value FROM json_each(:ids))"  # noqa: S608
_ORDER = "ORDER BY timestamp, id"


def prepare(connection: sqlite3.Connection) -> None:
    """Teach a connection what an outline asks for."""
    connection.create_function("first_line", 1, first_line, deterministic=True)


def outline(
    connection: sqlite3.Connection,
    project: str,
    session_id: str,
    ids: Iterable[str] | None = None,
) -> Generator[str]:
    """Yield the rows of a session by their start, in parts: JSON texts, without the brackets.

    Args:
        connection: A store's.
        project: The name of the session's project.
        session_id: The session.
        ids: Those of the events that are wanted; None for all.

    """
    values = {"project": project, "session_id": session_id}
    of_these = _OF_SESSION
    if ids is not None:
        values["ids"] = json.dumps([bindable(id_) for id_ in ids])
        of_these = _OF_SOME
    count, tokens = connection.execute(_SUMS, values).fetchone()
    values["costs"] = _costs(connection, of_these, values) if tokens else "{}"
    wanted = f"{_SELECT} WHERE {of_these} {_ORDER}"
    if count <= SHORT:
        wanted = f"SELECT group_concat(line) FROM ({wanted})"  # noqa: S608
    for part in parts(connection.execute(wanted, values), IN_A_PART):
        lines = ",".join(line for (line,) in part if line)
        if lines:
            yield lines


def _costs(connection: sqlite3.Connection, of_these: str, values: Mapping[str, str]) -> str:
    """Return what events cost, by their numbers, as JSON."""
    if not prices.are_there():
        return "{}"
    (spent,) = connection.execute(f"{_SPENT} {of_these}", values).fetchone()
    calls = json.loads(spent)
    return json.dumps({number: prices.cost(*call, *known or ()) for number, *call, known in calls})
