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
from tests.scripts import run, well

WRAP = ProcessorFormatter.wrap_for_formatter
UNMETA = ProcessorFormatter.remove_processors_meta


@pytest.fixture(autouse=True)
def root():
    """Each test has the root logger for itself."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = []
    root.setLevel(logging.DEBUG)
    yield root
    root.handlers[:] = before
    root.setLevel(level)


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
        assert ["ours", "theirs"] == other.names()


def test_two_processors_of_a_chain_for_one_handler(root, captured):
    """What one of them has recorded, the handler leaves alone, whatever the other said."""
    never = ao.EventProcessor(select=lambda *line: False)
    for chain in ([ao.EventProcessor(), never], [never, ao.EventProcessor()]):
        log = set_up(root, [ao.EventHandler()], *chain, WRAP)
        log.info("ours", action_type="tool")
    assert ["ours", "ours"] == captured.names()


def test_what_is_an_event_is_not_remembered_as_well(root, captured, plain):
    """A handler whose rule passes over a line leaves one alone that is an event already."""
    root.handlers[:] = [ao.EventHandler(), ao.EventHandler(select=lambda *line: False)]
    with suppress(ZeroDivisionError), ao.action("failing"):
        plain.info("chosen", extra={"action_type": "tool"})
        raise ZeroDivisionError
    assert "log" not in captured.one("failing")


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


@pytest.mark.parametrize("renderer", [JSONRenderer(), render_to_log_kwargs, WRAP])
def test_a_plain_line_that_a_processor_logs_is_its_own(root, captured, plain, renderer):
    """It is logged below the call of a structlog line, and is another."""

    def counting(logger, method, event_dict):
        plain.info("counted", extra={"agentlog": True})
        plain.info("remembered")
        return event_dict

    log = set_up(root, [ao.EventHandler()], ao.EventProcessor(), counting, renderer)
    with suppress(ZeroDivisionError), ao.action("failing"):
        log.info("ours", action_type="tool")
        log.info("nobody's")
        raise ZeroDivisionError
    assert ["failing", "ours", "counted", "counted"] == captured.names()
    remembered = [line["event"] for line in captured.one("failing")["log"]]
    assert ["remembered", "nobody's", "remembered"] == remembered


@pytest.mark.parametrize("renderer", [JSONRenderer(default=repr), WRAP])
def test_a_plain_line_inside_a_structlog_line_is_its_own(root, captured, renderer):
    """What a value logs while its line is rendered or recorded is another line."""
    log = set_up(root, [ao.EventHandler(), formatting(UNMETA)], ao.EventProcessor(), renderer)
    log.info("outside", value=Chatty())
    assert {"inside"} == set(captured.names())
    log.info("outside", value=Chatty(), action_type="tool")
    assert 1 == captured.names().count("outside")


# -- Lines inside lines, and lines that come late --------------------------------------------------


def logging_inside(*line, **values):
    """A processor that logs another line, through the same chain."""

    def processor(logger, method, event_dict):
        if event_dict["event"] == "outside":
            structlog.get_logger("agent").info(*line, **values)
        return event_dict

    return processor


@pytest.mark.parametrize("renderer", [JSONRenderer(), render_to_log_kwargs, WRAP])
@pytest.mark.parametrize(
    ("inside", "outside", "names"),
    [
        ({"action_type": "tool"}, {}, ["inside"]),
        ({}, {"action_type": "tool"}, ["outside"]),
        ({"agentlog": False}, {"action_type": "tool"}, ["outside"]),
        ({"action_type": "tool"}, {"action_type": "tool"}, ["outside", "inside"]),
    ],
)
def test_a_line_that_is_logged_while_another_is(root, captured, renderer, inside, outside, names):
    """Each is judged by what was made of it, and not of the other."""
    own = ao.EventProcessor()
    chain = [own, logging_inside("inside", **inside), renderer]
    log = set_up(root, [ao.EventHandler()], *chain)
    log.info("outside", **outside)
    assert names == captured.names()


def test_a_record_that_another_line_brings_along(root, captured):
    """A handler that gathers records lets them go in the middle of a line that is not theirs."""
    memory = MemoryHandler(2, flushLevel=logging.CRITICAL, target=ao.EventHandler())
    log = set_up(root, [memory], ao.EventProcessor(), render_to_log_kwargs)
    plain = logging.getLogger("plain")
    plain.info("theirs", extra={"agentlog": True})
    log.info("ours", action_type="tool")
    log.info("ours too", action_type="tool")
    log.info("nobody's")
    assert {"theirs", "ours", "ours too"} == set(captured.names())
    assert 3 == len(captured.names())


@pytest.mark.parametrize("renderer", [JSONRenderer(), render_to_log_kwargs])
def test_a_line_that_comes_through_a_queue_is_known_by_its_id(root, captured, renderer):
    """Behind a queue nothing is left of the chain but what it has written on the line."""
    waiting = queue.SimpleQueue()
    listener = QueueListener(waiting, ao.EventHandler(select=ao.select.level("info")))
    log = set_up(root, [QueueHandler(waiting)], ao.EventProcessor(), renderer)
    with ao.action("outer"):
        log.info("ours", action_type="tool")
        logging.getLogger("plain").info("theirs")
        listener.start()
        listener.stop()
    assert {"outer", "ours", "theirs"} == set(captured.names())
    assert 3 == len(captured.names())


def test_a_plain_line_may_speak_of_an_event(root, captured, plain):
    """The id of an event in the text of another line is no reason to leave that out."""
    log = set_up(root, [ao.EventHandler()], ao.EventProcessor(), render_to_log_kwargs)
    log.info("ours", action_type="tool")
    plain.info("see %s", captured.one("ours")["id"], extra={"agentlog": True})
    assert 2 == len(captured.names())


# -- Loggers and records of the program's own ------------------------------------------------------


class OwnLogger(logging.Logger):
    """A logger that makes its records its own way."""

    def _log(self, level, msg, args, **kwargs):
        self.handle(self.makeRecord(self.name, level, "", 0, msg, args, None, **kwargs))


class Prefixing(logging.LoggerAdapter):
    def process(self, msg, kwargs):
        return f"> {msg}", kwargs


@pytest.mark.parametrize(
    "make",
    [
        lambda name: OwnLogger(name, logging.DEBUG),
        lambda name: logging.LoggerAdapter(logging.getLogger(name)),
        lambda name: Prefixing(logging.getLogger(name), {}),
    ],
    ids=["logger", "adapter", "own adapter"],
)
def test_whatever_logger_structlog_wraps(root, captured, make):
    """A line that leaves the chain through an adapter or a logger of another class is the same."""
    log = set_up(root, [ao.EventHandler()], ao.EventProcessor(correlate=False), JSONRenderer())
    target = make("agent")
    if isinstance(target, OwnLogger):
        target.parent = root
    log = structlog.wrap_logger(target)
    log.info("ours", action_type="tool")
    log.info("nobody's", agentlog=False, action_type="tool")
    assert ["ours"] == captured.names()


@pytest.mark.parametrize(
    "times",
    [{"relativeCreated": 0}, {"relativeCreated": 0.0}, {"relativeCreated": 0, "created": 1}],
)
def test_records_with_a_time_that_somebody_has_set(root, captured, monkeypatch, times):
    """A record that cannot be known again is recorded: rather twice than never."""
    make = logging.getLogRecordFactory()

    def factory(*arguments, **values):
        record = make(*arguments, **values)
        vars(record).update(times)
        return record

    monkeypatch.setattr(logging, "_logRecordFactory", factory)
    root.handlers[:] = [ao.EventHandler()]
    for number in range(3):
        logging.getLogger("plain").info("line %d", number, extra={"agentlog": True})
    assert ["line 0", "line 1", "line 2"] == captured.names()


def test_a_processor_that_others_call(root, captured):
    """In a function of the program's, or as a subclass, it is in the same place."""

    class Own(ao.EventProcessor):
        def __call__(self, logger, method, event_dict):
            return super().__call__(logger, method, event_dict)

    own = ao.EventProcessor()

    def function(*line):
        return own(*line)

    wrapped = [Own(), function]
    for each in wrapped:
        handlers = [formatting(UNMETA, each), formatting(UNMETA, each)]
        set_up(root, handlers, WRAP).info(f"line {wrapped.index(each)}", action_type="tool")
    log = set_up(root, [ao.EventHandler()], Own(), JSONRenderer())
    log.info("line 2", action_type="tool")
    assert ["line 0", "line 1", "line 2"] == captured.names()


def test_a_processor_may_be_called_from_the_outermost_frame(tmp_path):
    """There need be no structlog, and no function at all around it."""
    ran = run(
        tmp_path,
        """
        import agentlog as ao
        ao.init()
        ao.EventProcessor()(None, "info", {"event": "a", "agentlog": True})
        print(ao.stats().delivered)
        """,
    )
    assert ["a"] == well(ran).names()
    assert "2\n" == ran.stdout
