"""Event: its arguments and defaults, and that a wrong one says what is accepted."""

import enum
import json
import time

import pytest

from agentlog import ActionType, ConfigurationError, Event, EventState, Models
from agentlog.recording import event as event_module
from agentlog.testing import ManualClock, capture_events

FIELDS = ("params", "returns", "result", "action_type", "model", "prompt", "tags")


class Kind(str, enum.Enum):  # noqa: UP042 - such enums are what users of Python 3.10 have
    TOOL = "tool"


class Unprintable:
    def __repr__(self):
        raise ValueError


def test_an_event_needs_a_name_only():
    """The other arguments have the defaults of the design."""
    event = Event("search")
    assert "search" == event.event_type
    assert [None, None, "Indeterminate", "action", None, None, None] == [
        getattr(event, field) for field in FIELDS
    ]


def test_arguments_are_taken_by_position_too():
    """Their order is that of the lineage."""
    event = Event("search", {"q": 1}, 2, "Success", "tool", "gpt-4", "Hi", ["a"])
    assert [{"q": 1}, 2, "Success", "tool", "gpt-4", "Hi", ["a"]] == [
        getattr(event, field) for field in FIELDS
    ]


def test_an_event_happens_now():
    """Its timestamp is that of its making, in seconds since the epoch."""
    before = time.time()
    assert before <= Event("search").timestamp <= time.time()


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        ({"event_type": ""}, "a string that is not empty"),
        ({"event_type": None}, "a string that is not empty"),
        ({"event_type": 5}, "a string that is not empty"),
        ({"params": ["a"]}, "a mapping of names to values"),
        ({"params": "a"}, "a mapping of names to values"),
        ({"result": "Succes"}, "'Success', 'Fail', 'Indeterminate'"),
        ({"result": "success"}, "'Success', 'Fail', 'Indeterminate'"),
        ({"result": None}, "'Success', 'Fail', 'Indeterminate'"),
        ({"result": []}, "'Success', 'Fail', 'Indeterminate'"),
        ({"action_type": "lmm"}, "'action', 'llm', 'api', 'screenshot', 'tool', 'log'"),
        ({"action_type": "session"}, "'action', 'llm', 'api', 'screenshot', 'tool', 'log'"),
        ({"action_type": None}, "'action', 'llm', 'api', 'screenshot', 'tool', 'log'"),
        ({"model": ""}, "the model's name"),
        ({"model": 4}, "the model's name"),
        ({"tags": "nightly"}, "a list of strings"),
        ({"tags": [1]}, "a list of strings"),
        ({"tags": {"a": "b"}}, "a list of strings"),
    ],
)
def test_a_wrong_value_raises_and_says_what_is_accepted(arguments, accepted):
    """The message names the argument, the value that was given and those that are accepted."""
    ((name, value),) = arguments.items()
    with pytest.raises(ConfigurationError) as raised:
        Event(**{"event_type": "search", **arguments})
    assert accepted in str(raised.value)
    assert f"{name}={value!r}" in str(raised.value)
    assert isinstance(raised.value, ValueError)


def test_a_wrong_value_that_cannot_be_printed_raises_the_same_error():
    """The mistake is reported even if the value's own repr raises."""
    with pytest.raises(ConfigurationError):
        Event("search", model=Unprintable())


@pytest.mark.parametrize("kind", list(ActionType))
def test_action_types_are_accepted_as_members_and_as_texts(kind):
    """Both mean the same."""
    assert Event("x", action_type=kind).action_type == Event("x", action_type=str(kind)).action_type


def test_enums_serialise_as_their_values():
    """They are strings."""
    assert '["Success", "llm", "gpt-4"]' == json.dumps(
        [EventState.SUCCESS, ActionType.LLM, Models.GPT_4]
    )
    assert "Success llm gpt-4" == f"{EventState.SUCCESS} {ActionType.LLM} {Models.GPT_4}"


def test_the_models_are_those_of_the_lineage():
    """They are eleven names of OpenAI."""
    four = ["gpt-4", "gpt-4-0314", "gpt-4-0613", "gpt-4-32k", "gpt-4-32k-0314"]
    three = [f"gpt-3.5-turbo{end}" for end in ("", "-0301", "-0613", "-16k", "-16k-0613")]
    assert [*three, *four, "text-embedding-ada-002"] == [str(model) for model in Models]


