"""An event is read tolerantly: a field of a wrong type is a field that is not there."""

import math

import pytest
from hypothesis import given

from agentlog.replay.node import Node, count, moment, texts
from agentlog.store.state import State
from tests.replay.events import event, records


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0.0),
        (1.5, 1.5),
        (1_700_000_000, 1.7e9),
        *((odd, None) for odd in (True, "1", None, [], -1, math.nan, math.inf, 1e300, 10**400)),
    ],
)
def test_moment(value, expected):
    """A timestamp is a number between the epoch and the year 9999."""
    assert expected == moment(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (12, 12),
        (2**63 - 2, 2**63 - 2),
        *(
            (odd, None)
            for odd in (True, "12", 12.0, -1, 2**63 - 1, math.nan, math.inf, 10**400, None, {})
        ),
    ],
)
def test_count(value, expected):
    """A count is a whole number that is not negative and not absurd."""
    assert expected == count(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(["a", 1, "", "b"], ("a", "b")), ("a", ("a",)), ({"a": 1}, ()), (None, ()), (3, ())],
)
def test_texts(value, expected):
    """Of tags, what is a text is taken."""
    assert expected == texts(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("plan", "plan"), ("", '""'), (None, "unnamed"), (7, "7"), (["é"], '["é"]'), ({1}, "set")],
)
def test_name(value, expected):
    """An event_type of a wrong type is shown as what it is."""
    assert expected == Node({"event_type": value}).name


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"type": "ValueError", "message": "bad\nworse"}, "ValueError: bad"),
        ({"type": "ValueError", "message": ""}, "ValueError"),
        ({"type": 3, "message": "  bad  "}, "bad"),
        ({"type": 3}, None),
        ("bad\u2028worse", "bad"),
        (["bad"], None),
        (None, None),
    ],
)
def test_error(error, expected):
    """Of an error the first line is read."""
    assert expected == Node({"error": error}).error


TOOLED = [
    {"role": "user", "content": "Will it rain?"},
    {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "forecast"}}]},
    {"role": "tool", "tool_call_id": "c", "content": "rain"},
]
USED = {"type": "tool_use", "id": "c", "name": "forecast", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "rain"}]}


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (None, None),
        ("", None),
        ("two\n lines", "asked: two lines"),
        ([{"role": "user", "content": "one"}, {"role": "user", "content": "two"}], "asked: two"),
        ([{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}], "asked: b"),
        ([{"role": "user", "content": "why"}, {"role": "assistant", "content": "{"}], "asked: why"),
        ([{"role": "assistant", "content": "{"}], "asked: {"),
        (TOOLED, "tool forecast gave: rain"),
        (
            [{"role": "assistant", "content": [USED]}, {"role": "user", "content": [RESULT]}],
            "tool forecast gave: rain",
        ),
        ([*TOOLED, {"role": "user", "content": "And now?"}], "asked: And now?"),
        (["one", "two"], "asked: two"),
        ([{"role": "user", "content": None}], 'asked: [{"role": "user", "content": null}]'),
        ([], "asked: []"),
        ({"question": 5}, 'asked: {"question": 5}'),
        (7, "asked: 7"),
        ("x" * 5000, "asked: " + "x" * 4096),
    ],
)
def test_asked(prompt, expected):
    """What waits for an answer is what a user or a tool said last, whatever the prompt's form."""
    assert expected == Node({"prompt": prompt}).asked


def test_times():
    """Duration is the difference, None without both ends and where the clock went back."""
    assert 1.0 == Node(event("a")).duration
    assert Node(event("a", start=3.0)).duration is None
    assert Node(event("a", end=None)).duration is None
    assert 2.0 == Node({"end_timestamp": 2.0}).when
    assert Node({}).when is None


def test_reason():
    """A reason is a user's own words; what the state says already is none."""
    assert "not sure" == Node({"reason": "not sure"}).reason
    assert Node({"reason": "cancelled"}).reason is None


def test_root():
    """A session is a root, and what says that its parent is null; not what says nothing."""
    assert [True, True, False, False] == [
        Node(fields).is_root
        for fields in (
            {"action_type": "session", "parent_id": "a"},
            {"parent_id": None},
            {"parent_id": 3},
            {},
        )
    ]


@given(records)
def test_every_field_of_any_type(record):
    """Whatever a record holds, every attribute can be read."""
    node = Node(record)
    assert isinstance(node.state, State)
    assert isinstance(node.name, str)
    assert node.name
    assert node.failed == (node.state is State.FAILED)
    for attribute in dir(Node):
        getattr(node, attribute)
