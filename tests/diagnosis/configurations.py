"""Configurations of structlog and logging, put together for the tests of what is said of them."""

import io
import logging
from importlib.metadata import version

import structlog
from structlog.stdlib import ProcessorFormatter

import agentlog as ao
from agentlog.diagnosis.chain import examine
from agentlog.testing import capture_events

INSTALL = "call agentlog.install() after structlog.configure(...)"
PLACED = "the EventProcessor stands where it belongs, before "


def own_renderer(logger, method, line):
    """Render as nobody knows."""
    return str(line)


def configured(*processors, **others):
    """Configure structlog with these, where "EP" is an EventProcessor; into nowhere."""
    chain = [ao.EventProcessor() if each == "EP" else each for each in processors]
    others = {"logger_factory": structlog.ReturnLoggerFactory(), **others}
    structlog.configure(processors=chain, **others)


def said_of(topic="structlog", **arguments):
    """Return what is said of a topic, but for what is configured and the chain itself."""
    return [
        (finding.grade, finding.text, *finding.details)
        for finding in examine(**arguments)
        if finding.topic == topic
        and not finding.text.startswith((version("structlog"), "the chain in force"))
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


def logged(logger="app", level=logging.INFO, **extra):
    """Log a line by plain logging, and return the names of the events."""
    with capture_events() as captured:
        logging.getLogger(logger).log(level, "found", extra=extra or {"agentlog": True})
    return [event["event_type"] for event in captured.events]
