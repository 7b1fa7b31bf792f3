"""The structlog processor: selected lines become events, and the line goes on as it was."""

import copy
import logging
import warnings
from contextlib import suppress

import pytest
import structlog

import agentlog as ao
from agentlog import (
    AgentlogWarning,
    Client,
    ConfigurationError,
    EventProcessor,
    install,
    select,
)
from agentlog.testing import capture_events
from tests.recording.journals import warned

IDS = {"session_id", "event_id", "parent_id"}


def through(processor, logger=None, method="info", **line):
    """Send a line through a processor, and return what came out."""
    return processor(logger, method, line)


# -- The marker ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "recorded"),
    [
        ({"event": "a", "agentlog": True}, True),
        ({"event": "a", "action_type": "tool", "agentlog": False}, False),
        ({"event": "a", "action_type": "tool"}, True),
        ({"event": "a"}, False),
    ],
)
def test_the_marker_wins_and_is_taken_off(captured, line, recorded):
    """`agentlog=True` or `False` decides, whatever the rule says, and is not on the line."""
    out = through(EventProcessor(captured.client, correlate=False), **line)
    assert recorded == bool(captured.events)
    assert "agentlog" not in out
    assert not recorded or "agentlog" not in captured.events[0].get("params", {})


def test_the_marker_is_taken_off_where_nothing_is_recorded(monkeypatch, tmp_path):
    """Before `init`, and while agentlog is disabled, the printed line has no marker either."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert {"event": "a"} == through(EventProcessor(), event="a", agentlog=True)
    monkeypatch.setenv("AGENTLOG_DISABLED", "1")
    client = Client(home=tmp_path)
    assert {"event": "a"} == through(EventProcessor(client), event="a", agentlog=True)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [1, 0, "yes", None])
def test_a_key_of_that_name_with_another_value_is_no_marker(captured, value):
    """Only the two words are the marker: what a program means otherwise stays on its line."""
    out = through(EventProcessor(captured.client), event="a", agentlog=value)
    assert {"event": "a", "agentlog": value} == out
    assert [] == captured.events


# -- The line goes on ------------------------------------------------------------------------------


def test_ids_are_on_the_line(captured):
    """The printed line names the event, its parent and its session."""
    with captured.client.action("outer") as outer:
        out = through(EventProcessor(captured.client), event="a", action_type="tool")
    event = captured.one("a")
    expected = {
        "event": "a",
        "action_type": "tool",
        "session_id": outer.session_id,
        "event_id": event["id"],
        "parent_id": outer.id,
    }
    assert expected == out
    assert list(expected) == list(out)


def test_a_key_is_never_overwritten(captured):
    """Ids that the line has already are the program's own, and are params of the event."""
    out = through(
        EventProcessor(captured.client), event="a", agentlog=True, session_id=1, parent_id=None
    )
    assert (1, None) == (out["session_id"], out["parent_id"])
    event = captured.one("a")
    assert event["id"] == out["event_id"]
    assert {"session_id": 1, "parent_id": None} == event["params"]


@pytest.mark.parametrize(
    ("correlate", "stamped"),
    [
        (True, {"session_id", "event_id", "parent_id"}),
        (False, set()),
        ("all", {"session_id", "event_id", "parent_id"}),
        ({"session_id": "trace_id", "event_id": "span_id"}, {"trace_id", "span_id"}),
        ({"parent_id": "parent"}, {"parent"}),
        ({}, set()),
    ],
)
def test_correlate(captured, correlate, stamped):
    """Selected lines get the ids that were asked for, under the names that were given."""
    processor = EventProcessor(captured.client, correlate=correlate)
    out = through(processor, event="a", agentlog=True)
    assert stamped == set(out) - {"event"}
    names = {"trace_id": "session_id", "span_id": "id", "parent": "parent_id", "event_id": "id"}
    event = captured.one("a")
    assert all(out[name] == event[names.get(name, name)] for name in stamped)


def test_other_lines_are_stamped_only_by_all(captured):
    """Lines that are not selected get session and parent with `"all"`, if an action is open."""
    for correlate in (True, "all"):
        processor = EventProcessor(captured.client, correlate=correlate)
        assert {"event": "a"} == through(processor, event="a")
        with captured.client.session():
            assert {"event": "a"} == through(processor, event="a")
            with captured.client.action("x") as action:
                ids = {"session_id": action.session_id, "parent_id": action.id}
                expected = {"event": "a"} | (ids if correlate == "all" else {})
                assert expected == through(processor, event="a")
                mine = through(processor, event="a", parent_id="mine", session_id="")
                assert ("mine", "") == (mine["parent_id"], mine["session_id"])


# -- Nothing raises --------------------------------------------------------------------------------


class Grudging(dict):
    def get(self, *_):
        raise RuntimeError

    __getitem__ = __contains__ = items = keys = values = copy = pop = __iter__ = get


@pytest.mark.parametrize(
    "call",
    [
        (None, None, {}),
        (None, None, {"agentlog": True}),
        (None, "info", {"event": None, "agentlog": True}),
        (object(), 3, {3: 4, None: 5, "agentlog": True}),
        (None, "info", Grudging()),
        (None, "info", Grudging(event="a", agentlog=True)),
        (None, "info", None),
        (None, "info", "text"),
        (None, "info", ("args", {})),
    ],
    ids=range(9),
)
@pytest.mark.parametrize("correlate", [True, "all"])
def test_in_a_log_line_nothing_raises(captured, call, correlate):
    """Whatever is logged, also what is no mapping, comes out again, also under `-W error`."""
    processor = EventProcessor(captured.client, correlate=correlate)
    with captured.client.action("x"):
        assert call[2] is processor(*call)
    assert "Success" == captured.one("x")["result"]


