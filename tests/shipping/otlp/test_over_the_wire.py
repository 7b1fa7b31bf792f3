"""Programs that ship to a receiver: what is there in the end is the tree that a replay shows."""

import logging
import signal
from contextlib import closing

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

import agentlog as ao
from agentlog import journal
from agentlog.store.merge import merged
from tests.shipping.otlp.receiver import (
    decoded,
    event_of,
    events_of,
    otlp,
    receiving,
    shape,
    spans_of,
    tree,
)
from tests.shipping.otlp.recording import recorded, run
from tests.shipping.server import Server, answering
from tests.shipping.waiting import holds


@pytest.fixture
def server():
    """Give a receiver."""
    with Server(receiving()) as server:
        yield server


@pytest.fixture
def client(server, tmp_path):
    """Give a client that ships when it is told to."""
    client = ao.Client(endpoint=otlp(server), home=tmp_path, max_wait=1000, tags=["nightly"])
    yield client
    client.close()


def test_the_tree_is_that_of_the_replay(client, server):
    """Node for node, and with all that each node says."""
    run(client)
    before = recorded(client)
    assert 0 == client.flush(20).pending
    assert shape(before) == tree(server)
    assert 8 == len(server.records)
    assert {1} == {len(spans) for spans in server.records.values()}


def test_what_a_back_end_is_told(client, server):
    """Kinds, statuses and events are those of the conventions; the resource is the program."""
    run(client)
    client.flush(20)
    spans = spans_of(server)
    codes = {name: span.status.code for name, span in spans.items()}
    assert (Status.STATUS_CODE_ERROR, "ValueError: no bears") == (
        codes["search"],
        spans["search"].status.message,
    )
    assert Status.STATUS_CODE_OK == codes["plan"] == codes["ask"]
    assert ["looking", "exception"] == [event.name for event in spans["search"].events]
    assert ["slow_page"] == [event.name for event in spans["slow_page"].events]
    (request,) = server.requests
    assert ("/v1/traces", "application/x-protobuf") == (
        request.path,
        request.headers["content-type"],
    )
    (resource, *_), *_ = decoded(request.body)
    assert "python" == resource["process.runtime.name"]
    assert {resource["service.name"]} == {
        name for name, span in spans.items() if not span.parent_span_id
    }


def test_what_the_environment_says_of_the_program(server, tmp_path, monkeypatch):
    """It goes before what we know of it."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "owls")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    with closing(ao.Client(endpoint=otlp(server), home=tmp_path)) as client:
        with client.session():
            pass
        client.flush(20)
    (resource, span), *_ = decoded(server.requests[-1].body)
    assert ("owls", "test") == (resource["service.name"], resource["deployment.environment.name"])
    assert "owls" != span.name


def test_an_action_is_sent_when_it_has_closed(client, server):
    """What is open counts as settled, and its children are there before it."""
    with client.session(), client.action("outer"):
        with client.action("inner"):
            pass
        result = client.flush(20)
        assert (4, 0) == (result.delivered, result.pending)
        assert {"inner"} == spans_of(server).keys()
    result = client.flush(20)
    assert (6, 0) == (result.delivered, result.pending)
    assert {"inner", "outer"} < spans_of(server).keys()
    assert 6 == result.accepted


@pytest.mark.filterwarnings("ignore:.*nothing is shipped")
@pytest.mark.parametrize("status", [200, 401])
def test_nothing_is_delivered_to_who_is_no_receiver(tmp_path, status):
    """Neither what has ended nor what is open."""
    portal = answering(status, b"<p>", Content_Type="text/html")
    with Server(portal) as server:
        client = ao.Client(endpoint=otlp(server), home=tmp_path, max_wait=0.01)
        with client.session(), client.action("outer"):
            result = client.flush(0.5)
        server.behaviours = [receiving()]
        client.close()
    assert (0, 2) == (result.delivered, result.pending)


def test_the_journal_is_empty_in_the_end(lab, server):
    """Segments, and what was kept of them, go when all of it has been sent."""
    lab.run("ao.init(max_wait=0.02); events(10)", otlp(server))
    lab.ship(otlp(server))
    assert [] == [path for path in lab.files() if path.suffix in (".jsonl", ".open")]
    assert 11 == len(server.records)


KILLED = """
client = ao.init(max_wait=0.02)
with client.session(), client.action("outer", params={"n": -1}), client.action("inner"):
    events(3)
    if len(sys.argv) > 1:
        flush(20)
    say(returned=True)
    asked()
