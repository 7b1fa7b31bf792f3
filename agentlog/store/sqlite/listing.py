"""Sessions as a list: what all events of one sum up to, beside what its root says.

The rule: a list reads the table of sessions and the roots of those, and parses no half but for the
name of a root, so that it is as fast among millions of events as among ten.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from typing import Any

from agentlog.store import SessionFilter, SessionSummary
from agentlog.store.ids import NAMED, is_named
from agentlog.store.state import (
    BY_REASON,
    BY_RESULT,
    MAY_RUN,
    SILENT_AFTER,
    State,
    case,
    outcome,
)
from agentlog.store.values import asked, bindable

# A text of SQLite ends at a NUL; the JSON that it makes of two paths does not.
_NAME = """json_extract(iif(json_type(root.close, '$.event_type') IS NULL, root.open, root.close),
                '$.event_type', '$.event_type')"""

_RESULT, _REASON = outcome("root")
_INDETERMINATE = f"'{State.INDETERMINATE}'"
_SAID = "coalesce(last, sessions.timestamp)"
_STATE = f"""CASE
    WHEN root.number IS NULL THEN '{State.UNKNOWN}'
    WHEN {_RESULT} NOTNULL
        THEN {case(_RESULT, BY_RESULT, case(_REASON, BY_REASON, _INDETERMINATE))}
    WHEN root.close NOTNULL THEN {_INDETERMINATE}
    WHEN root.owner IS NULL AND {_SAID} < :silent THEN '{State.SILENT}'
    ELSE '{State.RUNNING}'
END"""

_SESSIONS = f"""
    SELECT session_id AS id, {_NAME} AS event_type, sessions.timestamp AS timestamp,
        root.end_timestamp, last, {_RESULT} AS result, {_REASON} AS reason,
        root.rating, root.tags, events, failures,
        sessions.prompt_tokens, sessions.completion_tokens, {_STATE} AS state
    FROM sessions LEFT JOIN events AS root ON root.number = sessions.root
    WHERE project = (SELECT number FROM projects WHERE name = :project) AND events
"""  # noqa: S608 - made of constants

_IS_SILENT = f"""
    SELECT EXISTS (
        SELECT 1 FROM sessions
        WHERE project = (SELECT number FROM projects WHERE name = :project)
        AND session_id = :session_id AND {_SAID} < :silent
        AND NOT EXISTS (SELECT 1 FROM events WHERE session = sessions.number
            AND {MAY_RUN}))
"""  # noqa: S608 - made of constants

_BEGINNING = """
    SELECT session_id FROM sessions
    WHERE project = (SELECT number FROM projects WHERE name = :project)
    AND session_id >= :prefix AND session_id < :prefix || char(0x10FFFF)
    ORDER BY session_id LIMIT :most
"""
_WITH = """
    SELECT session_id FROM sessions
    WHERE project = (SELECT number FROM projects WHERE name = :project)
    AND EXISTS (SELECT 1 FROM events WHERE session = sessions.number AND id = :event_id)
    ORDER BY timestamp DESC, session_id DESC LIMIT 1
"""
_SOME = "AND session_id IN (SELECT value FROM json_each(:session_ids))"
_CLAUSES = {
    "since": "AND sessions.timestamp >= :since",
    "before": "AND sessions.timestamp < :before",
    "behind": """AND (sessions.timestamp < :behind
        OR (sessions.timestamp IS NULL AND :behind NOTNULL)
        OR (sessions.timestamp IS :behind AND session_id < :behind_id))""",
    "result": f"AND {_RESULT} = :result",
    "tag": "AND has_tag(:tag, root.tags)",
    "state": f"AND {_STATE} = :state",
    "text": f"AND is_named(:text, session_id, {_NAME}, root.tags)",
}
_ORDER = "ORDER BY sessions.timestamp DESC, session_id DESC LIMIT :limit"


def prepare(connection: sqlite3.Connection) -> None:
    """Teach a connection what the list asks for."""
    connection.create_function("is_named", 4, _is_named, deterministic=True)
    connection.create_function("has_tag", 2, _has_tag, deterministic=True)


def sessions(
    connection: sqlite3.Connection, project: str, wanted: SessionFilter
) -> list[SessionSummary]:
    """Return the sessions of a project that a filter lets through, newest first."""
    values = asked(wanted, state=wanted.state)
    clauses = " ".join(clause for name, clause in _CLAUSES.items() if name in values)
    values |= {"limit": -1 if wanted.limit is None else wanted.limit}
    return list(_found(connection, f"{clauses} {_ORDER}", project=project, **values))


def summaries(
    connection: sqlite3.Connection, project: str, session_ids: Iterable[str]
) -> list[SessionSummary]:
    """Return those of these sessions that a project has, newest first."""
    named = json.dumps([bindable(session_id) for session_id in session_ids])
    some = f"{_SOME} {_ORDER}"
    return list(_found(connection, some, project=project, session_ids=named, limit=-1))


def is_silent(connection: sqlite3.Connection, project: str, session_id: str) -> bool:
    """Say whether a session has said nothing for long, with nobody here who could tell more."""
    named = {"project": bindable(project), "session_id": bindable(session_id)}
    silent = time.time() - SILENT_AFTER
    return bool(connection.execute(_IS_SILENT, {**named, "silent": silent}).fetchone()[0])


def session_with(connection: sqlite3.Connection, project: str, event_id: str) -> str | None:
    """Return the newest session of a project that has an event of this id."""
    named = {"project": bindable(project), "event_id": bindable(event_id)}
    found = connection.execute(_WITH, named).fetchone()
    return str(found[0]) if found else None


def ids_beginning_with(connection: sqlite3.Connection, project: str, prefix: str) -> list[str]:
    """Return the first few session ids of a project that begin so, sorted; with "" none."""
    if not prefix:
        return []
    named = {"project": bindable(project), "prefix": bindable(prefix), "most": NAMED + 1}
    return [session_id for (session_id,) in connection.execute(_BEGINNING, named)]


def _found(connection: sqlite3.Connection, clauses: str, **values: Any) -> Iterator[SessionSummary]:
    values["silent"] = time.time() - SILENT_AFTER
    cursor = connection.execute(
        f"{_SESSIONS} {clauses}", {name: bindable(value) for name, value in values.items()}
    )
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


def _has_tag(tag: str, tags: str | None) -> bool:
    return tag in json.loads(tags or "[]")


def _is_named(text: str, session_id: str, name: str | None, tags: str | None) -> bool:
    told = [*json.loads(name or "[]"), *json.loads(tags or "[]")]
    return is_named(text, session_id, (one for one in told if isinstance(one, str)))
