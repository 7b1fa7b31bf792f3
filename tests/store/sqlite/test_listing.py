"""The list of sessions."""

import pytest

from agentlog.replay.node import Node
from agentlog.store.sqlite.store import SqliteStore
from agentlog.store.state import State, silenced, state_of


@pytest.fixture
def store():
    """Open a store in memory."""
    with SqliteStore() as opened:
        yield opened


def root(session_id, timestamp=1.0, **fields):
    """Return the open half of a session."""
    fields = {"event_type": "agent", "action_type": "session", "parent_id": None} | fields
    return {"id": "root", "session_id": session_id, "timestamp": timestamp, **fields}


def event(session_id, event_id, timestamp=2.0, **fields):
    """Return a whole record of an event."""
    fields = {"event_type": "step", "parent_id": "root", "end_timestamp": timestamp + 1} | fields
    return {"id": event_id, "session_id": session_id, "timestamp": timestamp, **fields}


def test_a_word_of_a_user_makes_nothing_silent():
    """What has ended is not open, whatever its reason says."""
    assert State.INDETERMINATE == state_of("Indeterminate", "silent", ended=True)
    shown = silenced({"event_type": "a", "timestamp": 1.0})
    assert State.SILENT == state_of(shown["result"], shown["reason"], ended=False)
    assert None is Node(shown).reason
    ended = {"event_type": "a", "end_timestamp": 2.0}
    assert ended is silenced(ended)
