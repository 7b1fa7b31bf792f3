"""What is said of handlers, formatters and levels of the standard library's logging."""

import io
import logging
import logging.handlers
import queue

import pytest
from structlog.processors import JSONRenderer
from structlog.stdlib import ProcessorFormatter, add_log_level

import agentlog as ao
from agentlog.diagnosis.finding import FACT, GOOD, NOTICE, WRONG
from agentlog.diagnosis.handlers import examine, stations
from agentlog.testing import capture_events

META = ProcessorFormatter.remove_processors_meta
NOBODY = (
    FACT,
    "lines of plain logging are not recorded: no handler is an EventHandler",
    "logging.getLogger().addHandler(agentlog.EventHandler()) adds one",
)
OF_ROOT = "StreamHandler of the root logger"
SELECT = "take its level out; which lines become events is better said by select="

pytestmark = pytest.mark.usefixtures("bare")


def found(*, only=(FACT, GOOD, NOTICE, WRONG)):
    """Return what is said with one of these grades."""
    return [
        (finding.grade, finding.text, *finding.details)
        for finding in examine(stations())
        if finding.grade in only
    ]


def put(handler, logger="", level=logging.NOTSET, name=None):
    """Give a logger a handler."""
    handler.setLevel(level)
    handler.name = name
    logging.getLogger(logger).addHandler(handler)
    return handler


def formatting(*processors, foreign=None):
    """Return a handler whose ProcessorFormatter has these, where "EP" is an EventProcessor."""
    chains = [
        chain and [ao.EventProcessor() if each == "EP" else each for each in chain]
        for chain in (processors, foreign)
    ]
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(ProcessorFormatter(processors=chains[0], foreign_pre_chain=chains[1]))
    return handler


def logged():
    """Log a line by plain logging, and return the names of the events."""
    with capture_events() as captured:
        logging.getLogger("app").warning("found", extra={"agentlog": True})
    return [event["event_type"] for event in captured.events]


def test_where_nothing_is_configured_nothing_is_recorded():
    """That lines of plain logging are no events is a fact, told with what would make them some."""
    put(logging.StreamHandler(io.StringIO()))
    assert [NOBODY] == found()
    assert [] == logged()


@pytest.mark.parametrize("logger", ["", "app"])
def test_an_event_handler_is_named_with_its_logger(logger):
    """It is where lines become events."""
    put(ao.EventHandler(), logger, name="events")
    owner = f"logger '{logger}'" if logger else "the root logger"
    assert [(GOOD, f"EventHandler 'events' of {owner}: lines become events here")] == found()
    assert ["found"] == logged()


def test_a_formatter_is_described():
    """Both of its chains are listed, under the names of the arguments that they are."""
    put(formatting(META, JSONRenderer(), foreign=[add_log_level]), name="console")
    [described, nobody] = found()
    assert (
        FACT,
        "StreamHandler 'console' of the root logger: ProcessorFormatter",
        "foreign_pre_chain, for lines of plain logging",
        "1. add_log_level",
        "processors",
        "1. ProcessorFormatter.remove_processors_meta",
        "2. JSONRenderer",
    ) == described
    assert NOBODY == nobody
    assert [] == logged()


IN_FORMATTER = f"the EventProcessor in the formatter of {OF_ROOT} stands behind"
IN_FOREIGN = f"the EventProcessor in foreign_pre_chain of {OF_ROOT} stands behind"
NO_LINES = "the renderer, JSONRenderer: no lines come to it"
TWICE = f"twice in the formatter of {OF_ROOT}, as 1 and 2, for the same client"
FORMATTERS = {
    "in processors": (["EP", META, JSONRenderer()], None, None),
    "in foreign_pre_chain": ([META, JSONRenderer()], [add_log_level, "EP"], None),
    "in both": (["EP", META, JSONRenderer()], ["EP"], None),
    "behind its record": ([META, "EP", JSONRenderer()], None, None),
    "behind the renderer": (
        [JSONRenderer(), "EP"],
        None,
        (WRONG, f"{IN_FORMATTER} {NO_LINES}", "put it before JSONRenderer"),
    ),
    "behind the renderer of foreign lines": (
        [META, JSONRenderer()],
        [JSONRenderer(), "EP"],
        (WRONG, f"{IN_FOREIGN} {NO_LINES}", "put it before JSONRenderer"),
    ),
    "twice": (
        ["EP", "EP", META, JSONRenderer()],
        None,
        (WRONG, f"the EventProcessor is there {TWICE}", "take one of them out"),
    ),
}


@pytest.mark.parametrize(("processors", "foreign", "said"), FORMATTERS.values(), ids=FORMATTERS)
def test_where_the_processor_stands_in_a_formatter(processors, foreign, said):
    """It is told as for structlog's chain; a line is an event where nothing is said."""
    put(formatting(*processors, foreign=foreign))
    assert ([said] if said else []) == found(only=(NOTICE, WRONG))
    assert said or ["found"] == logged()


