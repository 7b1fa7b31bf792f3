"""A log line as an event: which key becomes which field, row by row of the table."""

import asyncio
import logging
import sys

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from agentlog import EventProcessor
from agentlog.bridges import line as line_module
from agentlog.testing import capture_events


@pytest.fixture
def record(captured):
    """Give a line, marked as an event, to the processor; return its record."""
    processor = EventProcessor(captured.client)

    def record(line, method="info", logger=None):
        processor(logger, method, line | {"agentlog": True})
        return captured.events[-1]

    return record


class Grudging:
    @property
    def __class__(self):
        raise RuntimeError

    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


# -- Name and params -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name", "params"),
    [
        ({"event": "search"}, "search", {}),
        ({"event_type": "search"}, "search", {}),
        ({"event_type": "search", "event": "words"}, "search", {"event": "words"}),
        ({"event_type": "", "event": "words"}, "words", {"event_type": ""}),
        ({"event_type": None, "event": "words"}, "words", {"event_type": None}),
        ({"event_type": 3, "event": "words"}, "words", {"event_type": 3}),
        ({"event": 42}, "42", {}),
        ({"event": ""}, "log", {}),
        ({"event": None}, "log", {}),
        ({}, "log", {}),
        ({"event": "a", "n": 1}, "a", {"n": 1}),
        ({"event": "a", "params": {"n": 1}}, "a", {"n": 1}),
        ({"event": "a", "params": {}}, "a", {}),
        ({"event": "a", "params": {"n": 1}, "m": 2}, "a", {"n": 1, "m": 2}),
        ({"event": "a", "params": {"n": 1}, "n": 2}, "a", {"n": 1, "n (2)": 2}),
        ({"event": "a", "params": [1]}, "a", {"params": [1]}),
        ({"event": "a", "params": None}, "a", {"params": None}),
        ({"event": "a", "params": "x", "n": 1}, "a", {"params": "x", "n": 1}),
        ({"event": "a", 1: 2, "1": 3}, "a", {"1": 2, "1 (2)": 3}),
        ({"event": "a", "id": 1, "session_id": "s"}, "a", {"id": 1, "session_id": "s"}),
        ({"event": "a", "error": 1, "log": 2}, "a", {"error": 1, "log": 2}),
        ({"event": "a", "end_timestamp": 1, "notes": 2}, "a", {"end_timestamp": 1, "notes": 2}),
        ({"event": "a", "parent_id": "p", "reason": "r"}, "a", {"parent_id": "p", "reason": "r"}),
        ({"event": "a", "source": "s", "self": 1}, "a", {"source": "s", "self": 1}),
    ],
)
def test_name_and_params(record, line, name, params):
    """The name is `event_type`, else `event`; other keys, whatever their names, are params."""
    found = record(line)
    assert (name, params) == (found["event_type"], found.get("params", {}))
    assert len(found["id"]) == 16


@given(line=st.dictionaries(st.text(max_size=5), st.none() | st.integers(-9, 9) | st.text()))
def test_any_keys(line):
    """Lines of any keys are recorded, and no key is lost."""
    with capture_events(redact=False) as captured:
        EventProcessor(captured.client)(None, "info", {**line, "agentlog": True})
        (event,) = captured.events
        taken = {"agentlog", *line_module._KNOWN}
        expected = {key: value for key, value in line.items() if key not in taken}
        assert expected.items() <= event.get("params", {}).items()


# -- Fields ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("returns", {"a": [1]}),
        ("returns", 0),
        ("result", "Success"),
        ("result", "Fail"),
        ("action_type", "tool"),
        ("action_type", "api"),
        ("model", "gpt-4"),
        ("prompt", [{"role": "user", "content": "hi"}]),
        ("tags", ["a", "b"]),
        ("prompt_tokens", 0),
        ("completion_tokens", 123),
    ],
)
def test_a_field(record, name, value):
    """What a field can hold goes into the field, and not into the params."""
    found = record({"event": "a", name: value})
    assert value == found[name]
    assert not found.get("params")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("result", "Succes"),
        ("result", None),
        ("result", 1),
        ("result", ["Success"]),
        ("action_type", "session"),
        ("action_type", "Tool"),
        ("action_type", {}),
        ("model", ""),
        ("model", 4),
        ("tags", "abc"),
        ("tags", [1]),
        ("tags", {"a": 1}),
        ("prompt_tokens", -1),
        ("prompt_tokens", True),
        ("prompt_tokens", "12"),
        ("prompt_tokens", 1.5),
        ("completion_tokens", 1 << 63),
        ("completion_tokens", None),
    ],
)
def test_a_value_that_a_field_cannot_hold(record, name, value):
    """It stays a param, and the field has its default."""
    found = record({"event": "a", name: value})
    assert [name] == list(found["params"])
    default = {"result": "Indeterminate", "action_type": "log"}.get(name)
    assert default == found.get(name)


