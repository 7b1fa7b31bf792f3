"""Together with the rest of structlog: its contexts, loggers, tests, resets, and OpenTelemetry."""

import asyncio
import itertools
import logging
from contextlib import suppress

import pytest
import structlog
from opentelemetry.instrumentation.structlog import StructlogInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from structlog.contextvars import bind_contextvars, bound_contextvars, merge_contextvars
from structlog.processors import JSONRenderer
from structlog.stdlib import AsyncBoundLogger, recreate_defaults
from structlog.testing import ReturnLogger, capture_logs

import agentlog as ao
from agentlog import EventProcessor, install
from agentlog.testing import Captured
from tests.recording.journals import busy_switching

FILTERING = structlog.make_filtering_bound_logger(logging.INFO)
STANDARD = structlog.stdlib.BoundLogger


def logger(*processors, wrapper=FILTERING):
    """Configure structlog to return its lines as JSON, and return a logger."""
    structlog.configure(
        [*processors, JSONRenderer()],
        wrapper,
        logger_factory=lambda *_: ReturnLogger(),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger()


def failing(captured, body):
    """Run an action that fails; return the lines before its failure."""
    with suppress(ValueError), captured.client.action("failing") as action:
        body()
        raise ValueError("bad")
    (failed,) = (one for one in captured.everything if one["id"] == action.id)
    return [line["event"] for line in failed.get("log", [])]


# -- Contexts --------------------------------------------------------------------------------------


def test_what_is_bound_for_a_block_is_on_its_lines_only(captured):
    """Keys of `bound_contextvars` are params of the block's events, and on its breadcrumbs."""
    log = logger(merge_contextvars, EventProcessor())
    with suppress(ValueError), captured.client.action("failing"):
        with bound_contextvars(request="r1"):
            log.info("within", agentlog=True)
            log.info("crumb within")
        log.info("after", agentlog=True)
        log.info("crumb after")
        raise ValueError("bad")
    assert {"request": "r1"} == captured.one("within")["params"]
    assert not captured.one("after").get("params")
    assert ["r1", None] == [line.get("request") for line in captured.one("failing")["log"]]


def test_the_marker_may_be_bound(captured):
    """Bound to a logger or to a context it marks every line of it, and is on none of them."""
    log = logger(merge_contextvars, EventProcessor(correlate=False))
    marked = log.bind(agentlog=True)
    lines = [marked.info("first"), marked.info("second"), log.info("other")]
    with bound_contextvars(agentlog=False):
        lines.append(log.info("refused", action_type="tool"))
    bind_contextvars(agentlog=True)
    lines.append(log.info("third"))
    assert ["first", "second", "third"] == captured.names()
    assert "agentlog" not in "".join(lines)


# -- Loggers ---------------------------------------------------------------------------------------


def drop(logger, method, line):
    """Drop every line."""
    raise structlog.DropEvent


DROPPED = {
    "by the logger": lambda: logger(EventProcessor()).debug,
    "by a processor": lambda: logger(drop, EventProcessor()).info,
}


@pytest.mark.parametrize("line", DROPPED.values(), ids=DROPPED)
def test_a_line_that_is_dropped_before_us_is_nothing(captured, line):
    """It is neither an event nor a crumb."""
    log = line()
    assert [] == failing(captured, lambda: (log("event", agentlog=True), log("crumb")))
    assert ["failing"] == captured.names()


AWAITED = {
    "ainfo": (FILTERING, "ainfo"),
    "aerror": (FILTERING, "aerror"),
    "ainfo of the standard library's": (STANDARD, "ainfo"),
    "aerror of the standard library's": (STANDARD, "aerror"),
    "AsyncBoundLogger": (AsyncBoundLogger, "info"),
}


@pytest.mark.parametrize(("wrapper", "method"), AWAITED.values(), ids=AWAITED)
def test_a_line_that_another_thread_processes_belongs_to_its_caller(captured, wrapper, method):
    """Events are children of the action that awaits the line, crumbs those of its failure."""
    log = logger(EventProcessor(), wrapper=wrapper)

    async def work(name):
        with suppress(ValueError), captured.client.action(name):
            await getattr(log, method)(f"event of {name}", agentlog=True)
            await getattr(log, method)(f"crumb of {name}")
            raise ValueError("bad")

    async def both():
        await asyncio.gather(work("one"), work("two"))

    asyncio.run(both())
    assert [("one", ["event of one"]), ("two", ["event of two"])] == captured.tree()
    for name in ("one", "two"):
        assert [f"crumb of {name}"] == [line["event"] for line in captured.one(name)["log"]]


def test_many_loggers_in_many_threads_share_one_processor(captured):
    """Every line is one event, with what its own logger has bound, below its own action."""
    log = logger(EventProcessor())

    def work(worker):
        mine = log.bind(worker=worker)
        with captured.client.action(f"work {worker}"):
            for number in range(20):
                mine.info("line", agentlog=True, number=number)

    with (
        busy_switching(),
        captured.client.action("all"),
        ao.ThreadPoolExecutor(4) as pool,
    ):
        list(pool.map(work, range(8)))
    names = {one["id"]: one["event_type"] for one in captured.events}
    lines = [one for one in captured.events if one["event_type"] == "line"]
    found = [(names[one["parent_id"]], one["params"]) for one in lines]
    expected = itertools.product(range(8), range(20))
    assert [
        (f"work {worker}", {"worker": worker, "number": number}) for worker, number in expected
    ] == sorted(found, key=lambda line: (line[1]["worker"], line[1]["number"]))


# -- Tests and resets ------------------------------------------------------------------------------


def test_what_structlog_captures_is_not_recorded(captured):
    """Inside `capture_logs` there are neither events nor crumbs; behind it all is as before."""
    log = logger(EventProcessor())

    def body():
        with capture_logs() as entries:
            log.info("event", agentlog=True)
            log.info("crumb")
        assert ["event", "crumb"] == [entry["event"] for entry in entries]

    assert [] == failing(captured, body)
    assert ["failing"] == captured.names()
    log.info("later", agentlog=True)
    assert ["failing", "later"] == captured.names()


ANEW = {
    "configure": lambda: structlog.configure([JSONRenderer()]),
    "reset_defaults": structlog.reset_defaults,
    "recreate_defaults": lambda: recreate_defaults(log_level=None),
}


@pytest.mark.parametrize("anew", ANEW.values(), ids=ANEW)
def test_a_new_configuration_needs_a_new_install(captured, anew):
    """It has a chain of its own; a logger of the one before keeps that, until its `uninstall`."""
    old = logger().bind()
    uninstall = install()
    anew()
    structlog.get_logger().warning("not yet", agentlog=True)
    install()
    old.warning("old", agentlog=True)
    uninstall()
    old.warning("not any more", agentlog=True)
    structlog.get_logger().warning("new", agentlog=True)
    assert ["old", "new"] == captured.names()


def test_a_configuration_that_keeps_the_processors_keeps_ours(captured):
    """What `configure` is not told, it leaves as it is."""
    logger()
    install()
    structlog.configure(wrapper_class=STANDARD)
    structlog.get_logger().info("recorded", agentlog=True)
    assert ["recorded"] == captured.names()


# -- Before init -----------------------------------------------------------------------------------


def test_before_init_a_line_goes_through_and_the_first_one_after_it_is_recorded(home):
    """The marker is off in either case; nothing is written, nothing is said, nothing remembered."""
    log = logger()
    expected = [log.info("marked"), log.info("tool", action_type="tool"), log.info("hello")]
    install()
    found = [
        log.info("marked", agentlog=True),
        log.info("tool", action_type="tool"),
        log.info("hello"),
    ]
    assert expected == found
    assert [] == list(home.iterdir())
    client = ao.init()
    captured = Captured(client)
    assert [] == failing(captured, lambda: log.info("first", agentlog=True))
    client.close()
    assert [("failing", ["first"])] == captured.tree()


# -- OpenTelemetry ---------------------------------------------------------------------------------


@pytest.fixture
def telemetry():
    """OpenTelemetry's instrumentor, its arguments, and what it has exported."""
    exporter, provider = InMemoryLogRecordExporter(), LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    instrumentor = StructlogInstrumentor()
    yield instrumentor, {"logger_provider": provider}, exporter.get_finished_logs
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


def both(ours_first, ours, theirs):
    """Call two functions, in this order or the other; return what ours returns."""
    if not ours_first:
        theirs()
    returned = ours()
    if ours_first:
        theirs()
    return returned


@pytest.mark.parametrize("ours_leaves_first", [True, False])
@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("configured", [True, False])
def test_opentelemetry_comes_and_goes_in_any_order(
    captured, telemetry, configured, ours_first, ours_leaves_first
):
    """A line is one event and one record of theirs; in the end the chain is what it was."""
    instrumentor, arguments, exported = telemetry
    if configured:
        logger()
    log, before = structlog.get_logger(), list(structlog.get_config()["processors"])
    uninstall = both(ours_first, install, lambda: instrumentor.instrument(**arguments))
    log.info("found", agentlog=True)
    log.info("hello")
    assert ["found"] == captured.names()
    assert ["found", "hello"] == [one.log_record.body for one in exported()]
    both(ours_leaves_first, uninstall, instrumentor.uninstrument)
    assert before == structlog.get_config()["processors"]
    assert configured == structlog.is_configured()
    structlog.get_logger().info("lost", agentlog=True)
    assert (1, 2) == (len(captured.names()), len(exported()))


@pytest.mark.parametrize("ours_first", [True, False])
def test_what_opentelemetry_exports_has_the_ids_and_no_marker(captured, telemetry, ours_first):
    """Whoever comes first, its processor gets the line as the renderer does."""
    instrumentor, arguments, exported = telemetry
    log = logger()
    both(ours_first, install, lambda: instrumentor.instrument(**arguments))
    log.info("found", agentlog=True)
    (record,) = exported()
    event = captured.one("found")
    assert {
        "session_id": event["session_id"],
        "event_id": event["id"],
        "parent_id": event["parent_id"],
    } == dict(record.log_record.attributes)
