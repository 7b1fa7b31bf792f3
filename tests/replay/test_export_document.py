"""A replay for programs; what the command line makes of it is in tests/cli/test_replay.py."""

import json

from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.export import to_json
from agentlog.replay.tree import forest, walk
from tests.replay.events import event, records, session


def test_the_session_and_its_events():
    """The session stands apart, the others follow in the order of the tree."""
    events = [event("b", "root", start=1), session(), event("a", "root"), event("c", "a")]
    written = json.loads(to_json(forest(events)))
    assert session() == written["session"]
    assert ["a", "c", "b"] == [found["id"] for found in written["events"]]


def can_be_stored(record):
    """Say whether a record is such as a store lets in."""
    try:
        return bool(json.dumps(record, allow_nan=False))
    except ValueError:
        return False


@given(st.lists(records.filter(can_be_stored), max_size=6))
def test_any_records(some):
    """Every event of whatever was recorded is in the document, once."""
    roots = forest(some)
    text = to_json(roots)
    assert text.isascii()
    written = json.loads(text)
    assert len(list(walk(roots))) == len(written["events"]) + (written["session"] is not None)