def test_the_kind(record):
    """A line is of the kind `log`, with a model `llm`, and what it says otherwise."""
    assert "log" == record({"event": "a"})["action_type"]
    assert "llm" == record({"event": "a", "model": "gpt-4"})["action_type"]
    assert "api" == record({"event": "a", "model": "gpt-4", "action_type": "api"})["action_type"]
    assert "llm" == record({"event": "a", "model": "gpt-4", "action_type": "x"})["action_type"]


@pytest.mark.parametrize(
    ("line", "method", "level", "result"),
    [
        ({}, "info", "info", "Indeterminate"),
        ({}, "warning", "warning", "Indeterminate"),
        ({}, "error", "error", "Fail"),
        ({}, "exception", "exception", "Fail"),
        ({}, "critical", "critical", "Fail"),
        ({}, "fatal", "fatal", "Fail"),
        ({}, "msg", "msg", "Indeterminate"),
        ({}, None, None, "Indeterminate"),
        ({"level": "error"}, "info", "error", "Fail"),
        ({"level": "ERROR"}, "info", "ERROR", "Fail"),
        ({"level": "info"}, "error", "info", "Indeterminate"),
        ({"level": 40}, "error", "error", "Fail"),
        ({"level": None}, "error", "error", "Fail"),
        ({"result": "Success"}, "error", "error", "Success"),
        ({"result": "Succes"}, "error", "error", "Fail"),
        ({"level": ["x"]}, "info", "info", "Indeterminate"),
    ],
)
def test_level_and_result(record, line, method, level, result):
    """The level is the line's, else the method's name; from error up the result is Fail."""
    found = record({"event": "a", **line}, method)
    assert (level, result) == (found.get("level"), found["result"])
    if "level" in line and not isinstance(line["level"], str):
        assert line["level"] == found["params"]["level"]


def test_the_logger(record):
    """The logger is the line's, else the name of the logger where it has one."""
    named = logging.getLogger("agent.search")
    assert "agent.search" == record({"event": "a"}, logger=named)["logger"]
    assert "mine" == record({"event": "a", "logger": "mine"}, logger=named)["logger"]
    assert "logger" not in record({"event": "a"}, logger=structlog.PrintLogger())
    found = record({"event": "a", "logger": 3}, logger=named)
    assert ("agent.search", {"logger": 3}) == (found["logger"], found["params"])


# -- Times -----------------------------------------------------------------------------------------


def test_a_number_is_the_timestamp(record):
    """A number is when it happened; begin and end are the same."""
    found = record({"event": "a", "timestamp": 1234.5})
    assert (1234.5, 1234.5) == (found["timestamp"], found["end_timestamp"])
    assert not found.get("params")


@pytest.mark.parametrize("timestamp", ["2026-11-21T09:00:00Z", ""])
def test_a_text_of_a_timestamp_is_left_out(record, timestamp):
    """What TimeStamper has formatted is no param: the record has a time of its own."""
    found = record({"event": "a", "timestamp": timestamp})
    assert found["timestamp"] > 1e9
    assert not found.get("params")


@pytest.mark.parametrize(
    "timestamp", [None, True, float("nan"), float("inf"), [1], pytest.param(10**400, id="huge")]
)
def test_a_timestamp_that_is_none(record, timestamp):
    """Anything else stays a param, and the record has a time of its own."""
    found = record({"event": "a", "timestamp": timestamp})
    assert found["timestamp"] > 1e9
    assert "timestamp" in found["params"]


# -- Errors ----------------------------------------------------------------------------------------


