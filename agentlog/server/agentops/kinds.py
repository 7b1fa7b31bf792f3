"""The kinds of events that 0.1 and later have, told in the words of the versions before.

`event_type` is the kind there, and the event's name stands elsewhere; there is no result, but an
event of its own for an error, which names the event that it befell. So an error hangs under that
event, and that event has failed, if both are in one request, as they are when a recorded function
raises. What an agent recorded hangs under the agent. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agentlog.server.agentops import values
from agentlog.server.agentops.values import Fields

ERRORS: Final = "errors"

_KINDS: Final = {
    "actions": "action",
    "llms": "llm",
    "apis": "api",
    "tools": "tool",
    ERRORS: "action",
}
_NAMES: Final = {
    "actions": ("action_type", "name"),
    "llms": (),
    "apis": ("action_type", "name"),
    "tools": ("name", "tool_name"),
    ERRORS: ("error_type",),
}
"""Where the name of an event of each kind stands."""

_NO_TRACEBACK: Final = "NoneType: None\n"
"""What `traceback.format_exc()` says where there is no exception."""


@dataclass(frozen=True, slots=True)
class Own:
    """What only later kinds have: whose child an event is, and the error that it is."""

    parent_id: str | None = None
    error: Fields | None = None


def is_one(told: Mapping[str, object]) -> bool:
    """Say whether an event is of a later version: those before always have a result."""
    kind = told.get("event_type")
    return isinstance(kind, str) and kind in _KINDS and "result" not in told


def triggers(told: Sequence[object]) -> frozenset[str]:
    """Return the ids of those events which the errors among these befell."""
    errors = (one for one in told if isinstance(one, Mapping) and one.get("event_type") == ERRORS)
    found = (values.event_id(one.get("trigger_event_id")) for one in errors)
    return frozenset(one for one in found if one)


def settle(fields: Fields, *, failed: bool) -> Own:
    """Rename an event's fields, in place, and return what it has beside them."""
    kind = str(fields.pop("event_type"))
    names = [values.text(fields.pop(name, None)) for name in _NAMES[kind]]
    own = Own(values.take(fields, "agent_id", values.event_id))
    if kind == ERRORS:
        own = Own(_trigger(fields) or own.parent_id, _error(fields, names[0]))
    fields["event_type"] = next(filter(None, names), "error" if kind == ERRORS else _KINDS[kind])
    fields["action_type"] = _KINDS[kind]
    fields["result"] = "Fail" if failed or kind == ERRORS else "Indeterminate"
    return own


def _trigger(fields: Fields) -> str | None:
    """Return the id of the event that an error befell, and forget what else is said of it."""
    for name in ("trigger_event", "trigger_event_type", "exception"):
        if isinstance(fields.get(name), str):
            del fields[name]
    return values.take(fields, "trigger_event_id", values.event_id)


def _error(fields: Fields, kind: str | None) -> Fields:
    """Return the error as a record has it."""
    details, logs = fields.pop("details", ""), fields.pop("logs", _NO_TRACEBACK)
    traceback = None if logs == _NO_TRACEBACK else values.as_text(logs)
    error = {"type": kind or "Error", "message": values.as_text(details), "traceback": traceback}
    return values.told(error)