def test_a_handler_on_two_loggers_is_told_once():
    """With both loggers."""
    handler = ao.EventHandler()
    put(handler, "b")
    put(handler, "a")
    text = "EventHandler of logger 'a' and logger 'b': lines become events here"
    assert [(GOOD, text)] == found()


def test_levels_are_noticed():
    """What the level of an EventHandler or of its logger keeps from it is told, for each."""
    put(ao.EventHandler(), "app", logging.ERROR)
    logging.getLogger("app").setLevel("INFO")
    logging.root.setLevel("INFO")
    assert [
        (
            NOTICE,
            "EventHandler of logger 'app' drops lines below ERROR: they are no events",
            SELECT,
        ),
        (
            NOTICE,
            "logger 'app' drops lines below INFO: they are no events",
            "logging.getLogger('app').setLevel(logging.DEBUG) lets them through, to all handlers",
        ),
    ] == found(only=[NOTICE])
    assert [] == logged()


@pytest.mark.parametrize("level", [logging.NOTSET, logging.DEBUG])
def test_a_level_that_keeps_nothing_back_is_not_noticed(level):
    """There is nothing below debug."""
    put(ao.EventHandler(), level=level)
    logging.root.setLevel(level)
    assert [] == found(only=[NOTICE])


@pytest.mark.parametrize(
    ("others", "is_noticed"), [([], True), ([logging.ERROR], True), ([logging.NOTSET], False)]
)
def test_the_level_of_a_formatters_handler_is_noticed(others, is_noticed):
    """Unless an event can come about in the formatter of another handler without a level."""
    put(formatting("EP", META, JSONRenderer()), level=logging.ERROR, name="one")
    for level in others:
        put(formatting("EP", META, JSONRenderer()), level=level)
    text = "StreamHandler 'one' of the root logger drops lines below ERROR: they are no events"
    assert is_noticed == ((NOTICE, text, SELECT) in found())
    assert ([] if is_noticed else ["found"]) == logged()


@pytest.mark.parametrize(
    ("own", "propagate", "is_noticed"),
    [
        (logging.NullHandler, False, True),
        (logging.NullHandler, True, False),
        (ao.EventHandler, False, False),
        (None, False, False),
    ],
)
def test_loggers_that_keep_their_lines_are_noticed(own, propagate, is_noticed):
    """A logger with handlers that does not propagate is told, unless it has an EventHandler."""
    put(ao.EventHandler())
    logging.getLogger("app").propagate = propagate
    if own:
        put(own(), "app")
    expected = (
        NOTICE,
        "logger 'app' does not propagate: its lines come to no EventHandler",
        "give it an EventHandler of its own, or let it propagate",
    )
    assert is_noticed * [expected] == found(only=[NOTICE])
    assert is_noticed or not own or ["found"] == logged()


def test_loggers_that_keep_their_lines_do_not_matter_without_an_event_handler():
    """Where there is none, nothing is kept from it."""
    put(logging.NullHandler(), "app").name = "own"
    logging.getLogger("app").propagate = False
    assert [NOBODY] == found()


def test_handlers_behind_handlers_are_found():
    """Of a MemoryHandler, and of the listener of a QueueHandler where Python keeps it."""
    put(logging.handlers.MemoryHandler(10, target=ao.EventHandler()))
    behind_a_queue = logging.handlers.QueueHandler(queue.SimpleQueue())
    behind_a_queue.listener = logging.handlers.QueueListener(
        behind_a_queue.queue, ao.EventHandler()
    )
    put(behind_a_queue, "app")
    assert [
        (GOOD, "EventHandler of the root logger: lines become events here"),
        (GOOD, "EventHandler of logger 'app': lines become events here"),
    ] == found()


class Hostile:
    """A handler whose every look at it raises."""

    def __getattribute__(self, name):
        raise SystemExit(name)


class OfNobody(ProcessorFormatter):
    """A formatter that was never made properly."""

    def __init__(self):
        pass


def test_strange_handlers_are_examined():
    """Whatever is among the handlers, nothing is raised."""
    cyclic = logging.handlers.MemoryHandler(10)
    cyclic.setTarget(cyclic)
    unmade = logging.StreamHandler(io.StringIO())
    unmade.setFormatter(OfNobody())
    used_up = logging.StreamHandler(io.StringIO())
    used_up.setFormatter(ProcessorFormatter(processors=iter([JSONRenderer()])))
    logging.root.handlers += [Hostile(), None, cyclic, unmade, used_up]
    assert [NOBODY] == found()
    assert 1 == len(list(used_up.formatter.processors))
