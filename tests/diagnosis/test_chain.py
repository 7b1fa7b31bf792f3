"""What is said of structlog's chain, and that it is so: each is logged through, too."""

import logging
from functools import partial
from importlib.metadata import version

import pytest
import structlog
from structlog.processors import EventRenamer, JSONRenderer, LogfmtRenderer, add_log_level

import agentlog as ao
from agentlog.diagnosis.chain import examine
from agentlog.diagnosis.finding import FACT, GOOD, NOTICE, WRONG
from agentlog.testing import capture_events

INSTALL = "call agentlog.install() after structlog.configure(...)"
PLACED = "the EventProcessor stands where it belongs, before "
BEHIND = "the EventProcessor stands behind"
BEFORE_INIT = "before it is called nothing is recorded"
ABSENT = "there is no EventProcessor: no line of structlog becomes an event"

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


def own_renderer(logger, method, line):
    """Render as nobody knows."""
    return str(line)


OWN = f"{__name__}.own_renderer"


def put(name):
    """Return the fix for a place that is wrong."""
    return f"put it before {name}, or {INSTALL}"


def configured(*processors, **others):
    """Configure structlog with these, where "EP" is an EventProcessor; into nowhere."""
    chain = [ao.EventProcessor() if each == "EP" else each for each in processors]
    others = {"logger_factory": structlog.ReturnLoggerFactory(), **others}
    structlog.configure(processors=chain, **others)


