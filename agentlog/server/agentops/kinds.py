"""The kinds of events that 0.1 and later have, told in the words of the versions before.

`event_type` is the kind there, and the event's name stands elsewhere; there is no result, but an
event of its own for an error, which names the event that it befell. Where both are in one request,
as they are when a recorded function raises, the error hangs under that event, which has failed;
where they are not, some versions never send the other one. What an agent recorded hangs under the
agent. Pure.
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


def befallen(told: Sequence[object]) -> frozenset[str]:
    """Return the ids of those among these events which errors among these befell."""
    events = [one for one in told if isinstance(one, Mapping)]
    there = {values.event_id(one.get("id")) for one in events}
    triggers = {values.event_id(one.get("trigger_event_id")) for one in events}
    return frozenset(one for one in there & triggers if one)


def settle(fields: Fields, name: str, befallen: frozenset[str]) -> Own:
    """Rename an event's fields, in place, and return what it has beside them.

    Args:
        fields: What it says.
        name: Its id.
        befallen: The ids of those events of its request which errors of the same befell.

    """
    kind = str(fields.pop("event_type"))
    names = [values.take(fields, one, values.text) for one in _NAMES[kind]]
    own = Own(values.take(fields, "agent_id", values.event_id))
    fields["event_type"] = next(filter(None, names), _KINDS[kind])
    fields["action_type"] = _KINDS[kind]
    fields["result"] = "Fail" if kind == ERRORS or name in befallen else "Indeterminate"
    if kind != ERRORS:
        return own
    error = _error(fields, names[0])
    fields["event_type"] = error["type"]
    return Own(_trigger(fields, befallen) or own.parent_id, error)


def _trigger(fields: Fields, befallen: frozenset[str]) -> str | None:
    """Return the id of the event that an error befell, if it is there."""
    for name in ("trigger_event", "exception"):
        if isinstance(fields.get(name), str):
            del fields[name]  # a text that says that it could not be sent
    trigger = values.event_id(fields.get("trigger_event_id"))
    if trigger not in befallen:
        return None
    del fields["trigger_event_id"]
    fields.pop("trigger_event_type", None)
    return trigger


def _error(fields: Fields, kind: str | None) -> Fields:
    """Return the error as a record has it."""
    details, logs = fields.pop("details", ""), fields.pop("logs", _NO_TRACEBACK)
    error: Fields = {"type": kind or "Error", "message": values.as_text(details)}
    if kind is None:
        error |= values.raised(details) or {}
    return error if logs == _NO_TRACEBACK else {**error, "traceback": values.as_text(logs)}
