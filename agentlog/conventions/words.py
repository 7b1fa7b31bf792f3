"""Our events in a span: which word of its attributes has which field, and what a span is.

`writing` makes spans of events by these tables, and `own` reads them backwards; so what is in a
table here is written and read.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

INTERNAL, CLIENT = 1, 3
"""Kinds of spans."""

UNSET, OK, ERROR = 0, 1, 2
"""Statuses of spans."""

SECOND: Final = 10**9
"""In nanoseconds."""

IDS: Final = {
    "session_id": "session.id",
    "id": "agentlog.id",
    "parent_id": "agentlog.parent_id",
}
"""Fields that are texts, where a span's own ids do not have them as they are."""

ACTION_TYPE: Final = "agentlog.action_type"
TEXTS: Final = {
    "action_type": ACTION_TYPE,
    "model": "gen_ai.request.model",
    "result": "agentlog.result",
    "reason": "agentlog.reason",
    "rating": "agentlog.rating",
    "level": "agentlog.level",
    "logger": "agentlog.logger",
    "source": "agentlog.source",
}
COUNTS: Final = {
    "prompt_tokens": "gen_ai.usage.input_tokens",
    "completion_tokens": "gen_ai.usage.output_tokens",
}
TAGS: Final = "agentlog.tags"

EXCEPTION: Final = "exception"
ERRORS: Final = {
    "type": "exception.type",
    "message": "exception.message",
    "traceback": "exception.stacktrace",
}
"""The event of a span that an error is, and the words of its parts."""

LINE: Final = "agentlog.line"
"""Of an event of a span: the JSON of a line of the log."""

MIRRORED: Final = "agentlog.event_id"
"""Of a mirrored span: the id of the event in the journal, which is not that of the span."""

PARAMS: Final = "agentlog.params"
REST: Final = "agentlog.rest"
MISSING: Final = "agentlog.missing"
SIGNS: Final = frozenset({ACTION_TYPE, MISSING, REST})
"""Of these every span of ours has one."""

Value = str | bool | int | list[str]
Attributes = dict[str, Value]


class SpanEvent(NamedTuple):
    """Something that happened during a span: OpenTelemetry's `Event`, which is no event of ours.

    Attributes:
        name: What it was.
        time: When, in nanoseconds since the epoch; 0 if it does not say.
        attributes: What is told of it.

    """

    name: str
    time: int
    attributes: Mapping[str, Any]


class Span(NamedTuple):
    """What a span says: one that is made of an event, or one that came in.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 of them.
        parent_id: As many, or none for a root.
        name: What it is called.
        kind: OpenTelemetry's number for it; what we write is `INTERNAL` or `CLIENT`.
        start: When it began, in nanoseconds since the epoch.
        end: When it ended, not before the start; 0 if it has not, which is none of ours.
        attributes: By their names; values that JSON has.
        events: What happened during it, in its order.
        status: `UNSET`, `OK` or `ERROR`.
        message: What the status says.
        more: What hardly any span has, and none of ours: links, the trace's state, what was
            dropped.

    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start: int
    end: int
    attributes: Mapping[str, Any]
    events: Sequence[SpanEvent]
    status: int
    message: str
    more: Mapping[str, object] = MappingProxyType({})


_SESSION_ID = re.compile("[0-9a-f]{12}7[0-9a-f]{19}")


def moment_of_id(session_id: str) -> float | None:
    """Return when a session began, in seconds, as an id of agentlog's form says; else None."""
    return int(session_id[:12], 16) / 1000 if _SESSION_ID.fullmatch(session_id) else None
