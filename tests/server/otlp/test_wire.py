"""agentlog.server.otlp.wire: the parts of a protobuf message."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from agentlog.server.envelope import Rejected
from agentlog.server.otlp.wire import MOST_PARTS, Parts, field


def parts(message):
    """Return the parts of a message."""
    return list(Parts()(message))


@given(st.lists(st.tuples(st.integers(1, 1 << 28), st.binary(max_size=300))))
def test_what_is_written_is_read(fields):
    """Fields of any number, in their order."""
    assert fields == parts(b"".join(field(number, body) for number, body in fields))


@given(st.integers(0, (1 << 63) - 1), st.text())
def test_what_is_written_is_protobuf(count, text):
    """Integers and texts, as its own library writes them."""
    partial = ExportTracePartialSuccess(rejected_spans=count, error_message=text)
    written = field(1, field(1, count) + field(2, text))
    assert ExportTraceServiceResponse(partial_success=partial) == (
        ExportTraceServiceResponse.FromString(written)
    )


def test_other_fields_are_passed_over():
    """Integers and numbers of a fixed size are no messages."""
    others = field(1, 1 << 40), b"\x11" + bytes(8), b"\x1d" + bytes(4)
    assert [(2, b"a")] == parts(b"".join((*others, field(2, b"a"), *others)))


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_rejected(message):
    """Nothing else is raised, and no part is longer than the message."""
    with suppress(Rejected):
        assert sum(len(part) for _, part in parts(message)) <= len(message)


def test_the_parts_of_a_body_are_counted_together():
    """A part of parts has no new limit."""
    walk = Parts()
    half = field(1, b"") * (MOST_PARTS // 2)
    assert MOST_PARTS // 2 == len(list(walk(half)))
    with pytest.raises(Rejected, match="50,000"):
        list(walk(half + field(1, b"")))
