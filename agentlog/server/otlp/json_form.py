"""OTLP in JSON: from the text of a body to spans.

It is protobuf's JSON with ids in hex; integers of 64 bits are text, or numbers. The rule: a value
of a wrong type is as none, and fields that nobody knows are left out.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from agentlog.conventions.words import Span, SpanEvent
from agentlog.server import bodies
from agentlog.server.envelope import DEEPEST, TOO_DEEP, Rejected
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

_MOST_DIGITS: Final = 20

_KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_CODES: Final = ("UNSET", "OK", "ERROR")
"""As protobuf's own JSON has them, behind `SPAN_KIND_` and `STATUS_CODE_`; OTLP has numbers."""


class _TooDeepError(ValueError):
    """A value that is nested too deeply."""


def spans(text: str) -> Iterator[tuple[Origin, Found]]:
    """Yield the spans of an `ExportTraceServiceRequest`, or what is wrong; raises `Rejected`."""
    try:
        body = bodies.decoded(text)
    except bodies.NotJSONError as error:
        raise Rejected(400, str(error)) from None
    if not isinstance(body, dict) or not isinstance(body.get("resourceSpans"), list | None):
        raise Rejected(400, "the body is no object with an array `resourceSpans`")
    room = Room()
    for of_resource in _objects(body, "resourceSpans"):
        resource = _safely(_object(of_resource, "resource"))
        for of_scope in _objects(of_resource, "scopeSpans"):
            origin = Origin(resource, _text(_object(of_scope, "scope"), "name"))
            for one in _list(of_scope, "spans"):
                yield origin, _found(one, room)


def _safely(resource: Mapping[str, Any]) -> Attributes:
    try:
        return _attributes(resource)
    except _TooDeepError:
        raise Rejected(400, f"a resource is {TOO_DEEP}") from None


def _found(value: object, room: Room) -> Found:
    if not isinstance(value, dict):
        return "not an object"
    try:
        return room.refuses(len(_list(value, "events"))) or _span(value)
    except _TooDeepError:
        return TOO_DEEP


def _span(span: Mapping[str, Any]) -> Found:
    given = [_text(span, name).lower() for name in ("traceId", "spanId", "parentSpanId")]
    ids = ids_of(*given)
    if isinstance(ids, str):
        return ids
    status = _object(span, "status")
    return Span(
        *ids,
        _text(span, "name"),
        _enumerated(span.get("kind"), _KINDS),
        *times_of(_integer(span.get("startTimeUnixNano")), _integer(span.get("endTimeUnixNano"))),
        _attributes(span),
        [
            SpanEvent(_text(one, "name"), _integer(one.get("timeUnixNano")), _attributes(one))
            for one in _objects(span, "events")
        ],
        _enumerated(status.get("code"), _CODES),
        _text(status, "message"),
        told(
            {
                "links": [_link(one) for one in _objects(span, "links")],
                "w3c.tracestate": _text(span, "traceState"),
                "otel.dropped_attributes_count": _integer(span.get("droppedAttributesCount")),
                "otel.dropped_events_count": _integer(span.get("droppedEventsCount")),
                "otel.dropped_links_count": _integer(span.get("droppedLinksCount")),
            }
        ),
    )


def _link(link: Mapping[str, Any]) -> Attributes:
    return told(
        {
            "trace_id": _text(link, "traceId"),
            "span_id": _text(link, "spanId"),
            "attributes": _attributes(link),
        }
    )


def _attributes(holder: object, name: str = "attributes", depth: int = 0) -> Attributes:
    return {_text(pair, "key"): _value(pair.get("value"), depth) for pair in _objects(holder, name)}


def _value(said: object, depth: int) -> Any:
    """Return the value that an `AnyValue` says."""
    if depth > DEEPEST:
        raise _TooDeepError
    for kind, value in said.items() if isinstance(said, dict) else ():
        if kind in _VALUES:
            return _VALUES[kind](value, depth + 1)
    return None


def _double(value: object) -> float | str | None:
    """Return a number; what is none, as JSON cannot write it, is told by its name."""
    if isinstance(value, str):
        try:
            return number(float(value))
        except ValueError:
            return value
    return number(value) if isinstance(value, int | float) else None


_VALUES: Final[dict[str, Callable[[Any, int], Any]]] = {
    "stringValue": lambda value, _: value if isinstance(value, str) else None,
    "boolValue": lambda value, _: value if isinstance(value, bool) else None,
    "intValue": lambda value, _: _integer_or_text(value),
    "doubleValue": lambda value, _: _double(value),
    "arrayValue": lambda value, depth: [_value(one, depth) for one in _list(value, "values")],
    "kvlistValue": lambda value, depth: _attributes(value, "values", depth),
    "bytesValue": lambda value, _: value if isinstance(value, str) else None,
}
"""What values are, by the name of the field that has them."""


# -- Fields of objects, of any type ----------------------------------------------------------------


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _enumerated(value: object, names: tuple[str, ...]) -> int:
    """Return a number of an enumeration, which protobuf's own JSON has by its name."""
    name = value.rpartition("_")[2] if isinstance(value, str) else ""
    return names.index(name) if name in names else _integer(value)


def _integer(value: object) -> int:
    """Return an integer that is one: of those here, none is below 0."""
    found = _integer_or_text(value)
    return max(found, 0) if isinstance(found, int) else 0


def _integer_or_text(value: object) -> int | str | None:
    """Return an integer that is one, or its text if that is more than 64 bits."""
    if isinstance(value, str) and len(value) <= _MOST_DIGITS:
        try:
            return number(int(value))
        except ValueError:
            return value
    if isinstance(value, float) and value.is_integer():
        return number(int(value))
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _list(holder: object, name: str) -> list[Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []


def _objects(holder: object, name: str) -> list[Mapping[str, Any]]:
    return [one for one in _list(holder, name) if isinstance(one, dict)]
