"""Requests of OTLP, in both of its forms, made by OpenTelemetry's own messages."""

import base64
import json

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

START = 1_795_252_458_500_000_000
SECOND = 10**9


def trace_id(number=1):
    """Return the id of a trace: one that is not of agentlog's form."""
    return f"{number:032x}"


def span_id(number=1):
    """Return the id of a span."""
    return f"{number:016x}"


def value(told):
    """Return a value as an attribute has it."""
    if isinstance(told, bool):
        return AnyValue(bool_value=told)
    if isinstance(told, list):
        return AnyValue(array_value={"values": [value(one) for one in told]})
    if isinstance(told, dict):
        return AnyValue(kvlist_value={"values": pairs(told)})
    names = {str: "string_value", int: "int_value", float: "double_value", bytes: "bytes_value"}
    return AnyValue(**{names[type(told)]: told}) if told is not None else AnyValue()


def pairs(told):
    """Return attributes as a message has them."""
    return [{"key": name, "value": value(one)} for name, one in told.items()]


def span(number=2, name="step", *, trace=1, parent=1, attributes=None, events=(), **fields):
    """Return a span; `events` are names with attributes, `parent=None` makes it a root."""
    start = START + number * SECOND
    whole = {
        "trace_id": bytes.fromhex(trace_id(trace)),
        "span_id": bytes.fromhex(span_id(number)),
        "parent_span_id": b"" if parent is None else bytes.fromhex(span_id(parent)),
        "start_time_unix_nano": start,
        "end_time_unix_nano": start + SECOND // 2,
        "attributes": pairs(attributes or {}),
        "events": [
            {"name": called, "time_unix_nano": start + 1000 * at, "attributes": pairs(told)}
            for at, (called, told) in enumerate(events)
        ],
    }
    return Span(name=name, **whole | fields)


def request(*spans, resource=None, scope=""):
    """Return a request with spans of one resource."""
    about = {"attributes": pairs({"service.name": "weather"} if resource is None else resource)}
    return ExportTraceServiceRequest(
        resource_spans=[
            {"resource": about, "scope_spans": [{"scope": {"name": scope}, "spans": spans}]}
        ]
    )


def in_protobuf(message):
    """Return the body of a request."""
    return message.SerializeToString()


def in_json(message):
    """Return the body of a request in OTLP's JSON: ids are hex there."""
    return json.dumps(_hex(MessageToDict(message))).encode()


def _hex(told):
    if isinstance(told, list):
        return [_hex(one) for one in told]
    if not isinstance(told, dict):
        return told
    ids = ("traceId", "spanId", "parentSpanId")
    return {
        name: base64.b64decode(one).hex() if name in ids else _hex(one)
        for name, one in told.items()
    }
