"""Breadcrumbs of real loggers: whose they are in tasks and threads, and what they keep alive.

What a breadcrumb is, how many there are and when they are written is in recording/test_crumbs.py.
"""

import asyncio
import logging
import sys
import threading
import weakref
from contextlib import suppress

import pytest
import structlog
from structlog.processors import JSONRenderer

import agentlog as ao
from agentlog import EventHandler, EventProcessor


@pytest.fixture
def log(captured):
    """A logger of structlog's, of whose lines none is selected."""
    return structlog.wrap_logger(
        structlog.testing.ReturnLogger(), [EventProcessor(captured.client), JSONRenderer()]
    )


def failing(body):
    """Run an action that fails."""
    with suppress(ValueError), ao.action("failing"):
        body()
        raise ValueError("bad")


def crumbs(captured, name="failing"):
    """Return the lines before the failure of an action."""
    return captured.one(name).get("log", [])


def events(captured, name="failing"):
    """Return what these lines say."""
    return [line["event"] for line in crumbs(captured, name)]


# -- Whose they are --------------------------------------------------------------------------------


def test_a_line_of_a_task_belongs_to_the_innermost_action_of_the_task(captured, log):
    """Tasks that take turns do not mix; one without an action logs in that of who made it."""

    async def line(name):
        await turn.wait()
        log.info(name)

    async def work(name):
        with suppress(ValueError), ao.action(name):
            await line(name)
            raise ValueError("bad")

    async def main():
        with ao.action("main"):
            log.info("before")
            await asyncio.gather(work("a"), work("b"), line("c"))
            log.info("after")
            raise ValueError("bad")

    turn = asyncio.Barrier(3)
    with suppress(ValueError):
        asyncio.run(main())
    assert ["a"] == events(captured, "a")
    assert ["b"] == events(captured, "b")
    assert ["before", "c", "after"] == events(captured, "main")


def test_a_line_of_a_task_that_outlives_an_action_belongs_to_the_one_around_it(captured, log):
    """A closed action takes no lines any more, nor keeps those it had."""

    async def main():
        closed = asyncio.Event()

        async def late():
            await closed.wait()
            log.info("late")

        with suppress(ValueError), ao.action("outer"):
            with ao.action("inner"):
                log.info("in time")
                task = asyncio.create_task(late())
            closed.set()
            await task
            raise ValueError("bad")

    asyncio.run(main())
    assert ["late"] == events(captured, "outer")


def test_a_line_outside_of_all_actions_belongs_to_the_session_of_the_process(captured, log):
    """In whatever thread it is logged."""
    ao.start_session()
    log.info("here")
    thread = threading.Thread(target=log.info, args=("there",))
    thread.start()
    thread.join()
    ao.end_session("Fail")
    (session,) = captured.sessions
    assert ["here", "there"] == [line["event"] for line in session["log"]]


def with_bind(work):
    """Run it in a thread, bound."""
    thread = threading.Thread(target=ao.bind(work))
    thread.start()
    thread.join()


def with_executor(work):
    """Run it in the executor."""
    with ao.ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def with_to_thread(work):
    """Run it in a thread of asyncio's."""
    asyncio.run(asyncio.to_thread(work))


@pytest.mark.parametrize("run", [with_bind, with_executor, with_to_thread])
def test_a_line_of_a_thread_belongs_to_the_action_that_is_open_in_its_context(captured, log, run):
    """A bound thread logs where it was bound, or in an action of its own."""

    def work():
        log.info("bound")
        with suppress(ValueError), ao.action("own"):
            log.info("own")
            raise ValueError("bad")

    failing(lambda: run(work))
    assert ["bound"] == events(captured)
    assert ["own"] == events(captured, "own")


# -- Secrets ---------------------------------------------------------------------------------------


SECRET = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
TOLD = f"the token is {SECRET}"
LEAKING = {
    "a key": lambda log: log.info("a", password=SECRET),
    "nested": lambda log: log.info("a", headers={"nested": [{"authorization": SECRET}]}),
    "in the text": lambda log: log.info(TOLD),
    "in a text": lambda log: log.info("a", said=TOLD),
    "bound": lambda log: log.bind(api_key=SECRET).info("a"),
    "the logger's name": lambda log: log.info("a", logger=SECRET),
}


@pytest.mark.parametrize("line", LEAKING.values(), ids=LEAKING)
def test_secrets_are_redacted(captured, log, line):
    """A line that was printed with a secret is remembered without."""
    failing(lambda: line(log))
    assert 1 == len(crumbs(captured))
    assert SECRET.encode() not in b"".join(captured.records)
    assert {"redacted": 1} == captured.one("failing")["notes"]


# -- What they keep alive --------------------------------------------------------------------------


class Value:
    """A value that can be watched."""


def test_a_value_that_may_change_is_let_go_with_its_line(captured, log):
    """It was taken as it was at the call: nothing holds on to it."""
    value = Value()
    gone = weakref.ref(value)
    with ao.action("open"):
        log.info("a", value=value, more=[value])
        del value
        assert gone() is None


def action():
    """Open an action."""
    return ao.action("open")


@pytest.mark.parametrize("outcome", [None, ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("scope", [ao.session, action], ids=["session", "action"])
def test_what_is_kept_is_given_back_when_the_action_closes(captured, scope, outcome):
    """Texts are kept as they are, and the logger, until it is known how the action ends."""
    printer = structlog.testing.ReturnLogger()
    gone = weakref.ref(printer)
    text = f"{printer!s:<5000}"  # a shorter one is remembered, as it may recur
    log = structlog.wrap_logger(printer, [EventProcessor(captured.client), JSONRenderer()])
    before = sys.getrefcount(text)
    with suppress(ValueError, KeyboardInterrupt), scope():
        log.info("a", text=text)
        assert before + 1 == sys.getrefcount(text)
        del log, printer
        assert gone() is not None
        if outcome:
            raise outcome
    assert before == sys.getrefcount(text)
    assert gone() is None


def test_no_log_record_is_kept(captured):
    """A line of plain logging is remembered without the record that it came in."""
    record = logging.makeLogRecord({"msg": "found %s", "args": ("a",), "n": 1})
    gone = weakref.ref(record)

    def body():
        nonlocal record
        EventHandler().handle(record)
        record = None
        assert gone() is None

    failing(body)
    assert ["found a"] == events(captured)