def test_a_rule_that_raises_selects_nothing_and_is_named_once(captured):
    """The line goes on, one warning names the error, and marked lines are recorded still."""
    processor = EventProcessor(captured.client, select=lambda *line: 1 / 0)
    with warned() as caught:
        for _ in range(3):
            assert {"event": "a"} == through(processor, event="a")
        through(processor, event="b", agentlog=True)
    assert ["b"] == captured.names()
    assert 1 == len(caught)
    assert "ZeroDivisionError" in str(caught[0].message)


def test_a_line_from_a_home_that_cannot_be_written(tmp_path):
    """A full disk or a file in place of the home is no matter of the log line."""
    (tmp_path / "file").touch()
    client = Client(home=tmp_path / "file")
    with warned():
        out = through(EventProcessor(client), event="a", agentlog=True)
    assert {"event", *IDS} == set(out)


@pytest.mark.parametrize(
    "arguments",
    [
        {"client": "x"},
        {"select": 3},
        {"correlate": "some"},
        {"correlate": None},
        {"correlate": 3},
        {"correlate": {"trace": "trace_id"}},
        {"correlate": {"session_id": 3}},
        {"correlate": ["session_id"]},
        {"breadcrumbs": -1},
        {"breadcrumbs": True},
        {"breadcrumbs": "20"},
        {"breadcrumbs": None},
        {"breadcrumbs": 1.5},
    ],
)
@pytest.mark.parametrize("make", [EventProcessor, install])
def test_wrong_arguments_are_refused(arguments, make):
    """A wrong argument raises where it is written, and says what is accepted."""
    before = list(structlog.get_config()["processors"])
    with pytest.raises(ConfigurationError, match="is not a"):
        make(**arguments)
    assert before == structlog.get_config()["processors"]


# -- In structlog ----------------------------------------------------------------------------------


def test_bound_values_are_params(captured):
    """What was bound to a logger, or to structlog's context, belongs to the event."""
    logger = structlog.wrap_logger(
        structlog.testing.ReturnLogger(),
        processors=[structlog.contextvars.merge_contextvars, EventProcessor(captured.client)],
    )
    structlog.contextvars.bind_contextvars(request="r1")
    logger.bind(user="u1").info("search", action_type="tool", query="q")
    assert {"request": "r1", "user": "u1", "query": "q"} == captured.one("search")["params"]


def test_structlogs_context_does_not_touch_ours(captured):
    """`clear_contextvars` inside an action leaves its children where they belong."""
    processor = EventProcessor(captured.client)
    with captured.client.action("outer"):
        structlog.contextvars.clear_contextvars()
        through(processor, event="inner", agentlog=True)
    assert [("outer", ["inner"])] == captured.tree()


def test_the_default_client_is_looked_up_at_the_line():
    """A processor made before `init` records for the client that is there when a line comes."""
    processor = EventProcessor()
    with capture_events() as captured:
        through(processor, event="a", agentlog=True)
        assert ["a"] == captured.names()
    with capture_events() as captured:
        through(processor, event="b", agentlog=True)
        assert ["b"] == captured.names()


def test_parents_are_those_of_the_processors_client(captured, tmp_path):
    """An action of another client is no parent of this one's lines."""
    other = Client(home=tmp_path)
    with other.action("other"):
        through(EventProcessor(captured.client), event="a", agentlog=True)
    assert captured.one("a")["parent_id"] == captured.sessions[0]["id"]


def test_behind_the_renderer_it_says_so(captured):
    """A processor that only sees rendered lines lets them through, and warns once."""
    processor = EventProcessor(captured.client)
    with pytest.warns(AgentlogWarning, match="behind the renderer"):
        assert "a=1" == processor(None, "info", "a=1")
    assert b"a=1" == processor(None, "info", b"a=1")
    assert [] == captured.events


@pytest.mark.parametrize("line", [None, 3, [], "text", (), {}, {"event": None}, object()])
def test_whatever_it_is_called_with_goes_on(captured, line):
    """Nothing raises, and the same object is returned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in (None, 3, object()):
            assert line is EventProcessor(captured.client)(logger, None, line)


def test_it_can_be_copied(captured):
    """Configurations are copied, with all that is in them."""
    copied = copy.deepcopy(EventProcessor(select=select.level("error")))
    through(copied, method="error", event="a")
    through(copied, event="b")
    assert ["a"] == captured.names()


def test_a_formatter_may_have_a_logger_of_any_kind(captured):
    """The LogRecord on the line tells where it comes from, whatever logger it is given with."""
    record = logging.makeLogRecord({"msg": "a", "agentlog": True})
    for _ in range(2):
        line = {"event": "a", "_record": logging.makeLogRecord(vars(record))}
        EventProcessor(captured.client)(structlog.PrintLogger(), "info", line)
    assert ["a"] == captured.names()


def test_before_init_the_marker_is_taken_off_a_record_too():
    """A processor that copies `extra` behind ours does not print it."""
    record = logging.makeLogRecord({"msg": "a", "agentlog": True, "n": 1})
    line = through(EventProcessor(), event="a", _record=record)
    line = structlog.stdlib.ExtraAdder()(None, "info", line)
    assert {"event": "a", "_record": record, "n": 1} == line


def test_lines_of_a_remote_parents_work_are_not_the_local_sessions(captured):
    """What fails here is not what they came before."""
    processor = EventProcessor(captured.client)
    remote = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    with suppress(ValueError), captured.client.session():
        with ao.attach(remote):
            through(processor, event="elsewhere")
        through(processor, event="here")
        raise ValueError
    assert ["here"] == [line["event"] for line in captured.sessions[0]["log"]]
