"""Records for the contract, with what every one of them needs filled in."""

from agentlog.store.engine import Portion
from agentlog.store.intake import entry_of_record

SESSION = "0193f2c1a2b3" + "7" + "a" * 19
OTHER = "0193f2c1ffff" + "7" + "b" * 19


def opened(event_id, timestamp=1.0, session_id=SESSION, **fields):
    """Return an open half."""
    fields = {"event_type": "plan", "action_type": "action", "parent_id": None} | fields
    return {"id": event_id, "session_id": session_id, "timestamp": timestamp, **fields}


def closed(event_id, end_timestamp=2.0, session_id=SESSION, **fields):
    """Return a close half."""
    fields = {"result": "Success"} | fields
    return {"id": event_id, "session_id": session_id, "end_timestamp": end_timestamp, **fields}


def root(session_id, timestamp=1.0, **fields):
    """Return the open half of a session."""
    fields = {"event_type": "agent", "action_type": "session"} | fields
    return opened("root", timestamp, session_id, **fields)


def event(session_id, event_id, timestamp=2.0, **fields):
    """Return a whole record of an event."""
    fields = {"event_type": "step", "parent_id": "root", "end_timestamp": timestamp + 1} | fields
    return {"id": event_id, "session_id": session_id, "timestamp": timestamp, **fields}


def collect(where, *portions, arrived):
    """Have a collector store records, `(project, record, ...)`, that came at a time."""
    sink = where.sink()
    try:
        sink.put(
            [
                Portion(project, list(map(entry_of_record, records)), arrived)
                for project, *records in portions
            ]
        )
    finally:
        sink.close()
