"""Which handlers are found, under which names, and whose lines come to them."""

import io
import logging
import logging.handlers
import queue

import pytest
from structlog.processors import JSONRenderer
from structlog.stdlib import ProcessorFormatter

import agentlog as ao
from agentlog.diagnosis.handlers import examine
from agentlog.diagnosis.stations import stations, together
from tests.diagnosis.configurations import formatting, logged, put

pytestmark = pytest.mark.usefixtures("bare")


def named():
    """Return what handlers are called, but for those of pytest."""
    return [str(station) for station in stations() if "pytest" not in str(station)]


def test_a_handler_is_named_with_its_loggers():
    """By its class, by its own name if it has one, and once for all loggers that have it."""
    put(put(put(ao.EventHandler(), "b"), "a"), name="events")
    assert [
        "EventHandler 'events' of the root logger, logger 'a' and logger 'b'",
    ] == named()


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "logger '0'"),
        (2, "logger '0' and logger '1'"),
        (5, "logger '0', logger '1', logger '2', logger '3' and logger '4'"),
        (7, "logger '0', logger '1', logger '2', logger '3', logger '4' and 2 more"),
    ],
)
def test_five_loggers_are_named(count, said):
    """Of the others only the number is told."""
    assert said == together(logging.getLogger(str(at)) for at in range(count))


def test_handlers_behind_handlers_are_found():
    """Of a MemoryHandler, and of the listener of a QueueHandler where Python keeps it."""
    put(logging.handlers.MemoryHandler(10, target=ao.EventHandler()))
    behind_a_queue = logging.handlers.QueueHandler(queue.SimpleQueue())
    listener = logging.handlers.QueueListener(behind_a_queue.queue, ao.EventHandler())
    behind_a_queue.listener = listener
    put(behind_a_queue, "app")
    assert [
        "MemoryHandler of the root logger",
        "EventHandler of the root logger",
        "QueueHandler of logger 'app'",
        "EventHandler of logger 'app'",
    ] == named()
    assert [False, False, False, True] == [
        station.is_behind_queue for station in stations() if "pytest" not in str(station)
    ]


@pytest.mark.parametrize(("outer", "inner"), [(0, 40), (40, 0), (0, 0)])
def test_a_handler_that_hands_on_does_not_ask_for_a_level(outer, inner):
    """It is the level of the handler that the logger has which counts, and no other."""
    target = ao.EventHandler()
    target.setLevel(inner)
    put(logging.handlers.MemoryHandler(1, target=target), level=outer)
    logging.root.setLevel(logging.INFO)
    [way] = [station for station in stations() if station.is_way]
    assert outer == way.level
    assert (outer == 0) == bool(logged())


WAYS = {
    "an EventHandler": (ao.EventHandler, True),
    "no EventHandler": (logging.StreamHandler, False),
    "in its formatter": (lambda: formatting("EP", JSONRenderer()), True),
    "in foreign_pre_chain": (lambda: formatting(JSONRenderer(), foreign=["EP"]), True),
    "not in its formatter": (lambda: formatting(JSONRenderer()), False),
    "behind the renderer": (lambda: formatting(JSONRenderer(), "EP", str), False),
}


@pytest.mark.parametrize(("handler", "is_way"), WAYS.values(), ids=WAYS)
@pytest.mark.filterwarnings("ignore::agentlog.errors.AgentlogWarning")
def test_a_handler_that_makes_events_is_one(handler, is_way):
    """An EventHandler, and one whose formatter has an EventProcessor that lines come to."""
    put(handler())
    logging.root.setLevel(logging.INFO)
    assert is_way == any(station.is_way for station in stations())
    assert is_way == bool(logged())


class Hostile:
    """A handler whose every look at it raises."""

    def __getattribute__(self, name):
        raise SystemExit(name)


class OfNobody(ProcessorFormatter):
    """A formatter that was never made properly."""

    def __init__(self):
        pass


def test_strange_handlers_are_examined():
    """Whatever is among the handlers and their filters, nothing is raised or used up."""
    cyclic = logging.handlers.MemoryHandler(10)
    cyclic.setTarget(cyclic)
    unmade = logging.StreamHandler(io.StringIO())
    unmade.setFormatter(OfNobody())
    used_up = logging.StreamHandler(io.StringIO())
    used_up.setFormatter(ProcessorFormatter(processors=iter([JSONRenderer()])))
    strange = put(ao.EventHandler())
    strange.filters, strange.level = [Hostile(), None], "high"
    logging.root.handlers += [Hostile(), None, cyclic, unmade, used_up]
    logging.root.filters = [Hostile()]
    try:
        assert list(examine(stations()))
    finally:
        logging.root.filters = []
        strange.level = 0
    assert 1 == len(list(used_up.formatter.processors))
