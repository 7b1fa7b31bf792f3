"""Events as the body of an OTLP request: protobuf, by OpenTelemetry's own messages.

https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2 as pb

from agentlog._version import __version__
from agentlog.conventions import writing
from agentlog.conventions.words import Span, SpanEvent, Value
from agentlog.shipping.objects import object_of
from agentlog.shipping.otlp.joining import END_UNSEEN, OPEN
from agentlog.shipping.otlp.sessions import Resource

_OF_AN_UNSEEN_END: Final = frozenset({"end_timestamp", END_UNSEEN})
_SHORT: Final = 40
"""Characters that a text may have which is likely to come again: a kind, a result, an id."""

_PAYLOADS: Final = frozenset({"input.value", "output.value"})
"""Those are hardly ever the same twice."""


def body_of(events: Sequence[dict[str, object]], resources: Mapping[str, Resource]) -> bytes:
    """Return the body of a request.

    Args:
        events: They have texts as `id` and `session_id`.
        resources: Those of their sessions.

    """
    request = ExportTraceServiceRequest()
    scopes: dict[Resource, pb.ScopeSpans] = {}
    for event in events:
        resource = resources[str(event["session_id"])]
        scope = scopes.get(resource)
        if scope is None:
            scope = scopes[resource] = _scope(request, resource)
        _add(scope, _written(event))
    return request.SerializeToString()


def event_of(line: bytes) -> dict[str, object] | None:
    """Return the event of a line; None if it cannot be a span, as it has no ids.

    That of an open half is empty: it is no span yet.
    """
    if line == OPEN:
        return {}
    event = object_of(line)
    if event is None:
        return None
    ids = event.get("session_id"), event.get("id")
    if not all(isinstance(one, str) and one for one in ids):
        return None
    return event if "end_timestamp" in event else {}


def _written(event: dict[str, object]) -> Span:
    if END_UNSEEN not in event:
        return writing.span(event)
    end: Any = event["end_timestamp"]
    return writing.span({n: v for n, v in event.items() if n not in _OF_AN_UNSEEN_END}, end)


def _scope(request: ExportTraceServiceRequest, resource: Resource) -> pb.ScopeSpans:
    spans = request.resource_spans.add()
    spans.resource.attributes.extend(_attributes(resource))
    scope = spans.scope_spans.add()
    scope.scope.name, scope.scope.version = writing.SCOPE, __version__
    return scope


def _add(scope: pb.ScopeSpans, span: Span) -> None:
    """Add a span where it is to stand: putting a message into another one copies it.

    What recurs is there already as it is written, and is merged by standing behind the others.
    """
    once, again = list[KeyValue](), [_status(span.status, _whole(span.message))]
    for name, value in span.attributes.items():
        if type(value) is str and len(value) <= _SHORT and name not in _PAYLOADS:
            again.append(_recurring(name, value))
        else:
            once.append(_attribute(name, value))
    scope.spans.add(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_id),
        name=_whole(span.name),
        kind=span.kind,
        start_time_unix_nano=span.start,
        end_time_unix_nano=span.end,
        attributes=once,
        events=map(_event, span.events),
    ).MergeFromString(b"".join(again))


@lru_cache(64)
def _status(code: int, message: str) -> bytes:
    status = pb.Status(code=code, message=message)  # type: ignore[arg-type] # its number
    return pb.Span(status=status).SerializeToString()


@lru_cache(1024)
def _recurring(name: str, value: str) -> bytes:
    return pb.Span(attributes=[_attribute(name, value)]).SerializeToString()


def _event(event: SpanEvent) -> pb.Span.Event:
    return pb.Span.Event(
        name=_whole(event.name),
        time_unix_nano=event.time,
        attributes=_attributes(event.attributes.items()),
    )


def _attributes(attributes: Iterable[tuple[str, Value]]) -> list[KeyValue]:
    return [_attribute(name, value) for name, value in attributes]


def _attribute(name: str, value: Value) -> KeyValue:
    return KeyValue(key=name, value=_value(value))


def _value(value: Value) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=_whole(value))
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    texts = [AnyValue(string_value=_whole(text)) for text in value]
    return AnyValue(array_value=ArrayValue(values=texts))


def _whole(text: str) -> str:
    """Return a text that is one in UTF-8: half of a surrogate pair becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
