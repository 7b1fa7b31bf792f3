"""What an OTLP receiver's answer means, in the words that a collector of agentlog's would use.

The rules of this file: what has been taken becomes our receipt, so that the table of policy.py
decides here too. An `ExportTraceServiceResponse`, in protobuf, in JSON or as an empty body, says
that all was taken, unless it has a `partial_success`. That says how many spans were refused and not
which, and they must not be sent again: then all of the batch goes to the quarantine, and the reason
says how many of how many. Open halves are no spans, and not refused. What is no such response, as
the page of a captive portal, is no receipt.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from agentlog.shipping.objects import object_of
from agentlog.shipping.policy import Answer, excerpt

PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_FIELDS: Final = frozenset({"partialSuccess", "partial_success"})
_REFUSALS: Final = (400, 413, 422)
"""What receivers say of a request without spans that want some: so they are there."""

_NO_SPAN: Final = "it is no record that has an id and a session_id"


class Partial(NamedTuple):
    """What a response says beside that it is one: spans that were refused, and a message."""

    rejected: int = 0
    message: str = ""


def understood(answer: Answer, events: Sequence[object]) -> tuple[Answer, str]:
    """Return an answer with our receipt for its body, and what a person should know of it.

    Args:
        answer: What came back.
        events: What the batch had, with None for what was not sent as it cannot be a span, and an
            empty one for what is none yet.

    """
    if answer.status in _REFUSALS and not any(events):
        return Answer(200, receipt(events)), ""
    if not 200 <= answer.status < 300:  # noqa: PLR2004
        return replace(answer, body=_message(answer)), ""
    partial = _partial(answer)
    if partial is None:
        return replace(answer, body=b""), ""
    sent = sum(map(bool, events))
    said = f": {partial.message}" if partial.message else ""
    if partial.rejected <= 0:
        note = f"took spans, but says{said}" if said else ""
        return replace(answer, body=receipt(events)), note
    why = partial.message or "refused without a reason"
    if partial.rejected < sent:
        why = f"{partial.rejected:,} of these {sent:,} were refused{said}"
    return replace(answer, body=receipt(events, why)), f"refused spans{said}"


def receipt(events: Sequence[object], why: str = "") -> bytes:
    """Return the receipt of a batch in which all spans were refused, or none."""
    refused = [
        {"index": index, "why": _NO_SPAN if event is None else why}
        for index, event in enumerate(events)
        if event is None or (why and event)
    ]
    return json.dumps({"accepted": len(events) - len(refused), "refused": refused}).encode()


def _partial(answer: Answer) -> Partial | None:
    """Read a response; None if it is none."""
    kind = _kind(answer)
    if not answer.body:
        return None if kind == "text/html" else Partial()
    if kind == PROTOBUF:
        try:
            said = ExportTraceServiceResponse.FromString(answer.body).partial_success
        except DecodeError:
            return None
        return Partial(said.rejected_spans, excerpt(said.error_message))
    return _partial_in_json(answer.body) if kind == _JSON else None


def _partial_in_json(body: bytes) -> Partial | None:
    said = object_of(body)
    if said is None:
        return None
    partial = said.get("partialSuccess") or said.get("partial_success") or {}
    if not isinstance(partial, dict) or (said and not _FIELDS & said.keys()):
        return None
    rejected = partial.get("rejectedSpans") or partial.get("rejected_spans") or 0
    message = partial.get("errorMessage") or partial.get("error_message")
    if isinstance(rejected, bool):
        return None
    try:
        return Partial(int(rejected), excerpt(message))  # 64 bits are a text in JSON
    except (TypeError, ValueError, OverflowError):
        return None


def _message(answer: Answer) -> bytes:
    """Return the message of a `google.rpc.Status`, or the body as it is.

    Its code and message are the fields 1 and 2, as the number and the message of a partial success
    are: so that reads it.
    """
    kind = _kind(answer)
    if kind == PROTOBUF:
        try:
            return ExportTracePartialSuccess.FromString(answer.body).error_message.encode()
        except DecodeError:
            return b""
    said = object_of(answer.body) if kind == _JSON else None
    message = said.get("message") if said else None
    return message.encode(errors="replace") if isinstance(message, str) else answer.body


def _kind(answer: Answer) -> str:
    return (answer.content_type or "").partition(";")[0].strip().lower()
