"""Where an EventProcessor stands, and that it is so: each line is logged, too."""

import logging
from functools import partial

import pytest
import structlog
from structlog.processors import EventRenamer, JSONRenderer, LogfmtRenderer, add_log_level

import agentlog as ao
from agentlog.diagnosis.finding import FACT, GOOD, NOTICE, WRONG
from agentlog.testing import capture_events
from tests.diagnosis.configurations import INSTALL, PLACED, configured, own_renderer
from tests.diagnosis.configurations import said_of as found

BEHIND = "the EventProcessor stands behind"
ABSENT = "there is no EventProcessor: no line of structlog becomes an event"
OWN = "tests.diagnosis.configurations.own_renderer"

pytestmark = pytest.mark.usefixtures("bare")


class Sampling:
    """A processor that lets some lines through."""

    def __call__(self, logger, method, line):
        if line.get("often"):
            raise structlog.DropEvent
        return line


def sampling(name):
    """Return a processor that looks into the package for what it raises."""

    def sample(logger, method, line):
        if name in line:
            raise structlog.exceptions.DropEvent
        return line

    return sample


def put(name):
    """Return the fix for a place that is wrong."""
    return f"put it before {name}, or {INSTALL}"


POSITIONS = {
    "at its place": (
        [add_log_level, "EP", JSONRenderer()],
        (GOOD, PLACED + "JSONRenderer"),
        ["found"],
    ),
    "before the last, which nobody knows": (
        ["EP", own_renderer],
        (GOOD, PLACED + OWN),
        ["found"],
    ),
    "long before the renderer": (
        ["EP", add_log_level, EventRenamer("msg"), JSONRenderer()],
        (GOOD, PLACED + "EventRenamer"),
        ["found"],
    ),
    "not there": (
        [add_log_level, JSONRenderer()],
        (WRONG, ABSENT, f"{INSTALL}, or put agentlog.EventProcessor() before JSONRenderer"),
        [],
    ),
    "behind the renderer": (
        [JSONRenderer(), "EP"],
        (WRONG, f"{BEHIND} the renderer, JSONRenderer: no lines come to it", put("JSONRenderer")),
        [],
    ),
    "behind the renderer, and before another": (
        [add_log_level, LogfmtRenderer(), "EP", own_renderer],
        (
            WRONG,
            f"{BEHIND} the renderer, LogfmtRenderer: no lines come to it",
            put("LogfmtRenderer"),
        ),
        [],
    ),
    "behind a renderer that nobody knows": (
        [add_log_level, own_renderer, "EP"],
        (WRONG, f"{BEHIND} {OWN}, as the last, where the renderer belongs", put(OWN)),
        [],
    ),
    "behind a renamer": (
        [EventRenamer("msg"), "EP", JSONRenderer()],
        (
            WRONG,
            f"{BEHIND} EventRenamer: the event's name has another key there",
            put("EventRenamer"),
        ),
        ["log"],
    ),
    "twice": (
        ["EP", add_log_level, "EP", JSONRenderer()],
        (
            WRONG,
            "the EventProcessor is there twice, as 1 and 3, for the same client",
            f"take one of them out, or {INSTALL}",
        ),
        ["found", "found"],
    ),
}
"""Processors, what is said of them, and what becomes of a line."""


@pytest.mark.parametrize(("processors", "said", "recorded"), POSITIONS.values(), ids=POSITIONS)
def test_where_the_processor_stands(processors, said, recorded):
    """What is wrong with its place is told with the fix; and a line fares as that says."""
    with capture_events() as captured:
        configured(*processors)
        assert [said] == found()
        structlog.get_logger().info("found", action_type="tool")
    assert recorded == [event["event_type"] for event in captured.events]


@pytest.mark.parametrize("processors", [case[0] for case in POSITIONS.values()], ids=POSITIONS)
def test_the_fix_is_one(processors):
    """After `install`, which is what is to be done, all is said to be well, and is."""
    with capture_events() as captured:
        configured(*processors)
        ao.install()
        assert [GOOD] == [grade for grade, *_ in found()]
        structlog.get_logger().info("found", action_type="tool")
    assert ["found"] == [event["event_type"] for event in captured.events]


def test_two_clients_may_both_have_one(tmp_path):
    """Twice is wrong only for one client: two record what is theirs."""
    other = ao.Client(home=tmp_path)
    with capture_events():
        configured(ao.EventProcessor(), ao.EventProcessor(other), JSONRenderer())
        assert [(GOOD, PLACED + "JSONRenderer")] == found()
    other.close()