"""


@pytest.mark.parametrize("flushed", [[], ["flushed"]], ids=["before", "after"])
def test_what_was_killed_is_told_as_interrupted(lab, server, flushed):
    """Before or after its beginning was taken note of; it is an error that says so."""
    program = lab.start(KILLED, otlp(server), *flushed)
    assert program.said("returned")
    program.kill().end(-signal.SIGKILL)
    shipped = lab.ship(otlp(server))
    spans = spans_of(server)
    for name in ("outer", "inner", next(n for n, s in spans.items() if not s.parent_span_id)):
        assert (Status.STATUS_CODE_ERROR, "interrupted") == (
            spans[name].status.code,
            spans[name].status.message,
        )
        assert spans["event"].end_time_unix_nano <= spans[name].end_time_unix_nano
    assert spans["inner"].parent_span_id == spans["outer"].span_id
    assert 6 == len(server.records)
    assert "nothing is left" in shipped.text
    assert [] == [path for path in lab.files() if path.suffix in (".jsonl", ".open")]


FORKS = """
client = ao.init(max_wait=0.02)
with client.session(), client.action("parent"):
    children = []
    for n in range(3):
        child = os.fork()
        if not child:
            with client.action("child", params={"n": n}):
                events(5, 10 * n)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
"""


def test_forks(lab, server):
    """Children that leave by `os._exit` are whole, below the parent that they were forked in."""
    lab.run(FORKS, otlp(server), PYTHONWARNINGS="ignore")
    lab.ship(otlp(server))
    events = events_of(server).values()
    parent = next(event for event in events if event["event_type"] == "parent")
    children = [event for event in events if event["event_type"] == "child"]
    assert [parent["id"]] * 3 == [child["parent_id"] for child in children]
    assert ["Success"] * 4 == [event["result"] for event in (parent, *children)]
    assert 20 == len(events)


MANY = """
client = ao.init(max_wait=0.02)
with client.session(), client.action("outer"):
    for n in range(50):
        with client.action("inner", params={"n": n}):
            pass
        if n % 10 == 0:
            time.sleep(0.02)
"""


def test_many_processes_at_once(lab, server):
    """One of them ships for all; each event arrives whole, and none was interrupted."""
    programs = [lab.start(MANY, otlp(server)) for _ in range(4)]
    for program in programs:
        program.end()
    lab.ship(otlp(server))
    events = events_of(server).values()
    assert 4 * 52 == len(events)
    assert {"Success"} == {event["result"] for event in events}


def test_a_long_session_and_small_segments(server, tmp_path, monkeypatch):
    """Segments are deleted while the session and an action go on, and these arrive whole."""
    monkeypatch.setenv("AGENTLOG_JOURNAL_LIMIT", str(1 << 20))
    client = ao.Client(endpoint=otlp(server), home=tmp_path, max_wait=0.01)
    text = "x" * 1000
    with client.session(), client.action("outer", params={"q": text}):
        for number in range(400):
            with client.action("inner", params={"n": number, "text": text}):
                pass
            if number % 100 == 99:
                client.flush(20)
        directory = client.settings.home / "journal" / client.settings.destination
        assert holds(lambda: 1 << 19 > journal.size_of(directory))
    assert 0 == client.flush(20).pending
    client.close()
    events = events_of(server)
    assert 402 == len(events)
    outer = next(event for event in events.values() if event["event_type"] == "outer")
    assert ({"q": text}, "Success") == (outer["params"], outer["result"])
    assert not any(event.get("notes") for event in events.values())


def test_a_key_is_a_bearer(server, tmp_path):
    """As for a collector."""
    made = ao.Client(api_key="key-12345678", endpoint=otlp(server), home=tmp_path)
    with closing(made) as client:
        client.record(ao.Event("event"))
        client.flush(20)
    assert "Bearer key-12345678" == server.requests[0].headers["authorization"]


def test_plain_logging_is_a_span_too(client, server):
    """A line that is selected is a node there as it is here."""
    handler = ao.EventHandler(client)
    logger = logging.getLogger("tests.otlp")
    logger.addHandler(handler)
    try:
        with client.session():
            logger.warning("low on bears", extra={"agentlog": True})
    finally:
        logger.removeHandler(handler)
    before = recorded(client)
    client.flush(20)
    assert list(merged(before).values())[1] == event_of(spans_of(server)["low on bears"])


REFUSED = """
client = ao.init(max_wait=0.02)
with client.session():
    with client.action("poison", params={"n": 1}):
        pass
    events(3)
