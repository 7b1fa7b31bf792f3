"""What spans have in common, whatever they come in: protobuf and JSON are read into the same.

The rule: ids are hex and times are nanoseconds, as the specification has them; a value of an
attribute is one that JSON has, so bytes are base64, and what is no number is text.

https://opentelemetry.io/docs/specs/otel/trace/api/#span
"""

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Final, NamedTuple, overload

from agentlog.conventions.words import Span
from agentlog.server.envelope import INT64

MOST_EVENTS_OF_A_SPAN: Final = 5_000
MOST_EVENTS: Final = 20_000
"""Of all spans of a body."""

Attributes = dict[str, object]


class Origin(NamedTuple):
    """Where spans come from: the attributes of their resource, and the library that made them."""

    resource: Attributes
    scope: str


class Room:
    """How many events the spans of one body may still have.

    Parsed, an event of no content takes two hundred times its bytes: they are counted before.
    """

    def __init__(self) -> None:
        self._left = MOST_EVENTS

    def refuses(self, count: int) -> str:
        """Say why there is no room for the events of a span; if there is, it is taken."""
        if count > MOST_EVENTS_OF_A_SPAN:
            return f"a span has at most {MOST_EVENTS_OF_A_SPAN:,} events"
        if count > self._left:
            return f"the spans of a body have at most {MOST_EVENTS:,} events"
        self._left -= count
        return ""


_is_trace_id = re.compile("(?!0{32})[0-9a-f]{32}").fullmatch
_is_span_id = re.compile("(?!0{16})[0-9a-f]{16}").fullmatch
_NO_PARENT = "parent_span_id is not 8 bytes"

Found = Span | str
"""A span; or why there is none."""


@overload
def number(value: int) -> int | str: ...
@overload
def number(value: float) -> float | str: ...
def number(value: float) -> float | str:
    """Return a number as JSON has it: one that is none is its name, a long integer its text."""
    if isinstance(value, float):
        return value if isfinite(value) else json.dumps(value)
    return value if -INT64 <= value < INT64 else str(value)


def told(facts: Mapping[str, object]) -> Attributes:
    """Return the facts that say something."""
    return {name: fact for name, fact in facts.items() if fact}


def ids_of(trace_id: str, span_id: str, parent_id: str) -> tuple[str, str, str] | str:
    """Return the ids of a span, without a parent's that is all zero; or what is wrong with them."""
    if not _is_trace_id(trace_id):
        return "trace_id is not 16 bytes, or all zero"
    if not _is_span_id(span_id):
        return "span_id is not 8 bytes, or all zero"
    if not parent_id.strip("0"):
        return trace_id, span_id, ""
    return (trace_id, span_id, parent_id) if _is_span_id(parent_id) else _NO_PARENT


def times_of(start: int, end: int) -> tuple[int, int]:
    """Return the times of a span: one that ends before it starts has a clock that was set back."""
    return start, max(start, end) if end else 0
