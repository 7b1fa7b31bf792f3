"""The shipper breeds no event: nothing that it does is recorded, logged, traced or instrumented."""

import pytest

from tests.shipping.faults.lab import events_of
from tests.shipping.server import Server, answering, closed_port, collecting, sending

EVERY_LINE = """
import logging, warnings
warnings.simplefilter("ignore", ResourceWarning)  # the program's own file is open to the end
import requests, structlog, urllib3, http.client
every = lambda *_: True
logging.basicConfig(level=logging.DEBUG, filename="log.txt")
logging.captureWarnings(True)
logging.getLogger().addHandler(ao.EventHandler(select=every))
structlog.configure(
    processors=[ao.EventProcessor(select=every), structlog.processors.JSONRenderer()],
    logger_factory=structlog.PrintLoggerFactory(open("structlog.txt", "w")),
)
"""
EVERY_CALL = """
def patch(owner, name):
    real = getattr(owner, name)
    def recording(*args, **options):
        with ao.action(f"http.{name}"):
            structlog.get_logger().info("request", agentlog=True)
            logging.getLogger("app").debug("request")
            ao.record(ao.Event("call"))
            return real(*args, **options)
    setattr(owner, name, recording)
for owner, name in (
    (requests.Session, "request"), (requests.Session, "send"),
    (requests.adapters.HTTPAdapter, "send"),
    (urllib3.connectionpool.HTTPConnectionPool, "urlopen"),
    (http.client.HTTPConnection, "request"), (http.client.HTTPConnection, "connect"),
):
    patch(owner, name)
"""
QUIET = """
ao.init(max_wait=0.02)
events(20)
flush(1.2)
time.sleep(0.3)
say(after=figures(ao.stats()))
"""
THEIRS = """
requests.get(sys.argv[1] + "/theirs")
"""
FAULTS = {
    "503": answering(503),
    "401": answering(401),
    "html": answering(200, b"<html>"),
    "400": answering(400),
    "413": answering(413),
    "garbage": sending(b"\0\1\2\r\n\r\n", close=True),
}


def test_every_line_selected_and_every_call_patched(lab):
    """With the root logger at DEBUG, and an application that records each request by itself."""
    with Server(collecting()) as server:
        program = lab.run(EVERY_LINE + EVERY_CALL + QUIET, server.url)
    assert [{"delivered": 21}] == program.all_said("after")
    assert {"event", "program-0.py"} == {event["event_type"] for event in events_of(server)}
    assert len(server.requests) <= 4


def test_no_feedback_when_it_goes_wrong(lab):
    """Retries, holds, refusals and warnings breed no event either."""
    with closed_port() as refused:
        servers = [Server(behave).__enter__() for behave in FAULTS.values()]
        urls = [refused, *(server.url for server in servers)]
        programs = [lab.start(EVERY_LINE + EVERY_CALL + QUIET, url) for url in urls]
        for program in programs:
            program.end(stderr=None)
            (told,) = program.all_said("after")
            assert 21 == sum(told.values())
            assert {"pending", "quarantined"} >= set(told)
        for server in servers:
            server.__exit__()


def test_the_applications_own_calls_are_recorded(lab):
    """It is the shipper's requests that are left out, and no others."""
    with Server(collecting()) as server, Server(answering(200)) as theirs:
        source = EVERY_LINE + EVERY_CALL + "ao.init(max_wait=0.02)" + THEIRS + "flush(5)"
        lab.run(source, server.url, theirs.url)
    found = {event["event_type"] for event in events_of(server)}
    assert {"http.request", "http.send", "http.urlopen", "call"} <= found


RAISING = """
real, calls = requests.Session.send, []
def send(*args, **options):
    calls.append(args)
    if len(calls) <= 2:
        raise RuntimeError("a bug of the application's")
    return real(*args, **options)
requests.Session.send = send
ao.init(max_wait=0.02)
events(20)
flush(20)
"""


def test_a_patch_that_raises_harms_nobody(lab):
    """It is a request that failed, and is tried again."""
    with Server(collecting()) as server:
        program = lab.run(EVERY_LINE + RAISING, server.url)
    assert [{"delivered": 21}] == program.all_said("flush")


TRACED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
"""
INSTRUMENTED = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
from opentelemetry.instrumentation.requests import RequestsInstrumentor
RequestsInstrumentor().instrument()
"""
STAND_IN = """
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
real = requests.Session.send
def send(session, request, **options):  # as that instrumentation does, in short
    if not is_http_instrumentation_enabled():
        return real(session, request, **options)
    with trace.get_tracer("requests").start_as_current_span(request.method):
        request.headers["traceparent"] = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
        return real(session, request, **options)
requests.Session.send = send
"""
SPANS = """
say(spans=[span.name for span in exporter.get_finished_spans()])
"""


@pytest.mark.parametrize("instrumentation", [INSTRUMENTED, STAND_IN], ids=["real", "stand-in"])
def test_opentelemetrys_instrumentation_sees_no_request(lab, instrumentation):
    """No span is made of our requests, and no header added; of the application's there is one."""
    source = EVERY_LINE + TRACED + instrumentation + QUIET + SPANS + THEIRS + SPANS
    with Server(collecting()) as server, Server(answering(200)) as theirs:
        program = lab.start(source, server.url, theirs.url).end(stderr=None)
    assert [{"delivered": 21}] == program.all_said("after")
    assert [[], ["GET"]] == program.all_said("spans")
    assert not any("traceparent" in request.headers for request in server.requests)
    assert all("traceparent" in request.headers for request in theirs.requests)
