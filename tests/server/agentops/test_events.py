"""Events of the AgentOps SDK until 0.0.22."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.server import bodies, intake
from agentlog.server.agentops import values
from agentlog.server.agentops.events import event_records
from tests.server.agentops.told import BATCH, HEX, NOON, ROOT, SESSION, event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def record(**more):
    """The record of one event."""
    (found,) = event_records([event(**more)], None, BATCH, 7)
    return found


def test_an_event_keeps_all_that_it_carries():
    """Each field is in its place, and the event hangs under its session."""
    found = record(
        params={"city": "Oslo"},
        returns={"sky": "rain"},
        tags=["t"],
        action_type="llm",
        model="gpt-4",
        prompt="Will it rain?",
        prompt_tokens=12,
        completion_tokens=3,
    )
    assert 16 == len(found.pop("id"))
    assert {
        "session_id": HEX,
        "parent_id": ROOT,
        "event_type": "plan",
        "action_type": "llm",
        "timestamp": NOON,
        "params": {"city": "Oslo"},
        "model": "gpt-4",
        "prompt": "Will it rain?",
        "tags": ["t"],
        "end_timestamp": NOON + 1.5,
        "result": "Success",
        "returns": {"sky": "rain"},
        "prompt_tokens": 12,
        "completion_tokens": 3,
    } == found


def test_the_first_versions_said_output_and_one_time():
    """Until 0.0.2 `returns` was called `output`, until 0.0.4 an event was an instant."""
    told = {
        "session_id": SESSION,
        "event_type": "plan",
        "params": None,
        "output": ["Oslo", 2],
        "result": "SUCCESS",
        "tags": None,
        "timestamp": "2026-11-21T12:00:00.000Z",
    }
    (found,) = event_records([told], None, BATCH, 7)
    assert ["Oslo", 2] == found["returns"]
    assert "Success" == found["result"]
    assert NOON == found["timestamp"] == found["end_timestamp"]
    assert "params" not in found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("screenshot", "https://x.test/a.png"),
        ("result", "so so"),
        ("action_type", "session"),
        ("model", "<<non-serializable: Models>>"),
        ("prompt_tokens", "many"),
        ("prompt_tokens", True),
        ("completion_tokens", -1),
        ("tags", 7),
        ("end_timestamp", "tomorrow"),
        ("error", "of somebody's own"),
        ("parent_id", "of somebody's own"),
        ("anything else", {"a": [1]}),
    ],
)
def test_what_has_no_field_is_a_param(field, value):
    """Nothing that was told is thrown away."""
    found = record(params={"city": "Oslo"}, **{field: value})
    assert {"city": "Oslo", field: value} == found["params"]


def test_a_param_of_the_same_name_stays():
    """What has no field gets a name of its own beside it."""
    found = record(params={"screenshot": 1, "screenshot (2)": 2}, screenshot="x")
    assert {"screenshot": 1, "screenshot (2)": 2, "screenshot (3)": "x"} == found["params"]


@pytest.mark.parametrize("params", ["text", [1, 2], 7])
def test_params_that_are_no_object_are_one_param(params):
    """The SDK took any value for params."""
    assert {"params": params} == record(params=params)["params"]


def test_fields_left_at_their_defaults_have_ours():
    """What 0.0.5 and later send for them says nothing: it was their own default."""
    default = "<<non-serializable: FieldInfo>>"
    found = record(result=default, action_type=default)
    assert ("Indeterminate", "action") == (found["result"], found["action_type"])
    assert "params" not in found


@pytest.mark.parametrize("model", ["gpt-4", "<<non-serializable: Models>>"])
def test_a_model_without_an_action_type_makes_it_llm(model):
    """A member of `Models` too, though its name is not sent."""
    assert "llm" == record(model=model, action_type=None)["action_type"]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2026-11-21T12:00:00.000Z", NOON),
        ("2026-11-21T13:00:00+01:00", NOON),
        ("2026-11-21T12:00:00", NOON),
        (NOON, NOON),
    ],
)
def test_times_are_taken_as_written(told, expected):
    """Z is UTC, also where it was local time; seconds since the epoch were documented once."""
    assert expected == record(init_timestamp=told)["timestamp"]


def test_times_do_not_depend_on_where_the_collector_is(monkeypatch):
    """A time without a zone is UTC in Tokyo too."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert NOON == record(init_timestamp="2026-11-21T12:00:00")["timestamp"]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_event_without_a_time_has_that_of_its_arrival():
    """It has ended by then."""
    found = record(init_timestamp=None, end_timestamp=None)
    assert 0.007 == found["timestamp"] == found["end_timestamp"]


