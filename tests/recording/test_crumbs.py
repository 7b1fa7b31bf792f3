"""Breadcrumbs: the last log lines of an action, written only if it fails."""

import logging
import threading
from contextlib import suppress

import pytest

from agentlog import EventProcessor
from agentlog.testing import ManualClock, capture_events
from tests.recording.journals import MOST_OF_A_LINE


@pytest.fixture
def clock():
    """A clock that moves when it is told to."""
    return ManualClock(1000.0)


@pytest.fixture
def captured(clock):
    """Capture what the test records, under the clock."""
    with capture_events(clock=clock) as captured:
        yield captured


@pytest.fixture
def log(captured):
    """Log a line through a processor that selects none."""
    processor = EventProcessor(captured.client)
    return lambda event, method="info", logger=None, **line: processor(
        logger, method, {"event": event, **line}
    )


def failing(client, name, body=lambda: None):
    """Run an action that logs and fails."""
    with suppress(ValueError), client.action(name):
        body()
        raise ValueError("boom")


def events(event):
    """Return the events of a record's log."""
    return [entry["event"] for entry in event["log"]]


def test_written_only_if_the_action_fails(captured, log):
    """A failure has the lines before it; a success and an end that is neither have none."""
    with captured.client.action("good"):
        log("a")
    failing(captured.client, "bad", lambda: log("b"))
    with suppress(KeyboardInterrupt), captured.client.action("stopped"):
        log("c")
        raise KeyboardInterrupt
    with captured.client.action("told") as action:
        log("d")
        action.fail("no luck")
    assert ["b"] == events(captured.one("bad"))
    assert ["d"] == events(captured.one("told"))
    assert "log" not in captured.one("good")
    assert "log" not in captured.one("stopped")


def test_an_entry(captured, log, clock):
    """An entry says when, how loud, by whom and what, and has the line's other keys."""

    def body():
        clock.advance(2.5)
        log("hello", "warning", logging.getLogger("agent"), n=1, level="warn", timestamp="09:00")

    failing(captured.client, "bad", body)
    expected = {"timestamp": 1002.5, "level": "warn", "logger": "agent", "event": "hello", "n": 1}
    assert [expected] == captured.one("bad")["log"]


def test_the_last_twenty(captured, log):
    """Of many lines the last twenty are kept, in their order."""
    failing(captured.client, "bad", lambda: [log(str(n)) for n in range(50)])
    assert [str(n) for n in range(30, 50)] == events(captured.one("bad"))


@pytest.mark.parametrize(("most", "expected"), [(0, None), (1, ["2"]), (3, ["0", "1", "2"])])
def test_as_many_as_were_asked_for(captured, most, expected):
    """`breadcrumbs=` says how many, and 0 is off."""
    processor = EventProcessor(captured.client, breadcrumbs=most)
    lines = [{"event": str(n)} for n in range(3)]
    failing(captured.client, "bad", lambda: [processor(None, "info", line) for line in lines])
    found = captured.one("bad").get("log")
    assert expected == (found and [entry["event"] for entry in found])


def test_each_action_has_its_own(captured, log):
    """A line belongs to the innermost open action, and to no other."""

    def outer():
        log("before")
        failing(captured.client, "inner", lambda: log("within"))
        log("after")

    failing(captured.client, "outer", outer)
    assert ["within"] == events(captured.one("inner"))
    assert ["before", "after"] == events(captured.one("outer"))


def test_values_are_taken_at_the_call(captured, log):
    """What the program changes after the call is not in the log."""

    def body():
        value = [1]
        line = {"value": value, "text": "x"}
        log("changed", **line)
        value.append(2)

    failing(captured.client, "bad", body)
    assert [1] == captured.one("bad")["log"][0]["value"]


def test_the_line_itself_may_change(captured):
    """Processors behind ours change the line, and not what is remembered of it."""
    processor = EventProcessor(captured.client)

    def body():
        line = processor(None, "info", {"event": "a", "n": 1})
        line["n"], line["more"] = 2, 3
        line.pop("event")

    failing(captured.client, "bad", body)
    (entry,) = captured.one("bad")["log"]
    assert ("a", 1) == (entry["event"], entry["n"])
    assert "more" not in entry


def test_selected_lines_are_no_crumbs(captured, log):
    """What became an event is in the tree already."""

    def body():
        log("event", action_type="tool")
        log("refused", action_type="tool", agentlog=False)

    failing(captured.client, "bad", body)
    assert ["refused"] == events(captured.one("bad"))
    assert "agentlog" not in captured.one("bad")["log"][0]


def test_a_session_that_fails_has_those_outside_of_any_action(captured, log):
    """Lines that are logged in no action belong to the session."""
    with suppress(ValueError), captured.client.session():
        log("first")
        with captured.client.action("good"):
            log("within")
        log("last")
        raise ValueError("boom")
    assert ["first", "last"] == events(captured.sessions[0])


def test_threads_do_not_mix(captured, log):
    """A line in a thread of its own is no crumb of the main thread's action."""

    def work():
        failing(captured.client, "theirs", lambda: log("theirs"))

    def body():
        with captured.client.session():
            log("session's")
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        log("ours")

    captured.client.start_session()
    with pytest.warns(UserWarning, match=r"ao\.bind"):
        failing(captured.client, "ours", body)
    assert ["theirs"] == events(captured.one("theirs"))
    assert ["ours"] == events(captured.one("ours"))


def test_no_session_is_started_by_a_line(captured, log):
    """A line that is only remembered opens nothing and writes nothing."""
    log("nothing is open")
    assert [] == captured.records


def test_large_and_many_lines_are_bounded(captured, log):
    """Twenty huge lines leave the close half within the bounds of a record."""

    def body():
        for _ in range(20):
            log("huge", text="x" * (1 << 20), rows=[["y" * 1000] * 1000] * 100)

    failing(captured.client, "bad", body)
    assert max(map(len, captured.records)) <= MOST_OF_A_LINE
    assert "ValueError" == captured.one("bad")["error"]["type"]
    assert 20 == len(captured.one("bad")["log"])


class Grudging(dict):
    def items(self):
        raise RuntimeError

    __iter__ = keys = values = copy = get = __getitem__ = items


class Nameless:
    @property
    def name(self):
        raise RuntimeError


@pytest.mark.parametrize("what", ["line", "logger", "value", "keys"])
def test_a_hostile_line_costs_no_close(captured, what):
    """Whatever was logged before it, a failure is written."""
    processor = EventProcessor(captured.client)
    line = {
        "line": Grudging(event="a", n=[1]),
        "logger": {"event": "a"},
        "value": {"event": {"x": object()}, "level": ["loud"], "logger": {}, "n": Nameless()},
        "keys": {1: 2, "1": 3, None: 4, "event": "a", ("t",): [5]},
    }[what]
    failing(captured.client, "bad", lambda: processor(Nameless(), "info", line))
    assert "ValueError" == captured.one("bad")["error"]["type"]
    assert {} == dict(captured.client.stats().reasons)
