"""The line that is printed is byte for byte what it would be without us, whatever prints it.

Each test prints the same lines twice: with the processor, and with `by_hand` in its place, which
does the little that is meant to be done to a line: the marker off, the ids on.
"""

import io
import logging
from collections import OrderedDict, UserDict
from types import SimpleNamespace

import pytest
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import (
    JSONRenderer,
    KeyValueRenderer,
    LogfmtRenderer,
    add_log_level,
    dict_tracebacks,
    format_exc_info,
)
from structlog.stdlib import ProcessorFormatter

from agentlog import EventProcessor

NAME = "test_rendered_line"


# -- Ways to print, and lines ----------------------------------------------------------------------


def filtering(out, processors):
    """Print with structlog's own loggers, which leave out lines below their level."""
    structlog.configure(
        processors,
        structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(out),
    )


def plain(out, processors):
    """Print with the loggers that take any method."""
    structlog.configure(
        processors, structlog.BoundLogger, logger_factory=structlog.PrintLoggerFactory(out)
    )


def standard(out, processors, formatter=None):
    """Print with the loggers of the standard library, which get lines that are rendered."""
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    logger = logging.getLogger(NAME)
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    structlog.configure(
        [structlog.stdlib.filter_by_level, *processors],
        structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def formatter(out, processors):
    """Print with a ProcessorFormatter, with the processor in the chain in front of it."""
    *chain, renderer = processors
    wrapped = [*chain, ProcessorFormatter.wrap_for_formatter]
    standard(out, wrapped, ProcessorFormatter(processors=[_unwrapped, renderer]))


def within_formatter(out, processors):
    """Print with a ProcessorFormatter, with the processor in it."""
    inner = ProcessorFormatter(processors=[_unwrapped, *processors])
    standard(out, [ProcessorFormatter.wrap_for_formatter], inner)


_unwrapped = ProcessorFormatter.remove_processors_meta

WAYS = [filtering, plain, standard, formatter, within_formatter]
RENDERERS = {
    "json": JSONRenderer(),
    "key-value": KeyValueRenderer(key_order=["event"], drop_missing=True),
    "logfmt": LogfmtRenderer(),
    "console": ConsoleRenderer(colors=False, exception_formatter=plain_traceback),
    "colours": ConsoleRenderer(colors=True, exception_formatter=plain_traceback),
    "rich": ConsoleRenderer(colors=True),
}


def log_lines():
    """Log lines that become events, and others."""
    log = structlog.get_logger(NAME)
    log.info("hello", n=None, password="hunter2", text='é "quoted"\n')
    log.debug("below the level of most")
    log.info("search", action_type="tool", tags=["a"], returns=1.5, timestamp="09:00", stack="s")
    log.bind(z=1, a={"b": [1]}).warning("words", event_type="named", event_id="mine")
    log.bind(agentlog=True).error("marked", name=1, message=2, args=3, msg=4, session_id=5, id=6)
    log.info("refused", action_type="tool", agentlog=False)
    log.info("no marker", agentlog="yes", logger="mine", level="mine", exception=None)


def printed(way, *processors, log=log_lines):
    """Return what is printed in this way, with these processors."""
    out = io.StringIO()
    way(out, [add_log_level, *processors])
    log()
    return out.getvalue()


def by_hand(events=()):
    """Return a processor that takes the marker off, and puts these events' ids on their lines."""
    stamps = {
        event["event_type"]: {
            "session_id": event["session_id"],
            "event_id": event["id"],
            "parent_id": event["parent_id"],
        }
        for event in events
    }

    def processor(logger, method, line):
        if isinstance(line.get("agentlog"), bool):
            del line["agentlog"]
        for key, value in stamps.get(line.get("event_type", line["event"]), {}).items():
            line.setdefault(key, value)
        return line

    return processor


@pytest.mark.parametrize("correlate", [False, True])
@pytest.mark.parametrize("renderer", list(RENDERERS)[:-1])
@pytest.mark.parametrize("way", WAYS)
def test_a_line_is_printed_as_it_would_be_without_us(captured, way, renderer, correlate):
    """Selected or not, it differs in nothing; with ids on, it has just those too."""
    processor = EventProcessor(captured.client, correlate=correlate)
    with captured.client.action("open"):
        found = printed(way, processor, RENDERERS[renderer])
    assert [("open", ["search", "named", "marked"])] == captured.tree()
    expected = by_hand(captured.events if correlate else ())
    assert printed(way, expected, RENDERERS[renderer]) == found


# -- Exceptions ------------------------------------------------------------------------------------


def fail():
    """Raise; there is nothing among the locals that a traceback could show."""
    raise ValueError("bad")


def raised():
    """Return an exception with a traceback."""
    try:
        fail()
    except ValueError as error:
        return error


ERROR = raised()


def log_failures():
    """Log in all forms of exc_info, selected or not; rich shows locals, so there is no logger."""
    try:
        fail()
    except ValueError:
        structlog.get_logger(NAME).error("true", exc_info=True, agentlog=True)
        structlog.get_logger(NAME).exception("method", agentlog=True)
        structlog.get_logger(NAME).error("not selected", exc_info=True)
    given = type(ERROR), ERROR, ERROR.__traceback__
    structlog.get_logger(NAME).error("exception", exc_info=ERROR, agentlog=True)
    structlog.get_logger(NAME).error("tuple", exc_info=given, agentlog=True)
    structlog.get_logger(NAME).error("nothing there", exc_info=None, agentlog=True)


TEXTS = ("json", "key-value", "logfmt", "console", "colours")
EXCEPTIONS = {
    "left to the renderer": ([], [], RENDERERS),
    "format_exc_info before": ([format_exc_info], [], TEXTS),
    "format_exc_info behind": ([], [format_exc_info], TEXTS),
    "dict_tracebacks before": ([dict_tracebacks], [], ["json"]),
    "dict_tracebacks behind": ([], [dict_tracebacks], ["json"]),
}


@pytest.mark.filterwarnings("ignore:Remove `format_exc_info`")
@pytest.mark.parametrize("way", [filtering, standard, formatter])
@pytest.mark.parametrize(
    ("before", "behind", "renderer"),
    [
        pytest.param(before, behind, renderer, id=f"{name}, {renderer}")
        for name, (before, behind, renderers) in EXCEPTIONS.items()
        for renderer in renderers
    ],
)
def test_an_exception_is_printed_as_it_would_be_without_us(captured, way, before, behind, renderer):
    """Whoever formats it, in front of us or behind, the printed traceback is the same."""
    processor = EventProcessor(captured.client, correlate=False)
    render = RENDERERS[renderer]
    with captured.client.action("open"):
        found = printed(way, *before, processor, *behind, render, log=log_failures)
    failed = [event["event_type"] for event in captured.events if "error" in event]
    assert ["true", "method", "exception", "tuple"] == failed
    assert printed(way, *before, by_hand(), *behind, render, log=log_failures) == found


# -- The event dict --------------------------------------------------------------------------------


class Own(dict):
    """A mapping of the program's own."""


@pytest.mark.parametrize("selected", [True, False])
@pytest.mark.parametrize("kind", [dict, OrderedDict, Own, UserDict])
def test_the_same_mapping_goes_on_with_the_same_values_in_the_same_order(captured, kind, selected):
    """It is neither copied nor sorted, and nothing in it is replaced, encoded or used up."""
    values = {"z": [1], "event": "a", "password": "hunter2", "a": iter([1]), "m": SimpleNamespace()}
    line = kind({"agentlog": selected, **values})
    with captured.client.action("open"):
        assert line is EventProcessor(captured.client, correlate=False)(None, "info", line)
    assert list(values.items()) == list(line.items())
    assert all(value is line[key] for key, value in values.items())
    assert [1] == list(line["a"])
    assert ["open", "a"][: 1 + selected] == captured.names()


KEYS = {
    **{key: key for key in ("name", "module", "process", "message", "id", "session_id", "args")},
    **{key: key for key in ("msg", "", "a b", "self", "method_name", "logger_name", "extra")},
    5: "5",
    ("a", 1): "('a', 1)",
}


@pytest.mark.parametrize(
    "wrapper",
    [
        structlog.BoundLogger,
        structlog.make_filtering_bound_logger(0),
        structlog.stdlib.BoundLogger,
    ],
    ids=["plain", "filtering", "standard"],
)
@pytest.mark.parametrize(("key", "text"), KEYS.items(), ids=map(repr, KEYS))
def test_a_key_of_any_name_is_a_param_and_stays_on_the_line(captured, wrapper, key, text):
    """No name is taken by us, by the standard library or by the bound logger."""
    printed = structlog.testing.LogCapture()
    value = ["value"]
    chain = [EventProcessor(captured.client, correlate=False), printed]
    wrapper(structlog.testing.ReturnLogger(), chain, {key: value}).info("a", agentlog=True)
    assert {text: value} == captured.one("a")["params"]
    assert [{key: value, "event": "a", "log_level": "info"}] == printed.entries
    assert value is printed.entries[0][key]
