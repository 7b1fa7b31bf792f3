"""Lines as halves of events: told apart as they are merged, and joined as they are merged."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.halves import merge
from agentlog.shipping.otlp.joining import half_of, interrupted, joined
from tests.recording.journals import Tape

SESSION, EVENT = "0192f3a4b5c67" + "0" * 18 + "1", "00f067aa0ba902b8"
IDS = {"id": EVENT, "session_id": SESSION}
OPEN = {**IDS, "parent_id": None, "event_type": "plan", "action_type": "action", "timestamp": 1.5}
CLOSE = {**IDS, "end_timestamp": 2.5, "result": "Success"}


def line(record, **how):
    """Return the line of a record, as agentlog writes it unless it is told how."""
    how = {"ensure_ascii": False, "separators": (",", ":"), **how}
    return json.dumps(record, **how).encode()


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["ours", "theirs"])
@pytest.mark.parametrize(
    ("record", "is_open", "is_close"),
    [
        (OPEN, True, False),
        (CLOSE, False, True),
        ({**OPEN, "end_timestamp": 2.5, "result": "Fail"}, False, False),
        ({**CLOSE, "event_type": "plan"}, False, False),
        ({**OPEN, "params": {"end_timestamp": 1, "é": "ü"}}, True, False),
        ({**OPEN, "params": {"x": ',"action_type":"a","timestamp":1}'}}, True, False),
        ({**CLOSE, "returns": {"event_type": 1}}, False, True),
        ({**CLOSE, "parent_id": None}, False, True),
        ({**IDS, "parent_id": None, "end_timestamp": 1, "timestamp": 1}, False, True),
        ({**IDS, "of_tomorrow": 1}, True, False),
    ],
)
def test_which_half_it_is(record, separators, is_open, is_close):
    """By the fields at the top, whoever wrote the line, and whatever stands in its payload."""
    found = half_of(line(record, separators=separators))
    assert ((SESSION.encode(), EVENT.encode()), is_open, is_close) == found


@pytest.mark.parametrize("text", [b"{}", b"[]", b"{junk}", b'{"id":1,"session_id":"a"}', b"\xff"])
def test_what_is_no_record(text):
    """Has no halves."""
    assert half_of(text) is None


def test_lines_that_agentlog_writes_need_not_be_read(tmp_path):
    """Not those of actions, of which there are the most: what is damaged inside is not noticed."""
    tape = Tape(tmp_path)
    with tape.client.action("a", params={"q": 1}, model="gpt-4", tags=["x"]) as action:
        action.returns = [1]
    first, last = tape.lines()
    damaged = first.replace(b'{"q":1}', b"{junk}"), last.replace(b"[1]", b"[junk]")
    assert all(b"junk" in one for one in damaged)
    opened, closed = map(half_of, damaged)
    assert (True, False) == (opened.is_open, closed.is_open)
    assert opened.address == closed.address


_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["notes", "end_timestamp", "a"]), inner, max_size=2)
    ),
    max_leaves=5,
)
_fields = st.dictionaries(
    st.sampled_from(["params", "returns", "model", "notes", "tags"]), _values, max_size=3
)
_notes = st.dictionaries(st.sampled_from(["redacted", "cut"]), st.integers(0, 9) | st.none())


@given(_fields, _fields, st.none() | _notes, st.none() | _notes, st.booleans())
def test_joining_is_merging(opened, closed, some, others, spaced):
    """Both halves as one line say what the store makes of them."""
    opened, closed = {**OPEN, **opened}, {**CLOSE, **closed}
    if some is not None:
        opened["notes"] = some
    if others is not None:
        closed["notes"] = others
    separators = (", ", ": ") if spaced else (",", ":")
    both = joined(line(opened, separators=separators), line(closed, separators=separators))
    assert merge(opened, closed) == json.loads(both)
    assert not half_of(both).is_open
    assert not half_of(both).is_close


def test_half_of_a_surrogate_pair():
    """It stays what it is."""
    opened = {**OPEN, "notes": {}, "params": "\ud800"}
    whole = joined(line(opened, ensure_ascii=True), line(CLOSE))
    assert "\ud800" == json.loads(whole)["params"]


def test_what_is_damaged_goes_on_as_it_is():
    """Whoever sends it will see."""
    head, tail = line(OPEN).split(b',"action_type"')
    junk = head + b',"notes":{junk}' + b',"action_type"' + tail
    assert half_of(junk).is_open
    assert (junk, line(CLOSE)) == (interrupted(junk, 1.0), joined(junk, line(CLOSE)))


@pytest.mark.parametrize(("when", "end"), [(9.0, 9.0), (1.0, 1.5)])
def test_what_was_interrupted(when, end):
    """Its span ends with the last sign of life, and not before it began; the event has no end."""
    outcome = {"end_timestamp": end, "result": "Indeterminate", "reason": "interrupted"}
    assert {**OPEN, **outcome, "end_unseen": True} == json.loads(interrupted(line(OPEN), when))
