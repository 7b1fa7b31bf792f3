"""What became of an event, and so of a session, in one word.

The rule: which `result` and `reason` make which state stands in this file alone. Python asks
`state_of`, and the SQL of a list is made of the same two tables.
"""

from enum import StrEnum


class State(StrEnum):
    """What became of an event, in one word."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"
    EXITED = "exited"
    SUCCEEDED = "succeeded"
    INDETERMINATE = "indeterminate"
    UNKNOWN = "unknown"
    """Of a session whose own event is missing: no event is in this state."""


SILENT = "silent"
"""What a list says instead of `running` if nobody is known to be alive, and nothing has been said
for `SILENT_AFTER`: a collector sees no lock.
"""

SILENT_AFTER = 600.0
"""Seconds."""

BY_RESULT = {"Success": State.SUCCEEDED, "Fail": State.FAILED}
BY_REASON = {
    "cancelled": State.CANCELLED,
    "interrupted": State.INTERRUPTED,
    "abandoned": State.ABANDONED,
    "exit": State.EXITED,
}
"""Of every other result."""

INTERRUPTED, SHIPPED = 1, 2
REASONS = {INTERRUPTED: "interrupted", SHIPPED: "shipped"}
"""Why an event has no end though its process is gone: it was interrupted, or its end was shipped
before it was taken up here.
"""


def state_of(result: object, reason: object, *, ended: bool) -> State:
    """Decide the state of an event from its `result` and `reason`, and whether it has an end."""
    if not isinstance(result, str):
        return State.INDETERMINATE if ended else State.RUNNING
    if result in BY_RESULT:
        return BY_RESULT[result]
    known = BY_REASON.get(reason) if isinstance(reason, str) else None
    return known or State.INDETERMINATE
