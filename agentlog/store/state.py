"""What became of an event, and so of a session, in one word.

The rule: which `result` and `reason` make which state stands in this file alone. Python asks
`state_of`, and the SQL of a list is made of the same two tables.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from agentlog.store.merge import Event


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
    SILENT = "silent"
    """It may run: nobody sees whether, and its session has said nothing for `SILENT_AFTER`."""

    UNKNOWN = "unknown"
    """Of a session whose own event is missing: no event is in this state."""


CUT = frozenset((State.INTERRUPTED, State.SILENT))
"""Nobody saw the end of it."""

SILENT_AFTER = 600.0
"""Seconds without a word of a session after which what is open in it is silent, if it came from
elsewhere: of that no lock is seen here.
"""

BY_RESULT = {"Success": State.SUCCEEDED, "Fail": State.FAILED}
BY_REASON = {
    "cancelled": State.CANCELLED,
    "interrupted": State.INTERRUPTED,
    "abandoned": State.ABANDONED,
    "exit": State.EXITED,
}
"""Of every other result."""

_SILENT = State.SILENT.value

INTERRUPTED, SHIPPED = 1, 2
REASONS = {INTERRUPTED: "interrupted", SHIPPED: "shipped"}
"""Why an event has no end though its process is gone: it was interrupted, or its end was shipped
before it was taken up here.
"""


MAY_RUN = "close IS NULL AND owner NOTNULL AND NOT interrupted"
"""The SQL for an event that is open, and whose process may be alive here."""


def case(value: str, words: Mapping[Any, str], otherwise: str) -> str:
    """Return the SQL that looks a value up in a table."""
    cases = " ".join(f"WHEN {said!r} THEN '{word}'" for said, word in words.items())
    return f"CASE {value} {cases} ELSE {otherwise} END"


def outcome(row: str) -> tuple[str, str]:
    """Return the SQL for `result` and `reason` of a row of the table of events."""
    is_cut = f"({row}.close IS NULL AND {row}.interrupted)"
    result = f"iif({is_cut}, 'Indeterminate', {row}.result)"
    return result, case(f"iif({is_cut}, {row}.interrupted, 0)", REASONS, f"{row}.reason")


def shown(events: Iterable[Event], *, is_silent: bool) -> Iterable[Event]:
    """Return the events of a session as they are shown, by whether it is silent."""
    return map(silenced, events) if is_silent else events


def silenced(event: Event) -> Event:
    """Return an event of a silent session as it is shown: what is open there is silent too."""
    if "end_timestamp" in event or isinstance(event.get("result"), str):
        return event
    return {**event, "result": "Indeterminate", "reason": _SILENT}


def state_of(result: object, reason: object, *, ended: bool) -> State:
    """Decide the state of an event from its `result` and `reason`, and whether it has an end."""
    if reason == _SILENT and not ended:
        return State.SILENT
    if not isinstance(result, str):
        return State.INDETERMINATE if ended else State.RUNNING
    if result in BY_RESULT:
        return BY_RESULT[result]
    known = BY_REASON.get(reason) if isinstance(reason, str) else None
    return known or State.INDETERMINATE
