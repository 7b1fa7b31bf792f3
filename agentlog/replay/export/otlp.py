"""A session as OpenTelemetry has traces: OTLP in JSON.

The rules of this file: a line is a whole `TracesData`, as the specification of OTLP files has it,
which a collector takes by a POST to `/v1/traces`. It is one line, unless that is more than it takes
at once. What the spans say is decided in conventions/writing.py, as for those that are shipped.

https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/
"""

from collections.abc import Iterator, Mapping
from typing import Final

from agentlog._version import __version__
from agentlog.conventions import writing
from agentlog.conventions.words import Span, SpanEvent, Value
from agentlog.replay.export.run import Run
from agentlog.replay.export.strict import written

MOST_TEXT: Final = 16 << 20
"""Characters of a line; OpenTelemetry's collector takes up to 20 MiB unless told otherwise."""

Json = dict[str, object]


def parts(run: Run) -> Iterator[str]:
    """Yield the lines."""
    resource = written(_attributes(writing.resource(run.head())))
    begin = (
        f'{{"resourceSpans":[{{"resource":{{"attributes":{resource}}},"scopeSpans":[{{"scope":'
        f'{{"name":"{writing.SCOPE}","version":"{__version__}"}},"spans":['
    )
    end = "]}]}]}\n"
    yield begin
    between, room = "", MOST_TEXT
    for event in run.shown():
        text = written(_span(writing.span(event, run.last)))
        if between and len(text) > room:
            yield end + begin
            between, room = "", MOST_TEXT
        yield between + text
        between, room = ",", room - len(text) - 1
    yield end


def _span(span: Span) -> Json:
    found: Json = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _attributes(span.attributes),
        "status": {"code": span.status, "message": span.message} if span.status else {},
    }
    if span.parent_id:
        found["parentSpanId"] = span.parent_id
    if span.events:
        found["events"] = [_event(event) for event in span.events]
    return found


def _event(event: SpanEvent) -> Json:
    return {
        "timeUnixNano": str(event.time),
        "name": event.name,
        "attributes": _attributes(event.attributes),
    }


def _attributes(attributes: Mapping[str, Value]) -> list[Json]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Value) -> Json:
    """Return a value as JSON of protobuf has it: an integer of 64 bits is a text there."""
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"arrayValue": {"values": [{"stringValue": text} for text in value]}}
