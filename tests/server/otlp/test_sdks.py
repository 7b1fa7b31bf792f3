"""Real SDKs and instrumentations of OpenTelemetry for Python, at a real collector."""

import json

import pytest
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from agentlog.demo import fake_openai
from agentlog.server.otlp.records import session_id

ASKED = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Search for rivers."},
]
TOOL = {
    "type": "function",
    "function": {
        "name": "search",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
    },
}


@pytest.fixture
def provider(collector):
    """A program's provider, which exports to the collector."""
    found = TracerProvider(resource=Resource.create({"service.name": "weather"}))
    there = OTLPSpanExporter(f"{collector.base}/v1/traces")
    found.add_span_processor(SimpleSpanProcessor(there))
    yield found
    found.shutdown()


@pytest.fixture(scope="module")
def address():
    """OpenAI's API on loopback."""
    with fake_openai.serving() as address:
        yield address


def stored(collector, span):
    """Return the session that a span belongs to, and its events by their names."""
    trace = f"{span.get_span_context().trace_id:032x}"
    told = collector.get(f"/v1/sessions/{trace}").json
    return told["session"], {one["event_type"]: one for one in told["events"]}


def test_the_sdk_and_its_exporter(collector, provider):
    """A program of spans is a tree, with outcomes, kinds and events."""
    tracer = provider.get_tracer("forecast")
    with tracer.start_as_current_span("plan", attributes={"session.id": "s1"}) as root:
        with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT) as call:
            call.set_attribute("url.full", "https://example.com")
            call.add_event("retry", {"attempt": 2})
            call.set_status(Status(StatusCode.ERROR, "503"))
        with pytest.raises(ValueError, match="no"), tracer.start_as_current_span("parse"):
            raise ValueError("no")
    session, events = stored(collector, root)
    assert ("weather", "Success") == (session["event_type"], session["result"])
    assert "python" == session["params"]["telemetry.sdk.language"]
    assert session_id(session["session_id"]) == session["id"] == events["plan"]["parent_id"]
    assert {events["plan"]["id"]} == {events[name]["parent_id"] for name in ("GET", "parse")}
    assert ({"session.id": "s1"}, "forecast") == (
        events["plan"]["params"],
        events["plan"]["logger"],
    )
    assert ("api", "Fail", "503") == tuple(
        events["GET"][name] for name in ("action_type", "result", "reason")
    )
    assert (events["GET"]["id"], "log", {"attempt": 2}) == tuple(
        events["retry"][name] for name in ("parent_id", "action_type", "params")
    )
    assert ("ValueError", "no") == tuple(
        events["parse"]["error"][name] for name in ("type", "message")
    )


def call(client, **more):
    """Make a call."""
    return client.chat.completions.create(model="gpt-4o-mini", messages=ASKED, **more)


def made(instrumentor, provider, address):
    """Make calls with the real client of OpenAI: one with a tool, one in a stream, one fails."""
    import openai

    instrumentor.instrument(tracer_provider=provider)
    try:
        with (
            openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
            provider.get_tracer("test").start_as_current_span("agent") as root,
        ):
            call(client, tools=[TOOL], temperature=0.2)
            for _ in call(client, stream=True, stream_options={"include_usage": True}):
                pass
            with pytest.raises(openai.InternalServerError):
                client.chat.completions.create(model="fail-500", messages=ASKED)
    finally:
        instrumentor.uninstrument()
    return root


def calls(collector, root):
    """Return the calls below a span, in their order."""
    trace = f"{root.get_span_context().trace_id:032x}"
    events = collector.get(f"/v1/sessions/{trace}").json["events"]
    found = [one for one in events if one["action_type"] == "llm"]
    assert {f"{root.get_span_context().span_id:016x}"} == {one["parent_id"] for one in found}
    return found


def check(with_tool, in_stream, failed):
    """Check what every instrumentation says of the calls."""
    for one in (with_tool, in_stream, failed):
        assert ASKED == one["prompt"]
        assert "openai" == one["params"]["provider"]
    assert ("gpt-4o-mini", 0.2) == (with_tool["model"], with_tool["params"]["temperature"])
    assert "search" in json.dumps(with_tool["params"]["tools"])
    (answer,) = with_tool["returns"]
    assert ("assistant", "search") == (
        answer["role"],
        answer["tool_calls"][0]["function"]["name"],
    )
    assert "rivers" in in_stream["returns"][0]["content"]
    for one in (with_tool, in_stream):
        assert one["prompt_tokens"] > 0 < one["completion_tokens"]
    assert ("Fail", "openai.InternalServerError") == (failed["result"], failed["error"]["type"])


def test_openinference(collector, provider, address):
    """Its spans of the real client are calls."""
    root = made(OpenAIInstrumentor(), provider, address)
    check(*calls(collector, root))


@pytest.mark.soak  # it never lets go of the client wholly: other tests would see its spans
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_openllmetry(collector, provider, address):
    """So are OpenLLMetry's."""
    from opentelemetry.instrumentation import openai

    root = made(openai.OpenAIInstrumentor(), provider, address)
    check(*calls(collector, root))
