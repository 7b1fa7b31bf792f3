"""Sessions as a list: what all events of one sum up to, beside what its root says.

The rule: a list reads the table of sessions and the roots of those, and parses no half but for the
name of a root, so that it is as fast among millions of events as among ten.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

from agentlog.store import SessionFilter, SessionSummary

SILENT = 600.0
"""Seconds without a word after which an open session counts as silent; a collector sees no lock."""

# A text of SQLite ends at a NUL; the JSON that it makes of two paths does not.
_NAME = """json_extract(iif(json_type(root.close, '$.event_type') IS NULL, root.open, root.close),
                '$.event_type', '$.event_type')"""

_INTERRUPTED = "(root.close IS NULL AND root.interrupted)"
_RESULT = f"iif({_INTERRUPTED}, 'Indeterminate', root.result)"
_REASON = f"""CASE iif({_INTERRUPTED}, root.interrupted, 0)
    WHEN 1 THEN 'interrupted' WHEN 2 THEN 'shipped' ELSE root.reason END"""

# The words of replay.node.State, and one for what a collector has lost sight of.
_STATE = f"""CASE
    WHEN root.number IS NULL THEN 'unknown'
    WHEN {_RESULT} = 'Success' THEN 'succeeded'
    WHEN {_RESULT} = 'Fail' THEN 'failed'
    WHEN {_RESULT} IS NULL AND root.close IS NULL
        THEN iif(root.owner IS NULL AND last < :silent, 'silent', 'running')
    WHEN {_RESULT} IS NULL THEN 'indeterminate'
    ELSE CASE {_REASON} WHEN 'cancelled' THEN 'cancelled' WHEN 'interrupted' THEN 'interrupted'
        WHEN 'abandoned' THEN 'abandoned' WHEN 'exit' THEN 'exited' ELSE 'indeterminate' END
END"""
_RESULTS = {"success": "succeeded", "fail": "failed"}

_SESSIONS = f"""
    SELECT session_id AS id, {_NAME} AS event_type, sessions.timestamp AS timestamp,
        root.end_timestamp, last, {_RESULT} AS result, {_REASON} AS reason,
        root.rating, root.tags, events, failures,
        sessions.prompt_tokens, sessions.completion_tokens
    FROM sessions LEFT JOIN events AS root ON root.number = sessions.root
    WHERE project = (SELECT number FROM projects WHERE name = :project) AND events
"""  # noqa: S608 - made of constants

_ONE = "AND session_id = :session_id"
_CLAUSES = {
    "since": "AND sessions.timestamp >= :since",
    "before": "AND sessions.timestamp < :before",
    "behind": """AND (sessions.timestamp < :behind
        OR (sessions.timestamp IS NULL AND :behind NOTNULL)
        OR (sessions.timestamp IS :behind AND session_id < :behind_id))""",
    "result": f"AND {_RESULT} = :result",
    "tag": "AND EXISTS (SELECT 1 FROM json_each(root.tags) WHERE value = :tag)",
    "state": f"AND {_STATE} = :state",
    "text": f"AND is_named(:text, session_id, {_NAME}, root.tags)",
}
_ORDER = "ORDER BY sessions.timestamp DESC, session_id DESC LIMIT :limit"


def prepare(connection: sqlite3.Connection) -> None:
    """Teach a connection what the list asks for."""
    connection.create_function("is_named", 4, _is_named, deterministic=True)


def sessions(
    connection: sqlite3.Connection, project: str, wanted: SessionFilter
) -> list[SessionSummary]:
    """Return the sessions of a project that a filter lets through, newest first."""
    values = _values(wanted)
    clauses = " ".join(clause for name, clause in _CLAUSES.items() if name in values)
    values |= {"limit": -1 if wanted.limit is None else wanted.limit}
    return list(_found(connection, f"{clauses} {_ORDER}", project=project, **values))


def summary(connection: sqlite3.Connection, project: str, session_id: str) -> SessionSummary | None:
    """Return one session of a project, or None."""
    return next(_found(connection, _ONE, project=project, session_id=session_id), None)


def _values(wanted: SessionFilter) -> dict[str, object]:
    """Return what a filter asks, by the names of its clauses; what is None is left out."""
    values: dict[str, object] = {
        "since": wanted.since,
        "result": wanted.result,
        "tag": wanted.tag,
        "text": (wanted.text or "").casefold() or None,
    }
    if isinstance(wanted.before, tuple):
        values |= {"behind": wanted.before[0], "behind_id": wanted.before[1]}
    else:
        values["before"] = wanted.before
    if wanted.state is not None:
        state = wanted.state.lower()
        values |= {"state": _RESULTS.get(state, state), "silent": time.time() - SILENT}
    behind = isinstance(wanted.before, tuple)
    return {
        name: value
        for name, value in values.items()
        if value is not None or (behind and name == "behind")
    }


def _found(connection: sqlite3.Connection, clauses: str, **values: Any) -> Iterator[SessionSummary]:
    bindable = {
        name: value.encode(errors="replace").decode() if isinstance(value, str) else value
        for name, value in values.items()
    }
    cursor = connection.execute(f"{_SESSIONS} {clauses}", bindable)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield _summary(dict(zip(names, row, strict=True)))


def _summary(row: dict[str, Any]) -> SessionSummary:
    row["event_type"] = json.loads(row["event_type"] or "[null]")[0]
    tags = json.loads(row["tags"] or "[]")
    row["tags"] = tuple(tag for tag in tags if isinstance(tag, str))
    row["prompt_tokens"] = int(row["prompt_tokens"])
    row["completion_tokens"] = int(row["completion_tokens"])
    return SessionSummary(**row)


def _is_named(text: str, session_id: str, name: str | None, tags: str | None) -> bool:
    """Say whether each word is in the name or a tag, or the id begins with all of it."""
    if session_id.casefold().startswith(text):
        return True
    told = [*json.loads(name or "[]"), *json.loads(tags or "[]")]
    texts = [one.casefold() for one in told if isinstance(one, str)]
    return all(any(word in one for one in texts) for word in text.split())
