"""From a span to records: the span's own, those of what happened during it, and its session's.

A trace has no event of its own, and a tree needs a root: so a session is made for it, named for the
service. The rule: it is made of nothing but the span at hand: an open half, without a time, that is
the same for every span of a resource, and both halves that a root span gives. So spans come in any
order, together or not and however often: until its root is there a session runs, since its first
span, and then it is what its root is. Of several roots, the first says how it begins and the last
how it ends: merging takes the larger text, so each half says first, in `as_of`, how much it counts.

A session of agentlog's own has a root, which is sent last, and may have spans of others: the half
without a time stands in for it until it comes, and gives way to it in the store.

Pure.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final

from agentlog.conventions import own, reading, words
from agentlog.conventions.words import CLIENT, SECOND, Span, SpanEvent
from agentlog.server.otlp.spans import Origin, told
from agentlog.store.merge import Event

_KINDS: Final = {2: "server", 4: "producer", 5: "consumer"}
_NAMELESS: Final = "unknown_service"
"""What OpenTelemetry calls a service without a name."""

_AFTER_ALL: Final = 1 << 64


def of_span(origin: Origin, span: Span) -> Event:
    """Return the record of a span, in the words of its vocabulary."""
    if own.is_own(span.attributes):
        return own.event(span if is_own(span) else span._replace(parent_id=_parent_id(span)))
    fields = reading.read(span.name, span.attributes, span.events)
    if span.kind == CLIENT and fields["action_type"] == "action":
        fields["action_type"] = "api"
    return _record(origin, span, fields)


def is_own(span: Span) -> bool:
    """Say whether a span was an event of agentlog's: it is that again, and has its own session.

    A mirrored one has that of its trace.
    """
    return own.is_own(span.attributes) and not own.is_mirrored(span.attributes)


def plainly(origin: Origin, span: Span) -> Event:
    """Return the record of a span in no vocabulary: its attributes are params, as they came."""
    fields: Event = {"event_type": span.name or "span", "action_type": "action"}
    return _record(origin, span, {**fields, "params": span.attributes})


def _record(origin: Origin, span: Span, fields: Event) -> Event:
    known: Any = fields.pop("params", {})
    result, reason, error = reading.ended(span.status, span.message, fields)
    record: Event = {
        "id": span.span_id,
        "session_id": span.trace_id,
        "parent_id": _parent_id(span),
        "timestamp": (span.start or span.end) / SECOND,
        **fields,
    }
    if kind := _KINDS.get(span.kind):
        known = {"span.kind": kind, **known}
    if params := {**span.more, **known}:
        record["params"] = params
    if origin.scope:
        record["logger"] = origin.scope
    if span.end:
        outcome = {"result": result, "reason": reason, "error": error}
        record |= {"end_timestamp": span.end / SECOND, **told(outcome)}
    return record


def _parent_id(span: Span) -> str:
    return span.parent_id or session_id(span.trace_id)


# -- What happened during it -----------------------------------------------------------------------


def of_events(origin: Origin, span: Span, record: Event) -> Iterator[Event]:
    """Yield the records of what happened during a span and its own does not tell: log lines.

    Args:
        origin: Where it comes from.
        span: The span.
        record: Its own record.

    """
    reason: Any = record.get("reason")
    error: Any = record.get("error")
    for at, one in enumerate(span.events):
        if "log" in record and words.LINE in one.attributes:
            continue
        if reading.says_more(one, reason, error):
            yield _line(origin, span, at, one)


def _line(origin: Origin, span: Span, at: int, one: SpanEvent) -> Event:
    moment = (one.time or span.start or span.end) / SECOND
    return {
        "id": _derived(span.trace_id, span.span_id, str(at)),
        "session_id": span.trace_id,
        "parent_id": span.span_id,
        "event_type": one.name or "event",
        "action_type": "log",
        "timestamp": moment,
        "end_timestamp": moment,
        "result": "Indeterminate",
        **told({"params": one.attributes, "logger": origin.scope}),
    }


# -- Its session -----------------------------------------------------------------------------------


def session_id(trace_id: str) -> str:
    """Return the id of the event that is a trace's session."""
    return _derived(trace_id)


def session(origin: Origin, trace_id: str) -> Event:
    """Return the open half of a trace's session; a store drops it if agentlog's own is there."""
    name = origin.resource.get("service.name")
    return {
        "id": session_id(trace_id),
        "session_id": trace_id,
        "parent_id": None,
        "event_type": name if isinstance(name, str) and name else _NAMELESS,
        "action_type": "session",
        "as_of": "",
        **told({"params": origin.resource}),
    }


def begun_session(origin: Origin, root: Span, record: Event) -> Event:
    """Return the open half of a trace's session as a root of it and its record say."""
    begun = session(origin, root.trace_id)
    as_of = f"{_AFTER_ALL - (root.start or root.end):020}"
    return {**begun, "as_of": as_of, "timestamp": record["timestamp"]}


def ended_session(root: Span, record: Event) -> Event:
    """Return the close half of a trace's session as a root of it and its record say."""
    names = ("session_id", "end_timestamp", "result", "reason", "tags")
    known = {name: record[name] for name in names if name in record}
    return {"id": session_id(root.trace_id), "as_of": f"{root.end:020}", **known}


def _derived(*parts: str) -> str:
    """Return an id that is the same for the same."""
    return blake2b("/".join(parts).encode(), digest_size=8).hexdigest()
