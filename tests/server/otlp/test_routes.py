"""agentlog.server.otlp.routes: `POST /v1/traces` at a real collector."""

import gzip
import json

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agentlog.server.otlp.records import session_id
from agentlog.server.otlp.routes import JSON, PROTOBUF
from agentlog.server.otlp.wire import Parts, field
from tests.server.collector import Collector
from tests.server.otlp.bodies import in_json, in_protobuf, request, span, span_id, trace_id

FORMS = [(PROTOBUF, in_protobuf), (JSON, in_json)]


def send(collector, kind, body, **headers):
    """Post a body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return collector.ask("POST", "/v1/traces", body, {"Content-Type": kind, **named})


def partial(answer):
    """Return how many spans an answer says are refused, and why."""
    if answer.headers["Content-Type"] == PROTOBUF:
        told = ExportTraceServiceResponse.FromString(answer.body).partial_success
        return told.rejected_spans, told.error_message
    told = answer.json.get("partialSuccess", {})
    return int(told.get("rejectedSpans", 0)), told.get("errorMessage", "")


def why(answer):
    """Return what the `google.rpc.Status` of an answer says."""
    if answer.headers["Content-Type"] == PROTOBUF:
        return dict(Parts()(answer.body))[2].decode()
    return answer.json["message"]


@pytest.mark.parametrize(("kind", "written"), FORMS)
def test_spans_are_stored_before_they_are_answered(collector, kind, written):
    """The answer is in the form of the request, and empty if all is well."""
    number = 1 + len(kind)
    answer = send(collector, kind, written(request(span(2, trace=number))))
    assert (200, kind, (0, "")) == (answer.status, answer.headers["Content-Type"], partial(answer))
    assert answer.body in (b"", b"{}")
    told = collector.get(f"/v1/sessions/{trace_id(number)}").json
    assert (session_id(trace_id(number)), "weather") == tuple(
        told["session"][name] for name in ("id", "event_type")
    )
    assert [span_id(2)] == [one["id"] for one in told["events"]]


@pytest.mark.parametrize(("kind", "written"), FORMS)
def test_a_body_may_be_packed(collector, kind, written):
    """By gzip, and nothing else."""
    body = gzip.compress(written(request(span(2, trace=3))))
    assert 200 == send(collector, kind, body, Content_Encoding="gzip").status
    answer = send(collector, kind, body, Content_Encoding="br")
    assert (415, "Content-Encoding is gzip, or none") == (answer.status, why(answer))


@pytest.mark.parametrize(("kind", "written"), FORMS)
def test_what_is_refused_is_told_and_logged(tmp_path, kind, written):
    """A client of OTLP mostly keeps it to itself."""
    spans = [span(number + 2, trace_id=b"") for number in range(5)]
    with Collector(tmp_path) as collector:
        answer = send(collector, kind, written(request(span(2), *spans)))
        count, said = partial(answer)
        assert (200, 5) == (answer.status, count)
        assert said.startswith("span 1: trace_id is not 16 bytes, or all zero; span 2: ")
        assert said.endswith("; and 2 more")
        assert said == collector.logged("spans refused")["why"]


@pytest.mark.parametrize(("kind", "_"), FORMS)
def test_an_error_is_told_in_the_form_of_the_request(collector, kind, _):
    """As a `google.rpc.Status`."""
    answer = send(collector, kind, b"{")
    assert (400, kind) == (answer.status, answer.headers["Content-Type"])
    assert why(answer).lower().startswith("the body is no")
    answer = send(collector, "text/plain", b"{}")
    assert (415, JSON) == (answer.status, answer.headers["Content-Type"])
    assert 405 == collector.get("/v1/traces").status


@pytest.mark.parametrize(("kind", "written"), FORMS)
def test_a_key_is_asked_for_where_others_can_come(tmp_path, kind, written):
    """Its project gets the spans."""
    collector = Collector(tmp_path, "--allow-host", "agents.test")
    key = collector.key("weather")
    with collector:
        body = written(request(span()))
        answer = send(collector, kind, body)
        assert (401, "Bearer") == (answer.status, answer.headers["WWW-Authenticate"])
        assert why(answer).startswith("this asks for a key")
        assert 200 == send(collector, kind, body, Authorization=f"Bearer {key}").status
        assert 1 == len(collector.get("/v1/sessions", key).json["sessions"])


def test_a_page_of_another_origin_may_not_post(collector):
    """As nowhere."""
    body = in_json(request(span()))
    assert 403 == send(collector, JSON, body, Origin="https://evil.test").status
    assert 421 == send(collector, JSON, body, Host="evil.test").status


@pytest.mark.waits
def test_a_body_that_does_not_come_is_asked_for_again(collector):
    """A client of OTLP would not send it again after a 408, nor a 507."""
    head = f"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {JSON}\r\n"
    answer = collector.raw(f"{head}Content-Length: 9\r\n\r\n".encode()).decode()
    assert answer.startswith("HTTP/1.1 503 ")
    assert "retry-after: 1" in answer.lower()


def test_what_was_taken_is_taken_again(collector):
    """A client that had no answer sends it once more, and nothing is doubled."""
    spans = [span(1, trace=7, parent=None), span(2, trace=7, events=[("miss", {})])]
    for _ in range(2):
        for kind, written in FORMS:
            send(collector, kind, written(request(*spans)))
    told = collector.get(f"/v1/sessions/{trace_id(7)}").json
    assert (3, "Success") == (len(told["events"]), told["session"]["result"])


def test_a_collector_that_is_started_anew_knows_what_came(tmp_path):
    """The root comes to the second one."""
    with Collector(tmp_path) as collector:
        send(collector, PROTOBUF, in_protobuf(request(span(2))))
        (session,) = collector.get("/v1/sessions").json["sessions"]
        assert (None, None) == (session["result"], session["end_timestamp"])
        began = session["timestamp"]
        collector.stop()
        collector.start()
        send(collector, PROTOBUF, in_protobuf(request(span(1, parent=None))))
        (session,) = collector.get("/v1/sessions").json["sessions"]
    assert ("succeeded", 3, began - 1) == (
        session["state"],
        session["events"],
        session["timestamp"],
    )


def test_nothing_but_spans(collector):
    """Metrics and logs have no place here."""
    assert 404 == collector.ask("POST", "/v1/metrics", field(1, b"")).status
    assert 200 == send(collector, JSON, json.dumps({}).encode()).status
