"""One line is one event, however many ways it comes by."""

import io
import itertools
import json
import logging
import queue
import sys
from contextlib import suppress
from logging.handlers import MemoryHandler, QueueHandler, QueueListener

import pytest
import structlog
from structlog.processors import JSONRenderer, add_log_level
from structlog.stdlib import ProcessorFormatter, render_to_log_kwargs

import agentlog as ao
from agentlog.testing import capture_events

WRAP = ProcessorFormatter.wrap_for_formatter
UNMETA = ProcessorFormatter.remove_processors_meta


@pytest.fixture(autouse=True)
def root():
    """Each test has the root logger for itself, and structlog as it is imported."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = []
    root.setLevel(logging.DEBUG)
    structlog.reset_defaults()
    yield root
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def captured():
    """Capture what the test records."""
    with capture_events() as captured:
        yield captured


def formatting(*processors, foreign=()):
    """A handler that prints lines as JSON, behind these processors."""
    handler = logging.StreamHandler(io.StringIO())
    formatter = ProcessorFormatter(
        foreign_pre_chain=list(foreign), processors=[*processors, JSONRenderer()]
    )
    handler.setFormatter(formatter)
    return handler


def lines(handler):
    """What a handler has printed."""
    return [json.loads(line) for line in handler.stream.getvalue().splitlines()]


def set_up(root, handlers, *processors):
    """Lead structlog's lines through these processors into logging, with these handlers."""
    root.handlers[:] = handlers
    structlog.configure(
        processors=[add_log_level, *processors],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return structlog.get_logger("agent")


EP, EH = ao.EventProcessor, ao.EventHandler
ARRANGEMENTS = {
    "in the shared chain": lambda own: (
        [formatting(UNMETA, foreign=[own]) for _ in range(2)],
        [own, WRAP],
    ),
    "in one formatter": lambda own: ([formatting(own, UNMETA)], [WRAP]),
    "one in three formatters": lambda own: (
        [formatting(own, UNMETA) for _ in range(3)],
        [WRAP],
    ),
    "one each in two formatters": lambda own: (
        [formatting(EP(), UNMETA) for _ in range(2)],
        [WRAP],
    ),
    "behind the meta keys": lambda own: (
        [formatting(UNMETA, EP()) for _ in range(2)],
        [WRAP],
    ),
    "twice in a formatter": lambda own: ([formatting(own, UNMETA, foreign=[own])], [WRAP]),
    "a handler alone": lambda own: ([EH()], [WRAP]),
    "two handlers": lambda own: ([EH(), EH()], [WRAP]),
    "a handler, then a formatter": lambda own: ([EH(), formatting(own, UNMETA)], [WRAP]),
    "a formatter, then a handler": lambda own: ([formatting(own, UNMETA), EH()], [WRAP]),
    "a handler behind a renderer": lambda own: ([EH()], [EP(correlate=False), JSONRenderer()]),
    "a handler behind keywords": lambda own: ([EH()], [own, render_to_log_kwargs]),
    "a handler behind a memory": lambda own: ([MemoryHandler(1, target=EH())], [own, WRAP]),
    "everywhere": lambda own: (
        [EH(), formatting(own, UNMETA, foreign=[own]), formatting(UNMETA, EP()), EH()],
        [own, WRAP],
    ),
}
"""What the handlers and the chain are, given an EventProcessor that may be in several places."""


@pytest.fixture
def log(arrangement, root):
    """A logger of structlog, in an arrangement."""
    handlers, chain = ARRANGEMENTS[arrangement](ao.EventProcessor())
    return set_up(root, handlers, *chain)


@pytest.fixture
def plain():
    """A logger of plain logging."""
    return logging.getLogger("plain")


with_each_arrangement = pytest.mark.parametrize("arrangement", ARRANGEMENTS)


@with_each_arrangement
def test_a_marked_line_is_one_event(log, plain, captured):
    """Of structlog or of plain logging, the same text twice is two events, and no more."""
    with ao.action("outer"):
        for _ in range(2):
            log.info("ours", agentlog=True, n=1)
            plain.info("%s", "theirs", extra={"agentlog": True, "n": 1})
    assert ["outer", "ours", "theirs", "ours", "theirs"] == captured.names()
    assert {captured.one("outer")["id"]} == {
        event["parent_id"] for event in captured.events if event["event_type"] != "outer"
    }


@with_each_arrangement
def test_a_line_is_remembered_once(log, plain, captured):
    """The lines before a failure are in its log once each, in their order."""
    with suppress(ZeroDivisionError), ao.action("failing"):
        log.info("first")
        plain.info("second")
        log.warning("third")
        raise ZeroDivisionError
    remembered = [line["event"] for line in captured.one("failing")["log"]]
    assert ["first", "second", "third"] == remembered


@with_each_arrangement
def test_a_line_marked_as_none_is_none(log, plain, captured):
    """Whichever way it comes by, `agentlog=False` wins."""
    log.info("ours", agentlog=False, action_type="tool")
    plain.info("theirs", extra={"agentlog": False, "action_type": "tool"})
    assert [] == captured.names()


@pytest.mark.parametrize(
    "arrangement",
    ["one each in two formatters", "behind the meta keys", "a handler, then a formatter"],
)
def test_every_formatters_line_has_the_ids_of_the_one_event(log, plain, root, captured):
    """Each handler prints a copy, and each copy finds the event."""
    log.info("ours", action_type="tool")
    plain.info("theirs", extra={"agentlog": True})
    for handler in root.handlers:
        if isinstance(handler.formatter, ProcessorFormatter):
            ours, theirs = lines(handler)
            assert captured.one("ours")["id"] == ours["event_id"]
            assert captured.one("theirs")["id"] == theirs["event_id"]
            assert "agentlog" not in ours | theirs


def test_two_clients_record_a_line_each(root, captured, tmp_path):
    """Once is once for each client."""
    with capture_events() as other:
        handlers = [ao.EventHandler(other.client), ao.EventHandler(captured.client)]
        own = ao.EventProcessor(captured.client)
        log = set_up(root, handlers, own, WRAP)
        log.info("ours", agentlog=True, action_type="tool")
        assert ["ours"] == captured.names()
        logging.getLogger("plain").info("theirs", extra={"agentlog": True})
        assert ["ours", "theirs"] == captured.names()
        assert ["theirs"] == other.names()[-1:]


def test_what_one_handler_passes_over_another_may_choose(root, captured):
    """The rule of whoever comes first does not decide for the others."""
    set_up(root, [ao.EventHandler(), ao.EventHandler(select=ao.select.level("info"))], WRAP)
    logging.getLogger("plain").info("chosen")
    assert ["chosen"] == captured.names()


@pytest.mark.parametrize("renderer", [JSONRenderer(), render_to_log_kwargs, WRAP])
def test_what_a_chain_passes_over_a_handler_behind_it_may_choose(root, captured, renderer):
    """The processor's rule does not decide for the handler, and the marker does for both."""
    handlers = [ao.EventHandler(select=ao.select.level("warning"))]
    log = set_up(root, handlers, ao.EventProcessor(), renderer)
    with suppress(ZeroDivisionError), ao.action("failing"):
        log.info("passed over")
        log.warning("by the handler")
        log.warning("by the processor", action_type="tool")
        log.warning("by nobody", agentlog=False)
        raise ZeroDivisionError
    chosen = [event for event in captured.events if event["event_type"] != "failing"]
    assert 2 == len(chosen)
    assert "by the handler" in chosen[0]["event_type"]
    assert "by the processor" == chosen[1]["event_type"]
    assert ["passed over", "by the handler"] == [
        line["event"] for line in captured.one("failing")["log"][:2]
    ]


@pytest.mark.parametrize("clock", [1_700_000_000.0, 0.0])
def test_records_of_the_same_instant_are_different(root, captured, monkeypatch, clock):
    """A program whose clock stands still logs as many lines as ever."""
    monkeypatch.setattr("time.time", lambda: clock)
    if sys.version_info >= (3, 13):
        monkeypatch.setattr("time.time_ns", lambda: int(clock * 1e9))
    root.handlers[:] = [ao.EventHandler(), ao.EventHandler()]
    for number in range(3):
        logging.getLogger("plain").info("line %d", number, extra={"agentlog": True})
    assert ["line 0", "line 1", "line 2"] == captured.names()


def test_a_queue_brings_a_copy_of_the_same_record(root, captured):
    """The handler in front of a queue and the one behind it see one line."""
    waiting = queue.SimpleQueue()
    root.handlers[:] = [QueueHandler(waiting), ao.EventHandler()]
    listener = QueueListener(waiting, ao.EventHandler())
    listener.start()
    for number in range(20):
        logging.getLogger("plain").info("line %d", number, extra={"agentlog": True})
    listener.stop()
    assert sorted(f"line {number}" for number in range(20)) == sorted(captured.names())


def test_a_level_of_a_handler_drops_lines_for_the_processor_behind_it(root, captured):
    """What no handler formats is no event where the processor stands in the formatter."""
    handler = formatting(ao.EventProcessor(), UNMETA)
    handler.setLevel(logging.WARNING)
    handler.addFilter(lambda record: "odd" not in record.getMessage())
    log = set_up(root, [handler], WRAP)
    for level, name in itertools.product(("info", "warning"), ("odd", "even")):
        getattr(log, level)(name, agentlog=True)
    assert ["even"] == captured.names()


class Chatty:
    """A value that logs when it is printed."""

    def __repr__(self):
        logging.getLogger("plain").info("inside", extra={"agentlog": True})
        return "chatty"


@pytest.mark.parametrize("renderer", [JSONRenderer(default=repr), WRAP])
def test_a_plain_line_inside_a_structlog_line_is_its_own(root, captured, renderer):
    """What a value logs while its line is rendered or recorded is another line."""
    log = set_up(root, [ao.EventHandler(), formatting(UNMETA)], ao.EventProcessor(), renderer)
    log.info("outside", value=Chatty())
    assert {"inside"} == set(captured.names())
    log.info("outside", value=Chatty(), action_type="tool")
    assert 1 == captured.names().count("outside")