flush(20)
"""


def test_quarantined_spans_are_sent_once_more(lab):
    """Whole, though the segments that their halves stood in are gone."""

    def choosy(request):
        poisoned = any(span.name == "poison" for _, span in decoded(request.body))
        (answering(400, b"no") if poisoned else receiving())(request)

    with Server(choosy) as server:
        lab.run(REFUSED, otlp(server))
        assert 4 == len(server.records)
        server.behaviours = [receiving()]
        lab.ship(otlp(server), "--quarantined")
    poison = event_of(spans_of(server)["poison"])
    assert ({"n": 1}, "Success") == (poison["params"], poison["result"])
    assert [] == lab.segments()


def test_a_receiver_that_is_busy_for_a_while(lab):
    """It is tried again, also after a 500 or 501, and nothing is lost."""
    with Server(answering(503), answering(501), receiving()) as server:
        lab.run("ao.init(max_wait=0.02); events(5); flush(30)", otlp(server))
    assert 6 == len(server.records)
    assert 3 <= len(server.requests)


SECRET = "zq7-Xheader-0f1e2d3c4b5a-Wp"
SHOWN = """
client = ao.init(max_wait=0.02)
with client.action("action", params={"settings": client.settings}):
    events(3)
flush(1)
print(repr(client), repr(client.settings), [client.stats()])
ao.doctor()
"""


@pytest.mark.parametrize("status", [200, 400, 401, 503])
def test_a_header_is_nowhere(lab, status):
    """Its value is in no file and on no screen, also where the receiver says it back."""
    echo = answering(status, f"bad {SECRET}".encode(), Content_Type="text/plain")
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": f"api-key={SECRET}", "PYTHONWARNINGS": "ignore"}
    with Server(echo) as server:
        program = lab.run(SHOWN, otlp(server), **headers)
        doctor = lab.command(otlp(server), "doctor", **headers).end(None)
    assert {SECRET} == {request.headers["api-key"] for request in server.requests}
    assert SECRET not in program.text + program.stderr + doctor.text + doctor.stderr
    assert [] == [path for path in lab.files() if SECRET.encode() in path.read_bytes()]


def test_an_endpoint_that_was_meant_to_be_a_receiver(lab, server):
    """What to say is said; and what waits can be moved to where it goes now."""
    server.behaviours = [answering(404)]
    program = lab.start("ao.init(max_wait=0.02); events(3); flush(1)", server.url).end(stderr=None)
    doctor = lab.command(server.url, "doctor").end(None)
    assert "otlp+" in program.stderr
    assert "otlp+http://" in doctor.text
    (old,) = {found.path.parent for found in lab.segments()}
    server.behaviours = [receiving()]
    lab.run("ao.init(max_wait=0.02); events(1); flush(20)", otlp(server))
    (new,) = {path for path in old.parent.iterdir() if path.is_dir()} - {old}
    for path in old.glob("*.jsonl"):
        path.rename(new / path.name)
    lab.ship(otlp(server))
    assert 4 + 2 == len(server.records)