@pytest.mark.parametrize(
    ("dropping", "name"),
    [
        (Sampling(), f"{__name__}.Sampling"),
        (sampling("often"), f"{__name__}.sampling.<locals>.sample"),
        (Sampling().__call__, f"{__name__}.Sampling.__call__"),
        (partial(sampling("often")), f"{__name__}.sampling.<locals>.sample, partial"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_may_drop_lines_is_noticed(dropping, name):
    """What names DropEvent and stands before the processor keeps lines from it; behind it, not."""
    noticed = (
        NOTICE,
        f"{name} may drop lines before the EventProcessor gets them",
        "that is right for noise; put the EventProcessor before it to record them too",
    )
    for chain, said, recorded in (
        ([dropping, add_log_level, "EP", JSONRenderer()], noticed, []),
        (["EP", dropping, JSONRenderer()], (GOOD, PLACED + "JSONRenderer"), ["found"]),
    ):
        with capture_events() as captured:
            configured(*chain)
            assert [said] == found()
            structlog.get_logger().info("found", agentlog=True, often=True)
        assert recorded == [event["event_type"] for event in captured.events]


@pytest.mark.parametrize("level", ["DEBUG", "ERROR"])
def test_what_filters_by_level_is_right_in_front(level):
    """A line that is not logged is no event: that is a fact."""
    logging.root.setLevel(level)
    by_logging = {
        "logger_factory": structlog.stdlib.LoggerFactory(),
        "wrapper_class": structlog.stdlib.BoundLogger,
    }
    with capture_events() as captured:
        configured(structlog.stdlib.filter_by_level, "EP", JSONRenderer(), **by_logging)
        assert [
            (
                FACT,
                "lines below the loggers' levels are no events: filter_by_level drops them",
                f"the root logger's level is {level}",
            ),
            (GOOD, PLACED + "JSONRenderer"),
        ] == found()
        structlog.get_logger().info("found", agentlog=True)
    assert (level == "DEBUG") * ["found"] == [event["event_type"] for event in captured.events]


@pytest.mark.parametrize(
    ("adding", "name", "what"),
    [
        (
            structlog.contextvars.merge_contextvars,
            "merge_contextvars",
            "what is bound to the context is",
        ),
        (
            structlog.stdlib.PositionalArgumentsFormatter(),
            "PositionalArgumentsFormatter",
            "the arguments of a line are",
        ),
    ],
)
def test_what_comes_to_a_line_behind_the_processor_is_noticed(adding, name, what):
    """The event is without it; in front of the processor it is in the event."""
    events = []
    for chain, said in (
        (
            ["EP", adding, JSONRenderer()],
            (
                NOTICE,
                f"{what} not in the events: {name} comes behind the EventProcessor",
                f"put the EventProcessor behind {name}",
            ),
        ),
        ([adding, "EP", JSONRenderer()], (GOOD, PLACED + "JSONRenderer")),
    ):
        configured(*chain)
        assert [said] == found("structlog") or said == found("structlog")[-1]
        with capture_events() as captured, structlog.contextvars.bound_contextvars(user="ada"):
            structlog.get_logger().info("found %d", agentlog=True, positional_args=(3,))
        events += captured.events
    without, whole = [(event["event_type"], event["params"].get("user")) for event in events]
    assert (without, whole) in [
        (("found %d", None), ("found %d", "ada")),
        (("found %d", None), ("found 3", None)),
    ]


def test_what_exports_lines_is_to_stand_behind():
    """Before the processor it exports a line with its marker and without its ids."""
    exporting = type("StructlogProcessor", (), {"__call__": lambda _, logger, name, line: line})()
    configured(exporting, "EP", JSONRenderer())
    [(grade, text, fix)] = found()
    assert (NOTICE, put(f"{__name__}.StructlogProcessor")) == (grade, fix)
    assert text.startswith(f"{BEHIND} {__name__}.StructlogProcessor, which exports")


@pytest.mark.parametrize("given", [ao.EventProcessor, type("Own", (ao.EventProcessor,), {})])
def test_the_class_is_no_processor(given):
    """Parentheses were forgotten: no line can be logged, and no more than that is said."""
    name = "EventProcessor" if given is ao.EventProcessor else f"{__name__}.Own"
    configured(add_log_level, given, JSONRenderer())
    text = f"{name} is the class: each line raises a TypeError there"
    assert [(WRONG, text, f"write {name}()")] == found()
    with pytest.raises(TypeError):
        structlog.get_logger().info("found")
