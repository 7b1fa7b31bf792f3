"""A session as OTLP in JSON, read by OpenTelemetry's own messages."""

import json

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agentlog.replay.export import otlp
from agentlog.store.merge import merged
from tests.replay.events import SESSION, event, records, session
from tests.replay.exports import run_of

IDS = {"root": "00f067aa0ba902b7", "a": "00f067aa0ba902b8", "b": "00f067aa0ba902b9"}


def parsed(run):
    """Parse each line as a collector does; return the requests."""
    text = "".join(otlp.parts(run))
    assert text.isascii()
    # In JSON ids are hexadecimal (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding),
    # and the parser of protobuf takes bytes for base64: it reads the digits as such.
    return [json_format.Parse(line, ExportTraceServiceRequest()) for line in text.splitlines()]


def spans(run):
    """Return all spans."""
    return [
        span
        for request in parsed(run)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def facts(attributes):
    """Return attributes as a mapping."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def with_ids(*events):
    """Give events ids of W3C's form."""
    return [
        one | {name: IDS.get(one[name], one[name]) for name in ("id", "parent_id")}
        for one in events
    ]


def test_a_span():
    """Ids are those of the record, times are nanoseconds, and what fits has a conventional name."""
    step = event(
        "a",
        "root",
        start=0.25,
        action_type="llm",
        model="gpt-4",
        prompt=[{"role": "system", "content": "Be brief."}],
        prompt_tokens=812,
        completion_tokens=96,
        params={"temperature": 0},
        returns="owls",
        tags=["x"],
    )
    run = run_of(with_ids(session(process={"pid": 42, "host": "here", "python": "3.13"}), step))
    (line,) = "".join(otlp.parts(run)).splitlines()
    (resource,) = json.loads(line)["resourceSpans"]
    root, child = resource["scopeSpans"][0]["spans"]
    assert (SESSION, IDS["root"]) == (root["traceId"], root["spanId"])
    assert "parentSpanId" not in root
    assert (SESSION, IDS["a"], IDS["root"]) == (
        child["traceId"],
        child["spanId"],
        child["parentSpanId"],
    )
    assert "1700000000250000000" == child["startTimeUnixNano"]
    assert "1700000001000000000" == child["endTimeUnixNano"]

    (request,) = parsed(run)
    about = facts(request.resource_spans[0].resource.attributes)
    assert {"service.name": "root", "host.name": "here", "process.pid": 42} == {
        name: about[name] for name in ("service.name", "host.name", "process.pid")
    }
    _, span = spans(run)
    assert (Span.SPAN_KIND_CLIENT, Status.STATUS_CODE_OK) == (span.kind, span.status.code)
    found = facts(span.attributes)
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.conversation.id": SESSION,
        "gen_ai.request.model": "gpt-4",
        "gen_ai.usage.input_tokens": 812,
        "gen_ai.usage.output_tokens": 96,
        "agentlog.params": '{"temperature":0}',
        "output.value": "owls",
    }
    assert expected == {name: found[name] for name in expected}
    assert [{"role": "system", "parts": [{"type": "text", "content": "Be brief."}]}] == json.loads(
        found["gen_ai.input.messages"]
    )
    assert ["x"] == [value.string_value for value in found["agentlog.tags"].values]


def test_a_tool():
    """What a tool was given and gave has the names of the conventions."""
    tool = event("a", "root", name="search", action_type="tool", params={"q": 1}, returns=[1])
    _, span = spans(run_of(with_ids(session(), tool)))
    found = facts(span.attributes)
    assert ("execute_tool", "search", '{"q":1}', "[1]") == tuple(
        found[f"gen_ai.{name}"]
        for name in ("operation.name", "tool.name", "tool.call.arguments", "tool.call.result")
    )


def test_a_failure():
    """An error is the status and an exception; log lines before it are events of the span."""
    step = event(
        "a",
        "root",
        result="Fail",
        error={"type": "ValueError", "message": "no bears", "traceback": "Traceback ..."},
        log=[{"timestamp": 1_700_000_000.5, "level": "info", "event": "looking", "page": 3}],
    )
    _, span = spans(run_of(with_ids(session(), step)))
    assert (Status.STATUS_CODE_ERROR, "ValueError: no bears") == (
        span.status.code,
        span.status.message,
    )
    crumb, exception = span.events
    assert ("looking", 1_700_000_000_500_000_000) == (crumb.name, crumb.time_unix_nano)
    said = facts(crumb.attributes)
    assert ("info", 3) == (said["agentlog.level"], json.loads(said["agentlog.line"])["page"])
    assert ("exception", span.end_time_unix_nano) == (exception.name, exception.time_unix_nano)
    assert {
        "exception.type": "ValueError",
        "exception.message": "no bears",
        "exception.stacktrace": "Traceback ...",
    } == facts(exception.attributes)
    assert "ValueError" == facts(span.attributes)["error.type"]


def test_what_has_no_end_goes_to_the_last_that_is_known():
    """A span has an end; what became of the event is an attribute."""
    run = run_of(with_ids(session(end=None), event("a", "root", end=None)), last=1_700_000_009.0)
    for span in spans(run):
        assert 1_700_000_009_000_000_000 == span.end_time_unix_nano
        (missing,) = facts(span.attributes)["agentlog.missing"].values
        assert "end_timestamp" == missing.string_value
        assert Status.STATUS_CODE_UNSET == span.status.code


def test_other_ids_are_derived():
    """Ids of another form, as AgentOps' SDK has them, become ids, the same from the same."""
    _, first, second = spans(run_of([session(), event("a", "root"), event("b", "a")]))
    assert (16 * 3 // 4, 16 * 3 // 4) == (len(first.span_id), len(second.span_id))
    assert first.span_id == second.parent_span_id


@pytest.mark.parametrize(("count", "lines"), [(0, 1), (3, 1), (17, 2)])
def test_a_run_is_a_line_unless_it_is_long(count, lines):
    """A line is at most what a collector takes at once, and all lines together are the run."""
    payload = {"text": "word " * 200_000}
    events = [session(), *(event(f"e{n}", "root", params=payload) for n in range(count))]
    text = "".join(otlp.parts(run_of(events))).splitlines()
    assert lines == len(text)
    assert 20 << 20 > max(map(len, text))
    told = [span for line in text for span in spans_of(json.loads(line))]
    assert count + 1 == len({span["spanId"] for span in told})


def spans_of(document):
    """Return the spans of a document, which has one scope."""
    return document["resourceSpans"][0]["scopeSpans"][0]["spans"]


@given(st.lists(records, max_size=8))
def test_any_records(some):
    """Every event is a span that a collector takes, with an end behind its start."""
    found = spans(run_of(some, last=2.0))
    assert len(merged(some)) == len(found)
    for span in found:
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.trace_id
        assert span.span_id
