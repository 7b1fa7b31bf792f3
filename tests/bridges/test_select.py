"""Rules that say which log lines become events."""

import gc
import logging
import pickle
import sys
import warnings

import pytest
import structlog

from agentlog import ConfigurationError, EventProcessor, select
from agentlog.testing import capture_events


def selects(rule, line=None, method="info", logger=None):
    """Say whether a processor with this rule records the line."""
    with capture_events() as captured:
        EventProcessor(captured.client, select=rule)(logger, method, dict(line or {"event": "a"}))
        return bool(captured.events)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"event": "a"}, False),
        ({"event": "a", "event_type": "x"}, True),
        ({"event": "a", "action_type": "tool"}, True),
        ({"event_type": None}, True),
        ({"params": {}, "returns": 1}, False),
    ],
)
def test_the_default(line, expected):
    """Lines that carry `event_type` or `action_type` are events."""
    with capture_events() as captured:
        EventProcessor(captured.client)(None, "info", line)
        assert expected == bool(captured.events)
    assert expected == selects(select.default, line)


@pytest.mark.parametrize(
    ("name", "method", "line", "expected"),
    [
        ("warning", "info", {}, False),
        ("warning", "warning", {}, True),
        ("warning", "warn", {}, True),
        ("warning", "error", {}, True),
        ("warning", "exception", {}, True),
        ("WARNING", "critical", {}, True),
        ("warn", "warning", {}, True),
        ("debug", "debug", {}, True),
        ("error", "warning", {}, False),
        ("critical", "fatal", {}, True),
        ("warning", "info", {"level": "error"}, True),
        ("warning", "info", {"level": "ERROR"}, True),
        ("warning", "error", {"level": "info"}, False),
        ("warning", "error", {"level": 40}, True),
        ("warning", "msg", {}, False),
        ("warning", None, {}, False),
    ],
)
def test_level(name, method, line, expected):
    """A level selects itself and what is above: of the line, else of the method."""
    assert expected == selects(select.level(name), {"event": "a", **line}, method)


@pytest.mark.parametrize(
    ("glob", "line", "expected"),
    [
        ("search*", {"event": "search done"}, True),
        ("search*", {"event": "research"}, False),
        ("search", {"event": "search done"}, False),
        ("search*", {"event_type": "search", "event": "words"}, True),
        ("Search*", {"event": "search"}, False),
        ("[ab]", {"event": "b"}, True),
        ("a?c", {"event": "abc"}, True),
        ("*", {"event": "two\nlines"}, True),
        ("*", {"event": 3}, False),
        ("*", {"n": 1}, False),
    ],
)
def test_event(glob, line, expected):
    """A pattern selects by the event's name, case and all."""
    assert expected == selects(select.event(glob), line)


def test_logger():
    """A pattern selects by the logger's name: of the line, else of the logger."""
    rule = select.logger("agent.*")
    assert selects(rule, {"event": "a", "logger": "agent.search"})
    assert not selects(rule, {"event": "a", "logger": "urllib3"})
    assert selects(rule, logger=logging.getLogger("agent.x"))
    assert not selects(rule, logger=structlog.PrintLogger())
    assert not selects(rule)


def test_has():
    """A key selects the lines that carry it, whatever its value."""
    assert selects(select.has("tool"), {"event": "a", "tool": None})
    assert not selects(select.has("tool"))


def test_marked():
    """Only marked lines are selected, and the marker is `agentlog=True`."""
    assert not selects(select.marked())
    assert not selects(select.marked(), {"event": "a", "event_type": "x"})
    assert selects(select.marked(), {"event": "a", "agentlog": True})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (select.level("info") & select.has("n"), True),
        (select.level("error") & select.has("n"), False),
        (select.level("error") | select.has("n"), True),
        (select.level("error") | select.has("m"), False),
        (~select.has("m"), True),
        (~select.has("n"), False),
        (~(select.has("n") & select.has("m")) & select.event("a*"), True),
        (select.has("n") & (lambda logger, method, line: line["n"] == 1), True),
        (select.has("m") | (lambda logger, method, line: line["n"] == 1), True),
        (select.has("m") | select.default, False),
        (lambda logger, method, line: "yes", True),
        (lambda logger, method, line: [], False),
    ],
    ids=range(12),
)
def test_rules_combine(rule, expected):
    """Rules combine by `&`, `|` and `~`, with functions too."""
    assert expected == selects(rule, {"event": "a", "n": 1})


