"""Events of the AgentOps SDK from 0.1 on."""

import pytest

from agentlog.server.agentops.events import event_records
from tests.server.agentops.told import BATCH, HEX, NOON, ROOT, SESSION

ID = "117e3a1b-fda6-4a97-8f49-45472cceacc0"
TRACE = "Traceback (most recent call last):\nValueError: no Atlantis\n"


def told(kind, **more):
    """An event as 0.1 and later tell it."""
    return {
        "event_type": kind,
        "id": ID,
        "init_timestamp": "2026-11-21T12:00:00.000000+00:00",
        "end_timestamp": "2026-11-21T12:00:01.500000+00:00",
        **more,
    }


def records(*events):
    """The records of a request with these events."""
    return event_records(events, HEX, BATCH, 7)


@pytest.mark.parametrize(
    ("event", "name", "action_type"),
    [
        (told("actions", action_type="plan"), "plan", "action"),
        (told("actions", action_type="plan", name="plan"), "plan", "action"),
        (told("actions"), "action", "action"),
        (told("tools", name="radar"), "radar", "tool"),
        (told("tools", name="radar", tool_name="radar"), "radar", "tool"),
        (told("llms", model="gpt-4"), "llm", "llm"),
        (told("apis"), "api", "api"),
        (told("errors", error_type="Storm"), "Storm", "action"),
        (told("errors"), "Error", "action"),
        (told("errors", details={"ValueError": "no Atlantis"}), "ValueError", "action"),
    ],
)
def test_each_kind_has_its_name(event, name, action_type):
    """The kind is the action_type, and the name stands where each kind has it."""
    (found,) = records(event)
    assert (name, action_type) == (found["event_type"], found["action_type"])
    assert "params" not in found


def test_an_event_is_found_by_its_uuid():
    """Its id is the second half of it, so it is once there however often it is sent."""
    (found,) = records(told("actions"))
    assert ("8f4945472cceacc0", HEX, ROOT) == (found["id"], found["session_id"], found["parent_id"])
    assert (NOON, NOON + 1.5) == (found["timestamp"], found["end_timestamp"])


def test_a_completion_is_what_a_model_returned():
    """Where there are both, the completion stays beside it."""
    completion = {"role": "assistant", "content": "Yes"}
    (alone,) = records(told("llms", completion=completion))
    (beside,) = records(told("llms", completion=completion, returns="all of it"))
    assert completion == alone["returns"]
    assert ("all of it", {"completion": completion}) == (beside["returns"], beside["params"])


def test_an_error_hangs_under_what_it_befell():
    """That has failed, and the error has type, message and traceback."""
    error = {
        "event_type": "errors",
        "error_type": "ValueError",
        "details": "no Atlantis",
        "logs": TRACE,
        "timestamp": "2026-11-21T12:00:00.000Z",
        "trigger_event_id": ID,
        "trigger_event_type": "actions",
    }
    action, found = records(told("actions", action_type="fails"), error)
    assert "Fail" == action["result"] == found["result"]
    assert action["id"] == found["parent_id"]
    assert {"type": "ValueError", "message": "no Atlantis", "traceback": TRACE} == found["error"]
    assert "params" not in found


def test_an_error_whose_event_is_not_there_hangs_under_its_session():
    """0.1.0 to 0.1.8 and 0.3.21 to 0.3.26 never send the call of a function that failed."""
    (found,) = records(told("errors", trigger_event_id=SESSION, trigger_event="", agent_id=None))
    assert (ROOT, {"trigger_event_id": SESSION}) == (found["parent_id"], found["params"])


def test_an_error_alone_hangs_under_its_session():
    """Details of any form are its message; what else is told is a param."""
    (found,) = records(
        told("errors", details={"wind": 9, "rain": 3}, code="9", logs="NoneType: None\n")
    )
    assert ROOT == found["parent_id"]
    assert {"type": "Error", "message": '{"wind": 9, "rain": 3}'} == found["error"]
    assert {"code": "9"} == found["params"]


def test_what_an_agent_recorded_hangs_under_it():
    """An agent's id is the second half of its UUID."""
    (found,) = records(told("actions", agent_id=SESSION))
    assert ROOT == found["parent_id"]
    assert "params" not in found


@pytest.mark.parametrize("kind", ["actions", "llms", "errors"])
def test_an_early_event_may_be_called_like_a_kind(kind):
    """It has a result, as those of later versions never have."""
    (found,) = records(told(kind, result=None, action_type="api"))
    assert (kind, "api") == (found["event_type"], found["action_type"])
