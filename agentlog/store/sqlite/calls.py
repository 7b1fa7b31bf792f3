"""The calls of models in sessions, and the ways from them to the roots.

The rule: it is for a list, which wants what sessions cost and reads none of them whole. So it finds
what has tokens, climbs from there by the ids of the parents, and looks into a half only for the
params that a price depends on. Of many sessions it holds a part at a time.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from agentlog import prices
from agentlog.store import Call
from agentlog.store.sqlite.outline import DETAILS
from agentlog.store.values import bindable

AT_ONCE: Final = 500
"""Sessions that are looked through together."""

# A close half alone does not know its parent, which is another thing than to have none.
_PARENT = """CASE WHEN action_type IS NOT 'session'
    THEN coalesce(parent_id, iif(event_type IS NULL, '', NULL)) END"""
_PLACE = f"session, id, {_PARENT}, coalesce(events.timestamp, end_timestamp), events.number IS root"
_HAS_TOKENS = "coalesce(events.prompt_tokens, events.completion_tokens) NOTNULL"
_CALLS = f"""
    SELECT session_id, {_PLACE}, model, events.prompt_tokens, events.completion_tokens,
        {DETAILS}
    FROM sessions CROSS JOIN events ON session = sessions.number
    WHERE project = (SELECT number FROM projects WHERE name = :project)
    AND session_id IN (SELECT value FROM json_each(:session_ids))
    AND sessions.prompt_tokens + sessions.completion_tokens > 0
    AND {_HAS_TOKENS}
"""  # noqa: S608 - made of constants, as all here
_AROUND = f"""
    WITH RECURSIVE way (session, id) AS (
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:parents)
        UNION
        SELECT session, parent_id FROM way JOIN events USING (session, id)
        WHERE parent_id NOTNULL
    )
    SELECT {_PLACE} FROM way CROSS JOIN events USING (session, id)
    JOIN sessions ON sessions.number = session
    WHERE NOT {_HAS_TOKENS}
"""  # noqa: S608


def of_sessions(
    connection: sqlite3.Connection, project: str, session_ids: Sequence[str]
) -> dict[str, list[Call]]:
    """Return, by the sessions that have calls, these and what is around them, in no order."""
    asked = {
        "project": bindable(project),
        "session_ids": json.dumps(list(map(bindable, session_ids))),
    }
    names: dict[int, str] = {}
    calls: dict[int, list[Call]] = defaultdict(list)
    for row in connection.execute(_CALLS, asked):
        session_id, session, id_, parent_id, when, is_head, model, given, made, details = row
        cost = prices.cost(model, given, made, when, *_known(details))
        names[session] = session_id
        calls[session].append(Call(id_, parent_id, when, is_head, True, given, made, cost))
    parents = {(session, call.parent_id) for session in calls for call in calls[session]}
    for session, *place in connection.execute(_AROUND, {"parents": json.dumps(list(parents))}):
        calls[session].append(Call(*place))
    return {names[session]: calls[session] for session in calls}


@lru_cache(maxsize=1024)
def _known(details: str | None) -> tuple[object, ...]:
    """Read the params that a price depends on, which most calls have in common."""
    return tuple(json.loads(details)) if details else ()
