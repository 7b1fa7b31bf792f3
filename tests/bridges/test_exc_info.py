"""Exceptions on log lines: every form that bound loggers know, and whoever formats it before us.

What test_line.py shows for a line by itself is shown here for lines as loggers make them.
"""

import asyncio
import sys
import time

import pytest
import structlog
from structlog.processors import ExceptionRenderer, dict_tracebacks, format_exc_info
from structlog.stdlib import AsyncBoundLogger
from structlog.tracebacks import ExceptionDictTransformer

from agentlog import EventProcessor, select
from tests.busy import up_to

FILTERING = structlog.make_filtering_bound_logger(0)
STANDARD = structlog.stdlib.BoundLogger

BEFORE = {
    "none": [],
    "format_exc_info": [format_exc_info],
    "dict_tracebacks": [dict_tracebacks],
    "without locals": [ExceptionRenderer(ExceptionDictTransformer(show_locals=False))],
    "of its own": [ExceptionRenderer(lambda exc_info: f"{exc_info[0].__name__}: {exc_info[1]}")],
}


def logger(client, wrapper, before=()):
    """Make a logger; return it, and the lines as they come to us and as they go on."""
    came, went = [], structlog.testing.LogCapture()

    def come(logger, method, line):
        came.append(dict(line))
        return line

    ours = EventProcessor(client, select=select.level("error"), correlate=False)
    wrapped = structlog.wrap_logger(
        structlog.testing.ReturnLogger(), [*before, come, ours, went], wrapper_class=wrapper
    )
    return wrapped, came, went.entries


def fail():
    """Raise what the tests log."""
    raise ValueError("bad")


# -- The forms -------------------------------------------------------------------------------------


def awaited(bound, method, **keys):
    """Log in a loop; the method looks for the exception in its own frame, or in those around."""

    async def line():
        await getattr(bound, method)("failed", **keys)

    asyncio.run(line())


SYNC = {
    "true": lambda bound: bound.error("failed", exc_info=True),
    "an exception": lambda bound: bound.error("failed", exc_info=sys.exception()),
    "a tuple": lambda bound: bound.error("failed", exc_info=sys.exc_info()),
    "log.exception": lambda bound: bound.exception("failed"),
    "log.critical": lambda bound: bound.critical("failed", exc_info=1),
    "log.aexception": lambda bound: awaited(bound, "aexception"),
    "log.aerror": lambda bound: awaited(bound, "aerror", exc_info=sys.exception()),
}
ASYNC = {
    "log.exception": lambda bound: awaited(bound, "exception"),
    "log.error": lambda bound: awaited(bound, "error", exc_info=sys.exc_info()),
}
FORMS = [
    *(pytest.param(FILTERING, form, id=f"filtering, {name}") for name, form in SYNC.items()),
    *(pytest.param(STANDARD, form, id=f"standard, {name}") for name, form in SYNC.items()),
    *(pytest.param(AsyncBoundLogger, form, id=f"async, {name}") for name, form in ASYNC.items()),
]


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize(("wrapper", "form"), FORMS)
def test_an_exception_is_the_error_and_stays_on_the_line(captured, wrapper, form, before):
    """The event has type, message and traceback; the renderer gets the very object that came."""
    log, came, went = logger(captured.client, wrapper, before)
    try:
        fail()
    except ValueError:
        form(log)
    event = captured.one("failed")
    assert ("ValueError", "bad") == (event["error"]["type"], event["error"]["message"])
    assert "fail" in str(event["error"]["traceback"]) or before == BEFORE["of its own"]
    assert not event.get("params")
    assert [*came[0], "log_level"] == list(went[0])
    assert all(value is went[0][key] for key, value in came[0].items())


NOTHING = {
    "true": lambda bound: bound.error("failed", exc_info=True),
    "log.exception": lambda bound: bound.exception("failed"),
    "log.aexception": lambda bound: awaited(bound, "aexception"),
    "a tuple": lambda bound: bound.error("failed", exc_info=sys.exc_info()),
    "None": lambda bound: bound.error("failed", exc_info=None),
    "False": lambda bound: bound.error("failed", exc_info=False),
}


@pytest.mark.parametrize("before", ["none", "format_exc_info"])
@pytest.mark.parametrize("wrapper", [FILTERING, STANDARD], ids=["filtering", "standard"])
@pytest.mark.parametrize("form", NOTHING.values(), ids=NOTHING)
def test_where_there_is_no_exception_there_is_no_error(captured, wrapper, form, before):
    """The line is a failure by its level only, and goes on as it came."""
    log, came, went = logger(captured.client, wrapper, BEFORE[before])
    form(log)
    event = captured.one("failed")
    assert "error" not in event
    assert "Fail" == event["result"]
    assert [{**came[0], "log_level": went[0]["log_level"]}] == went


# -- What was raised -------------------------------------------------------------------------------


def chained():
    """Raise because of another exception."""
    try:
        fail()
    except ValueError as error:
        raise LookupError("not there") from error


def during():
    """Raise while another exception is handled."""
    try:
        fail()
    finally:
        raise LookupError("not there")


def grouped():
    """Raise many at once, as asyncio.TaskGroup does."""
    raise ExceptionGroup("many", [ValueError("bad"), LookupError("not there")])


def interrupted():
    """Raise what has no message."""
    raise KeyboardInterrupt


RAISED = {
    chained: ("LookupError", "not there"),
    during: ("LookupError", "not there"),
    grouped: ("ExceptionGroup", "many (2 sub-exceptions)"),
    interrupted: ("KeyboardInterrupt", ""),
}


@pytest.mark.parametrize("before", list(BEFORE)[:-1])
@pytest.mark.parametrize("body", RAISED)
def test_the_error_is_the_one_that_was_raised_last(captured, body, before):
    """Not its cause, nor what was raised before it, nor one of its group."""
    log, *_ = logger(captured.client, FILTERING, BEFORE[before])
    try:
        body()
    except BaseException:
        log.exception("failed")
    error = captured.one("failed")["error"]
    assert RAISED[body] == (error["type"], error["message"])
    assert body.__name__ in str(error["traceback"])


def test_a_long_history_of_groups_is_read_at_once(captured):
    """A loop that tries again, and raises from what it has caught, does not stop the program."""
    heading = "  + Exception Group Traceback (most recent call last):\n"
    text = heading * 5000 + "Traceback (most recent call last):\nLookupError: not there"
    log, *_ = logger(captured.client, FILTERING)
    begin = time.perf_counter()
    log.error("failed", exception=text)
    assert time.perf_counter() - begin < up_to(1)
    assert "LookupError" == captured.one("failed")["error"]["type"]


def test_what_a_formatter_makes_of_no_exception_is_none(captured):
    """Older releases of structlog say so in words."""
    log, *_ = logger(captured.client, FILTERING)
    log.error("failed", exception="NoneType: None")
    event = captured.one("failed")
    assert "error" not in event
    assert {} == event.get("params", {})