def raised(error):
    """Return an exception with a traceback."""
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.parametrize("how", ["exception", "tuple", "true"])
def test_an_exception(record, how):
    """`exc_info` as structlog allows it becomes the error, and no param."""
    error = raised(ValueError("bad"))
    try:
        raise error
    except ValueError:
        value = {"exception": error, "tuple": sys.exc_info(), "true": True}[how]
        found = record({"event": "a", "exc_info": value}, "exception")
    assert ("ValueError", "bad") == (found["error"]["type"], found["error"]["message"])
    assert "in raised" in found["error"]["traceback"]
    assert found["error"]["traceback"].rstrip().endswith("ValueError: bad")
    assert not found.get("params")


@pytest.mark.parametrize("value", [True, False, None, (None, None, None), 0])
def test_no_exception(record, value):
    """`exc_info` without an exception at hand is no error."""
    found = record({"event": "a", "exc_info": value})
    assert "error" not in found


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("bad"), "ValueError", "bad"),
        (ValueError(), "ValueError", ""),
        (ValueError("a: b: c"), "ValueError", "a: b: c"),
        (ValueError("first\nsecond: third"), "ValueError", "first\nsecond: third"),
        (asyncio.QueueFull("x"), "asyncio.queues.QueueFull", "x"),
        (KeyError("k"), "KeyError", "'k'"),
    ],
    ids=["plain", "empty", "colons", "lines", "module", "key"],
)
def test_an_exception_that_is_formatted_already(record, error, kind, message):
    """The text of `format_exc_info` gives type, message and traceback."""
    line = {"event": "a", "exc_info": raised(error)}
    line = structlog.processors.format_exc_info(None, "error", line)
    found = record(line, "error")
    assert (kind, message) == (found["error"]["type"], found["error"]["message"])
    assert "Traceback" in found["error"]["traceback"]


def test_a_formatted_exception_with_notes(record):
    """Notes behind the message are not taken for the type."""
    error = ValueError("bad")
    error.add_note("see: the manual")
    line = {"event": "a", "exc_info": raised(error)}
    found = record(structlog.processors.format_exc_info(None, "error", line))
    assert "ValueError" == found["error"]["type"]


def test_an_exception_as_a_dict_traceback(record):
    """The list of `dict_tracebacks` gives type, message and traceback."""
    line = {"event": "a", "exc_info": raised(ValueError("bad"))}
    found = record(structlog.processors.dict_tracebacks(None, "error", line))
    assert ("ValueError", "bad") == (found["error"]["type"], found["error"]["message"])
    assert found["error"]["traceback"]


@pytest.mark.parametrize("value", [None, "", 3, [], [3], {}])
def test_an_exception_of_another_form(record, value):
    """What is no traceback under the key `exception` stays a param."""
    found = record({"event": "a", "exception": value})
    assert {"exception": value} == found["params"]
    assert "error" not in found


# -- Call sites, and hostile values ----------------------------------------------------------------


def test_the_call_site(record):
    """Where structlog knows the call site, the record has it."""
    line = {"event": "a", "pathname": "/app/main.py", "lineno": 12}
    assert "/app/main.py:12" == record(line)["source"]
    assert "main.py:12" == record({"event": "a", "filename": "main.py", "lineno": 12})["source"]
    assert "source" not in record({"event": "a", "lineno": 12})


@pytest.mark.parametrize(
    "key",
    [
        *("event", "event_type", "params", "returns", "result", "action_type", "model", "prompt"),
        *("tags", "prompt_tokens", "level", "logger", "timestamp", "exc_info", "exception", "x"),
        "pathname",
    ],
)
def test_a_hostile_value_costs_no_event(record, captured, key):
    """A value that raises at every touch, under whatever key, leaves an event behind."""
    line = {"event": "a", "event_type": "kept", "n": 1, "lineno": 3}
    record({**line, key: Grudging()})
    assert 1 == len(captured.events)
    assert 1 == captured.events[0]["params"]["n"]


class Ending(str):
    """A text that ends the program when it is looked at."""

    __slots__ = ()

    def __hash__(self):
        raise SystemExit(3)

    __eq__ = __len__ = __bool__ = lower = __hash__


class EndingTruth:
    def __bool__(self):
        raise SystemExit(3)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ({"event_type": Ending("search"), "event": "a"}, "search"),
        ({"event": "a", "level": Ending("error")}, "a"),
        ({"event": "a", "exc_info": EndingTruth()}, "a"),
    ],
)
def test_a_value_ends_no_program(captured, record, line, name):
    """Texts are read as what they are, whatever their class makes of them."""
    record(line)
    assert [name] == captured.names()
