"""Sessions as a list: what all events of one sum up to, beside what its root says.

The rule: a list reads the columns of events and parses no half but for the name of a root, so that
it stays fast.
"""

import json
import sqlite3
from dataclasses import asdict
from typing import Any

from agentlog.store import MOST_TOKENS, SessionFilter, SessionSummary
from agentlog.store.ids import moment_of_id

# Either time may be missing or of a wrong type.
_LAST = "max(max(coalesce(end_timestamp, timestamp), coalesce(timestamp, end_timestamp)))"

# A text of SQLite ends at a NUL; the JSON that it makes of two paths does not.
_NAME = """json_extract(iif(json_type(root.close, '$.event_type') IS NULL, root.open, root.close),
                '$.event_type', '$.event_type')"""

_TOKENS = f"total(iif(%s >= 0 AND %s < {MOST_TOKENS}, %s, 0))"

# Where several events have no parent, the session's own is the root, else the earliest.
_SESSIONS = f"""
    WITH session AS (
        SELECT session_id, count(*) AS events, min(timestamp) AS first, {_LAST} AS last,
            count(CASE result WHEN 'Fail' THEN 1 END) AS failures,
            {_TOKENS.replace("%s", "prompt_tokens")} AS prompt_tokens,
            {_TOKENS.replace("%s", "completion_tokens")} AS completion_tokens
        FROM events GROUP BY session_id
    ),
    listed AS (
        SELECT session.session_id AS id, {_NAME} AS event_type, root.end_timestamp, last,
            coalesce(root.timestamp, first, moment_of_id(session.session_id)) AS timestamp,
            iif(root.close IS NULL AND root.interrupted, 'Indeterminate', root.result) AS result,
            CASE iif(root.close IS NULL, root.interrupted, 0) WHEN 1 THEN 'interrupted'
                WHEN 2 THEN 'shipped' ELSE root.reason END AS reason,
            root.rating, root.tags, events, failures,
            session.prompt_tokens, session.completion_tokens
        FROM session LEFT JOIN events AS root
        ON root.session_id = session.session_id AND root.id = (
            SELECT id FROM events AS candidate
            WHERE candidate.session_id = session.session_id
                AND candidate.parent_id IS NULL AND candidate.event_type NOTNULL
            ORDER BY action_type = 'session' DESC, timestamp, id LIMIT 1)
    )
    SELECT * FROM listed
    WHERE (:since IS NULL OR timestamp >= :since)
        AND (:before IS NULL OR timestamp < :before)
        AND (:result IS NULL OR result = :result)
        AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag))
    ORDER BY timestamp DESC, id DESC LIMIT coalesce(:limit, -1)
"""  # noqa: S608 - made of constants

# An event that is open and has an owner that may be alive keeps its session.
_SILENT = f"""
    SELECT session_id FROM events GROUP BY session_id
    HAVING coalesce({_LAST}, 0) < ?
        AND NOT max(close IS NULL AND owner NOTNULL AND NOT interrupted)
"""  # noqa: S608 - made of constants


def prepare(connection: sqlite3.Connection) -> None:
    """Teach a connection what the list asks for."""
    connection.create_function("moment_of_id", 1, moment_of_id, deterministic=True)


def sessions(connection: sqlite3.Connection, wanted: SessionFilter) -> list[SessionSummary]:
    """Return the sessions that a filter lets through, newest first."""
    cursor = connection.execute(_SESSIONS, asdict(wanted))
    names = [column[0] for column in cursor.description]
    return [_summary(dict(zip(names, row, strict=True))) for row in cursor]


def silent(connection: sqlite3.Connection, since: float) -> list[str]:
    """Return the ids of sessions of which nothing was heard since a time, and that have ended."""
    return [session_id for (session_id,) in connection.execute(_SILENT, (since,))]


def _summary(row: dict[str, Any]) -> SessionSummary:
    row["event_type"] = json.loads(row["event_type"] or "[null]")[0]
    tags = json.loads(row["tags"] or "[]")
    row["tags"] = tuple(tag for tag in tags if isinstance(tag, str))
    row["prompt_tokens"] = int(row["prompt_tokens"])
    row["completion_tokens"] = int(row["completion_tokens"])
    return SessionSummary(**row)