def test_a_model_makes_an_event_of_no_chosen_type_an_llm_event():
    """A chosen type stays, also if it is the default's word."""
    assert "llm" == Event("x", model="claude").action_type
    assert "tool" == Event("x", model="claude", action_type="tool").action_type
    assert "action" == Event("x", model="claude", action_type="action").action_type
    assert "action" == Event("x", model="claude", action_type=ActionType.ACTION).action_type
    assert "action" == Event("x").action_type


def test_its_repr_has_the_name_and_no_payload():
    """What may be secret stays out of tracebacks and logs."""
    event = Event("search", {"q": "payload"}, "payload", prompt="payload", action_type="tool")
    assert "Event('search', action_type='tool')" == repr(event)


def test_an_events_fields_are_recorded_as_they_are():
    """A record has both halves, with equal times; what is None is not in it."""
    clock = ManualClock(1_700_000_000.25)
    with capture_events(clock=clock) as captured:
        captured.client.record(
            Event("search", {"q": "x"}, [1, 2], "Success", "tool", Models.GPT_4, "Hi", ("a", "b"))
        )
        captured.client.record(Event("bare"))
        full, bare = captured.events
    assert {
        "params": {"q": "x"},
        "returns": [1, 2],
        "result": "Success",
        "action_type": "tool",
        "model": "gpt-4",
        "prompt": "Hi",
        "tags": ["a", "b"],
        "timestamp": 1_700_000_000.25,
        "end_timestamp": 1_700_000_000.25,
    } == {key: full[key] for key in (*FIELDS, "timestamp", "end_timestamp")}
    assert {
        "id",
        "session_id",
        "parent_id",
        "event_type",
        "action_type",
        "timestamp",
        "end_timestamp",
        "result",
    } == set(bare)


def test_the_values_of_a_users_own_string_enum_are_recorded(captured):
    """A member of `class Kind(str, Enum)` is its value, not its name."""
    captured.client.record(Event("x", action_type=Kind.TOOL))
    with captured.client.action("y", action_type=Kind.TOOL):
        pass
    assert ["tool", "tool"] == [one["action_type"] for one in captured.events]


def test_a_timestamp_can_be_set(captured):
    """An event of the past is recorded where it was."""
    event = Event("search")
    event.timestamp = 12.5
    captured.client.record(event)
    assert (12.5, 12.5) == (captured.events[0]["timestamp"], captured.events[0]["end_timestamp"])


def test_an_event_recorded_twice_is_two_events(captured):
    """They have ids of their own."""
    event = Event("search")
    captured.client.record(event)
    captured.client.record(event)
    assert ["search", "search"] == captured.names()
    assert 2 == len({one["id"] for one in captured.events})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_type", None),
        ("params", [1]),
        ("result", "Succes"),
        ("action_type", "session"),
        ("model", 5),
        ("tags", "nightly"),
        ("tags", [1]),
        ("timestamp", "now"),
        ("timestamp", float("nan")),
        ("timestamp", True),
    ],
)
def test_a_field_set_wrongly_later_gets_its_default(captured, field, value):
    """`record` never raises, and no record has a field of the wrong type."""
    event = Event("search")
    setattr(event, field, value)
    captured.client.record(event)
    (recorded,) = captured.events
    assert value != recorded.get(field)
    assert all(event_module.fitting(f, recorded.get(f)) for f in ("params", "model", "tags"))
    assert all(
        event_module.fitting(f, recorded[f])
        for f in ("event_type", "result", "action_type", "timestamp")
    )


@pytest.mark.parametrize("nothing", [None, "search", {"event_type": "search"}, Event])
def test_what_is_no_event_is_counted_and_said(captured, nothing):
    """`record` never raises; it warns, and the loss is in the stats."""
    with pytest.warns(UserWarning, match="takes an Event"):
        captured.client.record(nothing)
    assert [] == captured.events
    assert 1 == captured.client.stats().dropped
