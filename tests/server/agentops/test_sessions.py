"""Sessions and agents of the AgentOps SDK."""

import json
import random

import pytest

from agentlog.server.agentops.sessions import FIRST, agent_record, log_record, session_record
from agentlog.store.merge import merged
from tests.server.agentops.told import HEX, NOON, ROOT, SESSION, ended, session


def only(*records):
    """The one event that records are of."""
    (event,) = merged(records).values()
    return event


def test_a_start_is_an_open_half():
    """A session that has started has no end, and its ids are those of its UUID."""
    assert {
        "id": ROOT,
        "session_id": HEX,
        "parent_id": None,
        "event_type": "agentops",
        "action_type": "session",
        "arrived": 7,
        "timestamp": NOON,
        "tags": ["a"],
    } == session_record(session(tags=["a"]), 7)


def test_an_end_has_all_that_is_known_of_a_session():
    """State, reason and rating are in it, and the start too, which may never have come."""
    record = session_record(ended(end_state_reason="done", rating="5", tags=["a"], video="v"), 7)
    assert {
        "id": ROOT,
        "session_id": HEX,
        "parent_id": None,
        "event_type": "agentops",
        "action_type": "session",
        "arrived": 7,
        "timestamp": NOON,
        "params": {"video": "v"},
        "tags": ["a"],
        "end_timestamp": NOON + 1.5,
        "result": "Success",
        "reason": "done",
        "rating": "5",
    } == record


@pytest.mark.parametrize(
    ("state", "result", "reason"),
    [
        ("Fail", "Fail", None),
        ("success", "Success", None),
        ("INDETERMINATE", "Indeterminate", None),
        (None, "Indeterminate", None),
        ("", "Indeterminate", None),
        ("Completed", "Indeterminate", "Completed"),
        ({"not": "a state"}, "Indeterminate", None),
    ],
)
def test_a_state_is_read_as_it_was_meant(state, result, reason):
    """0.0.1 took any text as a state: one of its own is the reason."""
    record = session_record(ended(end_state=state), 7)
    assert (result, reason) == (record["result"], record.get("reason"))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        ({"llm": "GPT-4", "n": 1}, ["llm=GPT-4", "n=1"]),
        ("alone", ["alone"]),
        (["a", 1, None], ["a", "1", "null"]),
        ([], []),
        (3, None),
    ],
)
def test_tags_are_a_list_of_texts(tags, expected):
    """0.0.1 and 0.0.2 had a mapping."""
    assert expected == session_record(session(tags=tags), 7).get("tags")


def test_requests_of_a_session_may_overtake_each_other():
    """Whatever comes first and however often, the end is the end."""
    records = [
        session_record(session(tags=["a"]), 1),
        session_record(session(tags=["a", "b"]), 2),
        session_record(ended(tags=["a", "b"], rating="5"), 3),
    ]
    expected = only(*records)
    assert "Success" == expected["result"]
    for seed in range(20):
        shuffled = records * 2
        random.Random(seed).shuffle(shuffled)
        assert expected == only(*shuffled)


@pytest.mark.parametrize("tags", [["a", "b"], ["b"], []])
def test_the_tags_that_were_set_last_count(tags):
    """They may be more, others or none."""
    start = session_record(session(tags=["a"]), 1000)
    update = session_record(session(tags=tags), 2000)
    assert tags == only(start, update)["tags"] == only(update, start)["tags"]


def test_a_start_of_a_later_version_is_always_the_first():
    """`create_session` is known to come before, even if it arrives afterwards."""
    start = session_record(session(tags=["a"]), FIRST)
    update = session_record(session(tags=["b"]), 1)
    assert ["b"] == only(start, update)["tags"]


def test_what_later_versions_tell_of_the_process_is_told():
    """And what they tell of themselves is not stored: among it is a token."""
    host_env = {
        "SDK": {"AgentOps SDK Version": "0.3.10", "Python Version": "3.11.7"},
        "OS": {"Hostname": "vm"},
        "CPU": {"Total cores": 2},
    }
    told = session(host_env=host_env, jwt="secret", config="", queue=[{}], thread="")
    record = session_record(told, 7)
    assert {"host": "vm", "python": "3.11.7", "agentops": "0.3.10"} == record["process"]
    assert {"host_env": host_env} == record["params"]
    assert not {"jwt", "config", "queue", "thread"} & record.keys()


@pytest.mark.parametrize("value", [None, "", "no uuid", 7, [], "ded1c66e-c094-413e-bdab"])
def test_without_a_uuid_there_is_no_session(value):
    """What has no id has no place."""
    assert session_record(session(session_id=value), 7) is None
    assert session_record({}, 7) is None


@pytest.mark.parametrize("value", [[], {}, 7, "text", "2026-13-45T99:00:00Z", True])
def test_values_of_any_type_do_no_harm(value):
    """Whatever stands in the fields, there is a record."""
    told = dict.fromkeys(ended(), value) | {"host_env": value, "session_id": SESSION}
    assert HEX == session_record(told, 7)["session_id"]


def test_an_agent_is_an_event_of_its_session():
    """Its events hang under it."""
    told = {"id": "117e3a1b-fda6-4a97-8f49-45472cceacc0", "name": "meteorologist"}
    expected = {
        "id": "8f4945472cceacc0",
        "session_id": HEX,
        "parent_id": ROOT,
        "event_type": "meteorologist",
        "action_type": "action",
        "timestamp": NOON,
        "end_timestamp": NOON,
        "result": "Indeterminate",
    }
    assert expected == agent_record(told, HEX, int(NOON * 1000))
    assert expected == agent_record({**told, "session_id": SESSION}, None, int(NOON * 1000))


@pytest.mark.parametrize("told", [{}, {"id": 7}, {"id": SESSION}])
def test_an_agent_without_ids_is_none(told):
    """It needs a session and an id of its own."""
    assert agent_record(told, None, 7) is None


def test_a_log_of_too_many_values_stays_a_text():
    """As JSON it would take seconds and many times its memory."""
    body = {"body": "a line"}
    assert "a line" == log_record(json.dumps(body).encode(), "17", 7)["returns"]
    many = json.dumps({**body, "more": [[]] * 600_000})
    assert many == log_record(many.encode(), "17", 7)["returns"]