def test_a_rule_is_asked_for_lines_without_a_marker_only():
    """A marked line needs no rule; `&` and `|` ask the second rule only if they have to."""
    asked = []

    def rule(logger, method, line):
        asked.append(line["event"])
        return True

    with capture_events() as captured:
        processor = EventProcessor(captured.client, select=select.has("n") & rule)
        processor(None, "info", {"event": "marked", "n": 1, "agentlog": True})
        processor(None, "info", {"event": "refused", "n": 1, "agentlog": False})
        processor(None, "info", {"event": "without"})
        processor(None, "info", {"event": "asked", "n": 1})
        assert ["marked", "asked"] == captured.names()
    assert ["asked"] == asked


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: select.level("loud"), "one of notset, debug, info"),
        (lambda: select.level(30), "one of notset, debug, info"),
        (lambda: select.level(None), "one of notset, debug, info"),
        (lambda: select.event(""), "a pattern"),
        (lambda: select.event(3), "a pattern"),
        (lambda: select.logger(None), "a pattern"),
        (lambda: select.has(3), "the name of a key"),
        (lambda: select.has(None), "the name of a key"),
        (lambda: select.has("a") & 3, "not a rule"),
        (lambda: select.has("a") | "b", "not a rule"),
        (lambda: EventProcessor(select="level('warning')"), "not a rule"),
        (lambda: EventProcessor(select=None), "not a rule"),
    ],
    ids=range(12),
)
def test_what_is_no_rule_is_refused(make, expected):
    """A wrong rule raises where it is written, and says what is accepted."""
    with pytest.raises(ConfigurationError, match=expected):
        make()


EACH = [
    select.default,
    select.marked(),
    select.has("tool"),
    select.level("warning"),
    select.event("search*"),
    select.logger("agent.*"),
    select.has("tool") | select.level("error") & ~select.event("retry*"),
]


@pytest.mark.parametrize("rule", EACH, ids=repr)
def test_rules_can_be_pickled(rule):
    """A log config goes to the workers of a server with the rules in it."""
    copy = pickle.loads(pickle.dumps(rule))
    for line in ({"tool": 1}, {"event": "search", "event_type": "x"}, {"agentlog": True}):
        for method in ("info", "error"):
            assert rule(None, method, line) == copy(None, method, line)
    assert repr(rule) == repr(copy)


def is_slow(logger, method, line):
    """A rule of a program's own."""
    return line.get("seconds", 0) > 5


@pytest.mark.parametrize(
    ("rule", "seconds"),
    [
        (is_slow | select.has("tool"), [7]),
        (select.has("tool") | is_slow, [7]),
        (is_slow & select.event("a"), [7]),
        (select.event("a") & is_slow, [7]),
        (~(is_slow | select.has("tool")), [3]),
    ],
)
def test_a_function_combines_from_either_side(rule, seconds):
    """Any callable is a rule, wherever it stands."""
    chosen = [number for number in (3, 7) if selects(rule, {"event": "a", "seconds": number})]
    assert seconds == chosen


class Unhashable:
    def __hash__(self):
        raise RuntimeError


@pytest.mark.parametrize("value", [[1], {}, {"a"}, object(), None, 3, b"search", Unhashable()])
def test_a_value_that_is_no_name_fits_no_pattern(value):
    """What is logged in the place of a name may be anything; then the method has the level."""
    for rule in (select.event("*"), select.logger("*")):
        assert not selects(rule, {"event": value, "event_type": value, "logger": value})
    line = {"event": "a", "level": value}
    assert not selects(select.level("error"), line)
    assert selects(select.level("error"), line, "error")


class Exiting(str):
    """A text that ends the program when it is looked at."""

    __slots__ = ()

    def __hash__(self):
        raise SystemExit(3)

    __eq__ = lower = __hash__


class ExitingAnswer:
    def __bool__(self):
        raise SystemExit(3)


@pytest.mark.parametrize(
    "rule",
    [
        select.level("info"),
        select.event("a*"),
        select.logger("a*"),
        lambda logger, method, line: sys.exit(3),
        lambda logger, method, line: ExitingAnswer(),
    ],
    ids=["level", "event", "logger", "function", "answer"],
)
def test_a_rule_ends_no_program(rule):
    """Whatever a rule or a value in its way does, the line goes on."""
    line = {"event": Exiting("a"), "level": Exiting("info"), "logger": Exiting("a")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert selects(rule, line) in (True, False)


def test_a_pattern_keeps_nothing_of_what_it_was_asked():
    """What is logged is not held by the rule: neither values nor long texts."""
    rule = select.event("a*") | select.logger("a*")
    values = [ValueError("a"), "".join(["a"] * 10_000)]
    before = [sys.getrefcount(value) for value in values]
    for value in values:
        selects(rule, {"event": value, "event_type": value, "logger": value})
    del value
    gc.collect()
    assert before == [sys.getrefcount(value) for value in values]
