"""What is said of structlog's chain, and of logging beside it, and that it is so."""

import logging
from importlib.metadata import version

import pytest
import structlog
from structlog.processors import JSONRenderer, add_log_level
from structlog.stdlib import ProcessorFormatter

import agentlog as ao
from agentlog.diagnosis.chain import examine
from agentlog.diagnosis.finding import FACT, GOOD, NOTICE, WRONG
from agentlog.testing import capture_events
from tests.diagnosis.configurations import INSTALL, PLACED, configured, formatting, own_renderer
from tests.diagnosis.configurations import put as put_handler
from tests.diagnosis.configurations import said_of as found
from tests.ids import named

BEFORE_INIT = "before it is called nothing is recorded"
ABSENT = "there is no EventProcessor: no line of structlog becomes an event"
OWN = "tests.diagnosis.configurations.own_renderer"

pytestmark = pytest.mark.usefixtures("bare")


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_a_filtering_logger_is_told(level):
    """From warning on it is noticed that a bound logger drops lines, with the fix."""
    wrapper = structlog.make_filtering_bound_logger(getattr(logging, level.upper()))
    configured("EP", JSONRenderer(), wrapper_class=wrapper)
    text = f"loggers drop lines below {level}: they are no events"
    fix = "wrapper_class=structlog.make_filtering_bound_logger(logging.INFO)"
    expected = {"debug": [], "info": [(FACT, text)]}.get(level, [(NOTICE, text, fix)])
    assert [*expected, (GOOD, PLACED + "JSONRenderer")] == found()


def test_the_chain_is_listed():
    """Every processor by its number and name, as it stands, with the EventProcessor marked."""
    configured(structlog.contextvars.merge_contextvars, *[add_log_level] * 8, "EP", own_renderer)
    [chain] = [finding for finding in examine() if finding.text == "the chain in force"]
    assert (" 1. merge_contextvars", " 2. add_log_level") == chain.details[:2]
    assert (
        "10. EventProcessor  <- lines become events here",
        f"11. {OWN}",
    ) == chain.details[-2:]


def test_only_a_processor_that_gets_lines_is_marked():
    """Behind the renderer no lines become events."""
    configured("EP", own_renderer, JSONRenderer(), "EP", own_renderer, "EP")
    [chain] = [finding for finding in examine() if finding.text == "the chain in force"]
    assert [
        "1. EventProcessor  <- lines become events here",
        "4. EventProcessor",
        "6. EventProcessor",
    ] == [line for line in chain.details if "EventProcessor" in line]
    configured(own_renderer, "EP")
    [chain] = [finding for finding in examine() if finding.text == "the chain in force"]
    assert "2. EventProcessor" == chain.details[-1]


def test_whether_structlog_is_configured_is_told():
    """With its version; if nobody has configured it, its own chain is of no interest."""
    [only] = [finding for finding in examine() if finding.topic == "structlog"]
    assert (
        f"{version('structlog')}, not configured: it is not used, or as it is by default"
        == only.text
    )
    with capture_events():
        uninstall = ao.install()
        [first, chain, *_] = examine()
        uninstall()
    assert f"{version('structlog')}, not configured: as it is by default" == first.text
    assert "the chain in force" == chain.text
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


PLAIN = "lines of plain logging are not recorded: no handler is an EventHandler"
NOT_HANDED_OVER = "the EventHandler gets lines as they are printed, without their keys"
BY_LOGGING = structlog.stdlib.LoggerFactory()
OTHERWISE = structlog.ReturnLoggerFactory()


@pytest.mark.parametrize("called", [True, False])
@pytest.mark.parametrize(
    ("processors", "factory", "has_handler", "grades", "text"),
    [
        (None, None, False, [WRONG], PLAIN),
        (None, None, True, [GOOD], "EventHandler of the root logger: lines become events here"),
        ([JSONRenderer()], OTHERWISE, False, [WRONG, FACT], ABSENT),
        ([JSONRenderer()], OTHERWISE, True, [NOTICE, GOOD], ABSENT),
        ([JSONRenderer()], BY_LOGGING, False, [WRONG, NOTICE], ABSENT),
        (
            [JSONRenderer()],
            BY_LOGGING,
            True,
            [NOTICE, GOOD],
            f"there is no EventProcessor: {NOT_HANDED_OVER}",
        ),
        (["EP", JSONRenderer()], OTHERWISE, False, [GOOD, FACT], PLACED + "JSONRenderer"),
        (["EP", JSONRenderer()], BY_LOGGING, False, [GOOD, NOTICE], PLACED + "JSONRenderer"),
    ],
    ids=named,
)
def test_what_is_absent_is_as_bad_as_it_is_meant(
    processors, factory, has_handler, grades, text, called
):
    """Who has not configured structlog logs without it; who has may not use plain logging."""
    logging.root.setLevel(logging.INFO)
    if processors:
        configured(*processors, logger_factory=factory)
    if has_handler:
        logging.root.addHandler(ao.EventHandler())
    said = [*found(called=called)[processors is None :], *found("logging", called=called)]
    assert grades == [grade for grade, *_ in said]
    assert text == said[0][1]


def test_an_event_handler_gets_printed_lines_without_their_keys():
    """As is noticed: a rule can choose them by their level, and they have the name of the line."""
    logging.root.setLevel(logging.INFO)
    logging.root.addHandler(ao.EventHandler(select=ao.select.level("info")))
    configured(JSONRenderer(), logger_factory=BY_LOGGING)
    with capture_events() as captured:
        structlog.get_logger().info("found", event_type="search")
    assert ['{"event_type": "search", "event": "found"}'] == [
        event["event_type"] for event in captured.events
    ]


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


FORMATTERS = {
    "in processors": ((["EP", JSONRenderer()], None), GOOD),
    "behind the renderer": (([JSONRenderer(), "EP"], None), FACT),
    "for plain lines only": (([JSONRenderer()], ["EP"]), WRONG),
    "not there": (([JSONRenderer()], None), WRONG),
}


@pytest.mark.parametrize(("chains", "grade"), FORMATTERS.values(), ids=FORMATTERS)
@pytest.mark.filterwarnings("ignore::agentlog.errors.AgentlogWarning")
def test_a_chain_may_leave_its_lines_to_a_formatter(chains, grade):
    """It is right only if the EventProcessor of the formatter gets them."""
    processors, foreign = chains
    put_handler(formatting(*processors, foreign=foreign))
    logging.root.setLevel(logging.INFO)
    configured(ProcessorFormatter.wrap_for_formatter, logger_factory=BY_LOGGING)
    with capture_events() as captured:
        [(actual, text, *_)] = found()
        structlog.get_logger().info("found", agentlog=True)
    assert grade == actual
    assert (grade is GOOD) == (
        text == "no EventProcessor, but lines go on to the EventProcessor of a formatter"
    )
    assert (grade is GOOD) * ["found"] == [event["event_type"] for event in captured.events]


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


def test_recording_that_is_disabled_is_noticed(monkeypatch):
    """By the environment, of a program that is called or of the client that saw it."""
    monkeypatch.setenv("AGENTLOG_DISABLED", "1")
    noticed = (NOTICE, "AGENTLOG_DISABLED is set: nothing is recorded")
    configured("EP", JSONRenderer())
    assert noticed == found("client")[0] == found("client", called=True)[0]
    ao.init()
    monkeypatch.delenv("AGENTLOG_DISABLED")
    assert [noticed] == found("client")
    assert [] == found("client", called=True)
    ao.close()
