"""OTLP in protobuf: from the bytes of a body to spans.

The rule: a part of a body is parsed when its turn comes, and what cannot be parsed of a span is a
fault of this span. Parsed, a message takes up to forty times its bytes: so a span has its limit.

https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from agentlog.conventions.words import Span, SpanEvent
from agentlog.server.envelope import Rejected
from agentlog.server.otlp.spans import (
    Attributes,
    Found,
    Origin,
    Room,
    ids_of,
    number,
    times_of,
    told,
)
from agentlog.server.otlp.wire import Parts

MOST_OF_A_SPAN: Final = 4 << 20
"""Bytes of a span, or of what is said of all."""

_TOO_LARGE: Final = f"a span has at most {MOST_OF_A_SPAN >> 20} MiB"


def spans(body: bytes) -> Iterator[tuple[Origin, Found]]:
    """Yield the spans of an `ExportTraceServiceRequest`, or what is wrong; raises `Rejected`."""
    parts, room = Parts(), Room()
    for field, of_resource in parts(body):
        if field == 1:
            yield from _of_resource(parts, room, of_resource)


def _of_resource(parts: Parts, room: Room, message: bytes) -> Iterator[tuple[Origin, Found]]:
    head, of_scopes = _divided(parts(message))
    resource = _attributes(_parsed(Resource, head).attributes)
    for of_scope in of_scopes:
        head, messages = _divided(parts(of_scope))
        origin = Origin(resource, _parsed(InstrumentationScope, head).name)
        for one in messages:
            yield origin, _found(one, room)


def _divided(fields: Iterable[tuple[int, bytes]]) -> tuple[bytes, list[bytes]]:
    """Tell what stands first (fields 1, which are one in parts) from what repeats (fields 2)."""
    found = list(fields)
    head = b"".join(part for field, part in found if field == 1)
    return head, [part for field, part in found if field == 2]  # noqa: PLR2004 - as said


def _parsed(kind: Any, message: bytes) -> Any:
    """Parse what is said of all spans; raises `Rejected`."""
    if len(message) > MOST_OF_A_SPAN:
        raise Rejected(413, "what is said of a resource is too large")
    try:
        return kind.FromString(message)
    except DecodeError as error:
        raise Rejected(400, f"the body has no {kind.DESCRIPTOR.name}: {error}") from None


def _found(message: bytes, room: Room) -> Found:
    if len(message) > MOST_OF_A_SPAN:
        return _TOO_LARGE
    try:
        span = trace_pb2.Span.FromString(message)
    except DecodeError as error:
        return f"no span: {error}"
    return room.refuses(len(span.events)) or _span(span)


def _span(message: Any) -> Found:
    ids = ids_of(message.trace_id.hex(), message.span_id.hex(), message.parent_span_id.hex())
    if isinstance(ids, str):
        return ids
    status = message.status
    return Span(
        *ids,
        message.name,
        message.kind,
        *times_of(message.start_time_unix_nano, message.end_time_unix_nano),
        _attributes(message.attributes),
        [
            SpanEvent(one.name, one.time_unix_nano, _attributes(one.attributes))
            for one in message.events
        ],
        status.code,
        status.message,
        told(
            {
                "links": [_link(one) for one in message.links],
                "w3c.tracestate": message.trace_state,
                "otel.dropped_attributes_count": message.dropped_attributes_count,
                "otel.dropped_events_count": message.dropped_events_count,
                "otel.dropped_links_count": message.dropped_links_count,
            }
        ),
    )


def _link(message: Any) -> Attributes:
    return told(
        {
            "trace_id": message.trace_id.hex(),
            "span_id": message.span_id.hex(),
            "attributes": _attributes(message.attributes),
        }
    )


def _attributes(pairs: Any) -> Attributes:
    # Most are texts: those are not asked what they are.
    return {pair.key: (value := pair.value).string_value or _value(value) for pair in pairs}


def _value(message: Any) -> Any:
    kind = message.WhichOneof("value")
    return _VALUES[kind](message) if kind in _VALUES else None


_VALUES: Final[dict[str, Callable[[Any], Any]]] = {
    "string_value": lambda message: message.string_value,
    "bool_value": lambda message: message.bool_value,
    "int_value": lambda message: message.int_value,
    "double_value": lambda message: number(message.double_value),
    "array_value": lambda message: [_value(one) for one in message.array_value.values],
    "kvlist_value": lambda message: _attributes(message.kvlist_value.values),
    "bytes_value": lambda message: b64encode(message.bytes_value).decode(),
}
"""What values are, by the name of the field that has them."""