def found(topic="structlog", **arguments):
    """Return what is said of a topic, but for what is configured and the chain itself."""
    return [
        (finding.grade, finding.text, *finding.details)
        for finding in examine(**arguments)
        if finding.topic == topic
        and not finding.text.startswith((version("structlog"), "the chain in force"))
    ]


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
        (structlog.stdlib.filter_by_level, "filter_by_level"),
        (Sampling(), f"{__name__}.Sampling"),
        (sampling("often"), f"{__name__}.sampling.<locals>.sample"),
        (Sampling().__call__, f"{__name__}.Sampling.__call__"),
        (partial(sampling("often")), f"{__name__}.sampling.<locals>.sample, partial"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_may_drop_lines_is_noticed(dropping, name):
    """What names DropEvent and stands before the processor keeps lines from it; behind it, not."""
    with capture_events():
        configured(dropping, add_log_level, "EP", JSONRenderer())
        assert [
            (
                NOTICE,
                f"{name}, before the EventProcessor, may drop lines (DropEvent)",
                "what it drops is no event: put the EventProcessor before it if it should be one",
            ),
            (GOOD, PLACED + "JSONRenderer"),
        ] == found()
        configured("EP", dropping, JSONRenderer())
        assert [(GOOD, PLACED + "JSONRenderer")] == found()


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_a_filtering_logger_is_noticed(level):
    """A bound logger that drops lines before the chain is told, with its level."""
    wrapper = structlog.make_filtering_bound_logger(getattr(logging, level.upper()))
    configured("EP", JSONRenderer(), wrapper_class=wrapper)
    noticed = [text for grade, text, *_ in found() if grade is NOTICE]
    expected = f"loggers drop lines below {level}: they are no events"
    assert ([] if level == "debug" else [expected]) == noticed


def test_the_chain_is_listed():
    """Every processor by its number and name, as it stands, with the EventProcessor marked."""
    configured(structlog.contextvars.merge_contextvars, *[add_log_level] * 8, "EP", own_renderer)
    [chain] = [finding for finding in examine() if finding.text == "the chain in force"]
    assert (" 1. merge_contextvars", " 2. add_log_level") == chain.details[:2]
    assert (
        "10. EventProcessor  <- lines become events here",
        f"11. {OWN}",
    ) == chain.details[-2:]


def test_whether_structlog_is_configured_is_told():
    """With its version, as the chain in force is its own if nobody has configured it."""
    [first, *_] = examine()
    assert f"{version('structlog')}, not configured: as it is by default" == first.text
    configured("EP", JSONRenderer())
    [first, *_] = examine()
    assert f"{version('structlog')}, configured" == first.text


def test_a_tuple_is_noticed():
    """Processors that cannot be changed in place work, but `install` has to configure anew."""
    with capture_events():
        structlog.configure(processors=(ao.EventProcessor(), JSONRenderer()))
        [noticed, placed] = found()
        assert (NOTICE, "processors is a tuple, which cannot be changed in place") == noticed[:2]
        assert (GOOD, PLACED + "JSONRenderer") == placed


def test_a_generator_is_not_used_up():
    """Processors that can be looked at only once are left alone."""
    generator = (each for each in [JSONRenderer()])
    structlog.configure(processors=generator)
    [(grade, text, fix)] = found()
    assert (WRONG, "processors is a generator: to look into it would use it up") == (grade, text)
    assert fix == "give structlog.configure(processors=[...]) a list"
    assert 1 == len(list(generator))


def test_an_empty_chain_is_no_trouble():
    """A chain of no processors, and one of an EventProcessor alone, are described as they are."""
    configured()
    assert [(WRONG, ABSENT, INSTALL)] == found()
    with capture_events():
        configured("EP")
        assert [(GOOD, "the EventProcessor stands where it belongs")] == found()


@pytest.mark.parametrize(
    ("is_configured", "has_handler", "called", "grade"),
    [
        (True, False, False, WRONG),
        (True, True, False, NOTICE),
        (False, False, True, WRONG),
        (False, False, False, NOTICE),
        (False, True, True, FACT),
        (False, True, False, FACT),
    ],
)
def test_an_absent_processor_is_as_bad_as_it_is_meant(is_configured, has_handler, called, grade):
    """Who has not configured structlog may not use it; who has an EventHandler has a way in."""
    if is_configured:
        configured(JSONRenderer())
    if has_handler:
        logging.root.addHandler(ao.EventHandler())
    [(actual, text, *_)] = found(called=called)
    assert (grade, ABSENT) == (actual, text)


@pytest.mark.parametrize("with_handler", [True, False])
@pytest.mark.parametrize(
    "last",
    [
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        structlog.stdlib.render_to_log_kwargs,
    ],
)
def test_a_chain_that_hands_its_lines_over_needs_no_processor(last, with_handler):
    """Where an EventHandler is reached behind it, its lines are events there."""
    if with_handler:
        logging.root.addHandler(ao.EventHandler())
    configured(last, logger_factory=structlog.stdlib.LoggerFactory())
    expected = (GOOD, "no EventProcessor, but lines go on to the EventHandler")
    with capture_events() as captured:
        assert with_handler == ([expected] == found())
        structlog.get_logger().warning("found", action_type="tool")
    assert with_handler * ["found"] == [event["event_type"] for event in captured.events]


@pytest.mark.parametrize(
    ("has_processor", "called", "said"),
    [
        (True, False, [(NOTICE, f"no agentlog.init() yet: {BEFORE_INIT}")]),
        (False, False, [(NOTICE, f"no agentlog.init() yet: {BEFORE_INIT}")]),
        (True, True, [(FACT, f"agentlog.init() is not called by that function: {BEFORE_INIT}")]),
        (False, True, []),
    ],
)
def test_a_client_that_is_not_there_is_noticed(has_processor, called, said):
    """Before `init` nothing is recorded; a function that only configures need not call it."""
    configured(*["EP"] * has_processor, JSONRenderer())
    assert said == found("client", called=called)
    with capture_events():
        assert [] == found("client", called=called)


def test_a_processor_with_a_client_of_its_own_needs_no_other(tmp_path):
    """What is given its client does not wait for `init`."""
    client = ao.Client(home=tmp_path)
    configured(ao.EventProcessor(client), JSONRenderer())
    assert [] == found("client")
    client.close()
