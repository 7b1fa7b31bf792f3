"""The spans of an agent, as an exporter of OpenTelemetry sends them: for collecting.py.

A third are calls of a model, with the attributes that OpenInference gives them, a third requests, a
third calls of a tool; some traces at once.
"""

import json
import random
import zlib

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

BATCH = 512
"""Spans of a request: as many as the SDK's processor sends."""

_TRACES = 8
_SECOND = 10**9
_random = random.Random(7)

_ASKED = [
    {"role": "system", "content": "You are a helpful assistant. Answer from the documents only."},
    {"role": "user", "content": "Where do rivers rise, and why do they bend?"},
]
_ANSWER = "Rivers rise at springs and glaciers; they bend where one bank gives way sooner."
_CALL = {
    "openinference.span.kind": "LLM",
    "llm.system": "openai",
    "llm.provider": "openai",
    "input.value": json.dumps({"messages": _ASKED, "model": "gpt-4o", "temperature": 0.2}),
    "input.mime_type": "application/json",
    "output.value": json.dumps(
        {"id": "c1", "choices": [{"message": {"role": "assistant", "content": _ANSWER}}]}
    ),
    "output.mime_type": "application/json",
    "llm.model_name": "gpt-4o-2024-08-06",
    "llm.invocation_parameters": json.dumps({"model": "gpt-4o", "temperature": 0.2}),
    **{
        f"llm.input_messages.{at}.message.{name}": text
        for at, message in enumerate(_ASKED)
        for name, text in message.items()
    },
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": _ANSWER,
    "llm.token_count.prompt": 42,
    "llm.token_count.completion": 19,
    "llm.token_count.total": 61,
}
_REQUEST = {
    "http.request.method": "GET",
    "url.full": "https://example.com/search?q=river",
    "http.response.status_code": 200,
    "server.address": "example.com",
    "server.port": 443,
    "network.protocol.version": "1.1",
}
_TOOL = {
    "openinference.span.kind": "TOOL",
    "tool.name": "search_documents",
    "input.value": json.dumps({"query": "river bend", "limit": 10}),
    "input.mime_type": "application/json",
    "output.value": json.dumps(["doc-17", "doc-4", "doc-92"]),
}
_KINDS = (("ChatCompletion", 1, _CALL), ("GET", 3, _REQUEST), ("search_documents", 1, _TOOL))


def bodies(count: int) -> list[bytes]:
    """Make requests, packed."""
    return [_packed(_request(number).SerializeToString()) for number in range(count)]


def _request(number: int) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    _tell(of_resource.resource.attributes, {"service.name": "agent", "process.pid": 4321})
    of_scope = of_resource.scope_spans.add()
    of_scope.scope.name = "openinference.instrumentation.openai"
    traces = [_random.randbytes(16) for _ in range(_TRACES)]
    for at in range(BATCH):
        name, kind, attributes = _KINDS[at % len(_KINDS)]
        span = of_scope.spans.add(
            trace_id=traces[at % _TRACES],
            span_id=_random.randbytes(8),
            parent_span_id=_random.randbytes(8),
            name=name,
            kind=kind,
            start_time_unix_nano=(1_795_252_458 + number) * _SECOND + at * 1000,
            end_time_unix_nano=(1_795_252_458 + number) * _SECOND + at * 2000,
        )
        span.status.code = 1
        _tell(span.attributes, attributes)
    return request


def _tell(pairs, attributes: dict[str, str | int]) -> None:
    for name, value in attributes.items():
        told = pairs.add(key=name).value
        if isinstance(value, str):
            told.string_value = value
        else:
            told.int_value = value


def _packed(body: bytes) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(body) + packer.flush()
