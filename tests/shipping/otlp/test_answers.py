"""What a receiver's answer means: a receipt of ours, or none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from agentlog.shipping.otlp.answers import understood
from agentlog.shipping.policy import Answer, Verdict, decide

PROTOBUF, JSON = "application/x-protobuf", "application/json"
LINES = [b"{}"] * 3
THREE = [{"id": "1"}, {"id": "2"}, {"id": "3"}]


def partial(rejected, message):
    """Return a response in both forms."""
    said = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    whole = ExportTraceServiceResponse(partial_success=said)
    told = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": message}}
    return [(PROTOBUF, whole.SerializeToString()), (JSON, json.dumps(told).encode())]


def decided(body, content_type=PROTOBUF, events=THREE):
    """Return what is decided, and what a person is told."""
    answer, said = understood(Answer(200, body, content_type=content_type), events)
    return decide(answer, [b"{}"] * len(events)), said


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (PROTOBUF, b""),
        (None, b""),
        ("text/plain; charset=utf-8", b""),
        (PROTOBUF, b"\x0a\x00"),
        (JSON, b"{}"),
        ("Application/JSON; charset=utf-8", b' {"partialSuccess": {}, "of_tomorrow": 1}'),
        (JSON, b'{"partialSuccess": null}'),
    ],
)
def test_all_was_taken(content_type, body):
    """An empty response, in each form."""
    decision, said = decided(body, content_type)
    assert (Verdict.ACKNOWLEDGED, 3, {}) == (
        decision.verdict,
        decision.receipt.accepted,
        decision.receipt.refused,
    )
    assert "" == said


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", b""),
        ("text/html; charset=utf-8", b"<html>Accept our terms</html>"),
        ("text/plain", b"OK"),
        (None, b"OK"),
        (PROTOBUF, b"<html>"),
        (PROTOBUF, b'{"accepted": 3}'),
        (JSON, b"[]"),
        (JSON, b"OK"),
        (JSON, b'{"accepted": 3, "refused": []'),
        (JSON, b'{"partialSuccess": 3}'),
        (JSON, b'{"error": "not found"}'),
        (JSON, b'{"partialSuccess": {"rejectedSpans": true}}'),
        (JSON, b'{"partialSuccess": {"rejectedSpans": "many"}}'),
        (JSON, b"[" * 100_000),
    ],
)
def test_what_is_no_receipt(content_type, body):
    """A page, another service, a response that is cut off: all is held."""
    decision, said = decided(body, content_type)
    assert (Verdict.HOLD, "") == (decision.verdict, said)
    assert "without a receipt" in decision.why


@pytest.mark.parametrize(("content_type", "body"), partial(0, "slow down"))
def test_a_warning(content_type, body):
    """All was taken, and a person is told what the receiver says."""
    decision, said = decided(body, content_type)
    assert (3, "took spans, but says: slow down") == (decision.receipt.accepted, said)


@pytest.mark.parametrize(("content_type", "body"), partial(3, "no such project"))
def test_all_was_refused(content_type, body):
    """Each has the reason of the receiver."""
    decision, said = decided(body, content_type)
    assert dict.fromkeys(range(3), "no such project") == decision.receipt.refused
    assert "refused spans: no such project" == said


@pytest.mark.parametrize(("content_type", "body"), partial(2, "too old"))
def test_some_were_refused(content_type, body):
    """Nobody says which: all of them are in doubt, and must not be sent again."""
    decision, said = decided(body, content_type)
    assert dict.fromkeys(range(3), "2 of these 3 were refused: too old") == decision.receipt.refused
    assert "refused spans: too old" == said


@pytest.mark.parametrize(("rejected", "refused"), [(-1, 0), (4, 3), (2**62, 3)])
def test_numbers_that_cannot_be(rejected, refused):
    """None at least, and all at most."""
    decision, _ = decided(partial(rejected, "")[0][1])
    assert refused == len(decision.receipt.refused)


def test_what_was_not_sent():
    """A line that is no span is refused, whatever is said of the others."""
    decision, _ = decided(b"", events=[THREE[0], None, THREE[0]])
    assert (2, [1]) == (decision.receipt.accepted, [*decision.receipt.refused])
    decision, _ = decided(partial(2, "no")[0][1], events=[THREE[0], None, THREE[0]])
    assert ["no", "it is no record that has an id and a session_id", "no"] == [
        decision.receipt.refused[index] for index in range(3)
    ]


@pytest.mark.parametrize(
    ("content_type", "body", "why"),
    [
        (PROTOBUF, b"\x08\x03\x12\x08bad span", "400: bad span"),
        (PROTOBUF, b"\x12\x03why" + b"\x1a\x02\x0a\x00", "400: why"),
        (PROTOBUF, b"\xff\xff", "400"),
        (JSON, b'{"code": 3, "message": "bad span"}', "400: bad span"),
        (JSON, b'{"detail": "bad"}', '400: {"detail": "bad"}'),
        ("text/plain", b"bad\nspan", "400: bad span"),
    ],
)
def test_the_message_of_an_error(content_type, body, why):
    """It is a `google.rpc.Status`, or what else there is to read."""
    answer, said = understood(Answer(400, body, content_type=content_type), THREE)
    decision = decide(answer, LINES)
    assert (Verdict.BISECT, why, "") == (decision.verdict, decision.why, said)


@given(
    st.integers(200, 299),
    st.binary(max_size=40) | st.from_regex(rb'\{"partialSuccess":[^}]*\}\}?', fullmatch=True),
    st.sampled_from([PROTOBUF, JSON, None, "text/html"]),
)
def test_no_bytes_raise(status, body, content_type):
    """And what is decided is one of two things."""
    answer, _ = understood(Answer(status, body, content_type=content_type), THREE)
    assert decide(answer, LINES).verdict in (Verdict.ACKNOWLEDGED, Verdict.HOLD)
