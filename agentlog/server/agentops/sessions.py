"""The SDK's sessions, agents and logs as records.

The SDK says all that it knows of a session with every request: when it starts, when its tags
change and when it ends. The rule: a request that knows an end is a close half which carries
everything, any other is an open half; so a start that comes after its end changes nothing.

Of two open halves that differ, merging takes the larger text, and it has to be the later one: the
tags that were set last count. So a record says when it arrived, and it says it before anything else
that can differ (merging compares the fields in the order of their names). Pure.
"""

from collections.abc import Mapping
from typing import Final

from agentlog.server import bodies
from agentlog.server.agentops import values
from agentlog.server.agentops.values import Fields
from agentlog.server.otlp.records import session_id as root_of
from agentlog.store.merge import Event, Record

NAME: Final = "agentops"
"""What a session is called: the SDK does not tell the program's name."""

_LARGEST: Final = (1 << 128) - 1
_DIGITS: Final = len(str(_LARGEST))

FIRST: Final = 0
"""The arrival of what every later request of its session outdoes."""


def session_record(told: Mapping[str, object], arrived: int) -> Record | None:
    """Return the record of a session as a request tells it; None without the session's UUID.

    Args:
        told: The `session` of a request.
        arrived: When the request came, in milliseconds since the epoch, or `FIRST`.

    """
    session = values.session_id(told.get("session_id"))
    if session is None:
        return None
    begin, end = (values.moment(told.get(name)) for name in ("init_timestamp", "end_timestamp"))
    record: Event = {
        "id": session[16:],
        "session_id": session,
        "event_type": NAME,
        "action_type": "session",
        "arrived": arrived,
        "timestamp": end if begin is None else begin,
        "params": {name: told[name] for name in ("video", "host_env") if told.get(name)} or None,
        "tags": values.tags(told.get("tags")),
        "process": _process(told.get("host_env")),
    }
    if end is not None:
        record |= _end(told, end)
    return {"parent_id": None, **values.told(record)}


def _end(told: Mapping[str, object], end: float) -> Fields:
    """Return what the end of a session says; a state of somebody's own is the reason."""
    result = values.outcome(told.get("end_state"))
    own = None if result else values.text(told.get("end_state"))
    rating = told.get("rating")
    return {
        "end_timestamp": end,
        "result": result or "Indeterminate",
        "reason": values.text(told.get("end_state_reason")) or own,
        "rating": None if rating in (None, "") else values.as_text(rating),
    }


def _process(host_env: object) -> Fields | None:
    """Return what 0.1 and later tell of the process."""
    found = {
        "host": _within(host_env, "OS", "Hostname"),
        "python": _within(host_env, "SDK", "Python Version"),
        "agentops": _within(host_env, "SDK", "AgentOps SDK Version"),
    }
    return values.told(found) or None


def _within(value: object, *path: str) -> str | None:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return values.text(value)


def agent_record(told: Mapping[str, object], session: str | None, arrived: int) -> Record | None:
    """Return the record of an agent: an event under which those hang that it recorded.

    Args:
        told: The request.
        session: The session that the request's token is for, if it has one.
        arrived: When the request came, in milliseconds since the epoch: an agent tells no time.

    """
    session = values.session_id(told.get("session_id")) or session
    agent = values.event_id(told.get("id"))
    if session is None or agent is None:
        return None
    moment = arrived / 1000
    return {
        "id": agent,
        "session_id": session,
        "parent_id": session[16:],
        "event_type": values.name(told.get("name")) or "agent",
        "action_type": "action",
        "timestamp": moment,
        "end_timestamp": moment,
        "result": "Indeterminate",
    }


def log_record(body: bytes, trace: str, arrived: int) -> Record | None:
    """Return the record of a log: all that was printed in a trace, as one event.

    Args:
        body: The text, as it is or, from 0.4.15 on, as JSON.
        trace: The id of the trace, as a number.
        arrived: When the request came, in milliseconds since the epoch.

    """
    if not (trace.isascii() and trace.isdecimal() and len(trace) <= _DIGITS):
        return None
    session = f"{int(trace) & _LARGEST:032x}"
    moment = arrived / 1000
    return {
        "id": values.id_of_place(values.digest(body), 0),
        "session_id": session,
        "parent_id": root_of(session),
        "event_type": "log",
        "action_type": "log",
        "timestamp": moment,
        "end_timestamp": moment,
        "result": "Indeterminate",
        "returns": _printed(body),
    }


def _printed(body: bytes) -> str:
    """Return the text of a log: what its JSON says, unless that is no log of anybody's."""
    text = body.decode(errors="replace")
    if bodies.has_too_many_values(body):
        return text
    try:
        told = bodies.decoded(text)
    except bodies.NotJSONError:
        return text
    said = told.get("body") if isinstance(told, Mapping) else None
    return said if isinstance(said, str) else text