def test_a_batch_that_is_sent_again_has_the_same_ids():
    """So nothing is doubled; equal events in it stay as many as there are."""
    told = [event(), event(), event()]
    first, again = (event_records(told, None, BATCH, at) for at in (1, 2))
    assert first == again
    assert 3 == len({one["id"] for one in first})


def test_equal_events_of_two_batches_are_two():
    """A queue may be cut between two events of one millisecond."""
    batches = values.digest(b"one"), values.digest(b"other")
    one, other = (event_records([event()], None, batch, 7)[0] for batch in batches)
    assert one["id"] != other["id"]
    assert 16 == len(one["id"]) == len(other["id"])


def test_events_of_one_millisecond_stay_in_order():
    """Where times are equal, ids decide."""
    found = event_records([event(event_type=str(one)) for one in range(300)], None, BATCH, 7)
    ordered = sorted(found, key=lambda one: one["id"])
    assert [str(one) for one in range(300)] == [one["event_type"] for one in ordered]


@pytest.mark.parametrize(
    ("returns", "error"),
    [
        ({"ValueError": "no Atlantis"}, {"type": "ValueError", "message": "no Atlantis"}),
        ({"ValueError": "no Atlantis", "n": 1}, None),
        ({"status code": "503"}, None),
        ({"status": 503}, None),
        ({}, None),
        ("no Atlantis", None),
    ],
)
def test_what_a_failed_function_raised_is_its_error(returns, error):
    """From 0.0.13 on the SDK says it as what was returned, and there it stays."""
    found = record(result="Fail", returns=returns)
    assert (error, returns) == (found.get("error"), found["returns"])
    assert "error" not in record(result="Success", returns=returns)


def test_what_cannot_be_kept_does_not_touch_its_neighbours():
    """Each says why, in its place."""
    found = event_records([event(), 7, event(session_id="no uuid"), event()], None, BATCH, 7)
    assert "not an object" == found[1]
    assert "without a session_id that is a UUID" == found[2]
    assert "plan" == found[0]["event_type"] == found[3]["event_type"]


FIELDS = st.dictionaries(st.sampled_from([*event(), "id", "output", "agent_id", "error"]), JSON)


@given(FIELDS)
def test_no_event_that_the_sdk_can_write_is_refused(told):
    """However odd its fields are, the collector takes the record that becomes of it."""
    said = bodies.read(json.dumps({"events": [told]}).encode())
    batch = intake.of_records(event_records(said["events"], HEX, BATCH, 7))
    assert (1, ()) == (len(batch.entries), batch.refused)


@given(FIELDS)
def test_fields_may_hold_anything(told):
    """Whatever comes, there is a record with its address and fields of their types."""
    said = bodies.read(json.dumps([told]).encode())
    (found,) = event_records(said, HEX, BATCH, 7)
    assert isinstance(found["event_type"], str)
    assert found["event_type"]
    assert isinstance(found["timestamp"], float)
    assert isinstance(found["end_timestamp"], float)
    assert found["result"] in {"Success", "Fail", "Indeterminate"}
    assert found["action_type"] in {"action", "llm", "api", "screenshot", "tool"}
    assert isinstance(found.get("params", {}), dict)
    assert isinstance(found.get("model", ""), str)
    assert isinstance(found.get("tags", []), list)
    assert (16, 32) == (len(found["id"]), len(found["session_id"]))
