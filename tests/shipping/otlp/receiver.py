"""An OTLP receiver, and what it makes of spans: the events that they were, and their tree.

It decodes by OpenTelemetry's own messages, and takes the server of tests/shipping/server.py:

    with Server(receiving()) as server:
        client = ao.Client(endpoint=otlp(server))
        ...
    assert shape(events) == shape_of(server)
"""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from agentlog.conventions import own
from agentlog.conventions.words import Span, SpanEvent
from agentlog.replay.tree import forest
from tests.shipping.server import response

PROTOBUF = "application/x-protobuf"


def otlp(server):
    """Return the endpoint of a server."""
    return f"otlp+{server.url}"


def decoded(body):
    """Return the spans of a body, each with its resource."""
    return [
        (facts(resource.resource.attributes), span)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def receiving(refuse=(), **partial):
    """Be a receiver: keep the spans by their ids in `server.records`, each as often as it comes.

    Spans of a name in `refuse` are not kept; `partial` is what the answer says of a part.
    """

    def behave(request):
        for _, span in decoded(request.body):
            if span.name not in refuse:
                request.server.records.setdefault(span.span_id.hex(), []).append(span)
        answer = ExportTraceServiceResponse(partial_success=partial or None)
        request.send(response(200, answer.SerializeToString(), Content_Type=PROTOBUF))

    return behave


def facts(attributes):
    """Return attributes as a mapping."""
    return {one.key: _value(one.value) for one in attributes}


def _value(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, kind)


def event_of(span):
    """Return the event that a span was made of."""
    return own.event(
        Span(
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.name,
            span.kind,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            facts(span.attributes),
            [
                SpanEvent(event.name, event.time_unix_nano, facts(event.attributes))
                for event in span.events
            ],
            span.status.code,
            span.status.message,
        )
    )


def events_of(server):
    """Return the events that have arrived, by their ids, as they came last."""
    return {name: event_of(spans[-1]) for name, spans in [*server.records.items()]}


def spans_of(server):
    """Return the spans that have arrived, by their names."""
    return {spans[-1].name: spans[-1] for spans in [*server.records.values()]}


def shape(events):
    """Return the forest of events, node by node, with all that they say."""
    return [_node(root) for root in forest(events)]


def _node(node):
    return node.event, [_node(child) for child in node.children]


def tree(server):
    """Return the forest of what has arrived, by the ids of the spans."""
    return shape(events_of(server).values())
