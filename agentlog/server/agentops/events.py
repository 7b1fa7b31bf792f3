"""The SDK's events as records.

Until 0.0.22 an event has the fields that ours have. From 0.1 on there are kinds of events, each
with names of its own for the same things; `kinds` turns those into the former first. The rule
here: a field that has no place in a record, or a value that its field cannot hold, becomes a param.
Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from agentlog.server.agentops import kinds, values
from agentlog.server.agentops.kinds import Own
from agentlog.server.agentops.values import Fields
from agentlog.server.intake import Found
from agentlog.store.merge import Event, Record

_ACTION_TYPES: Final = ("action", "llm", "api", "screenshot", "tool")


def event_records(
    told: Sequence[object], session: str | None, batch: str, arrived: int
) -> list[Found]:
    """Return the records of a batch of events; instead of one that cannot be kept, why.

    Args:
        told: The `events` of a request.
        session: The session of those that name none.
        batch: The digest of the request.
        arrived: When it came, in milliseconds since the epoch, for those that tell no time.

    """
    befallen = kinds.befallen(told)
    found: list[Found] = []
    for index, one in enumerate(told):
        if not isinstance(one, Mapping):
            found.append("not an object")
            continue
        place = values.session_id(one.get("session_id")) or session
        if place is None:
            found.append("without a session_id that is a UUID")
            continue
        fields = values.told(one)
        fields.pop("session_id", None)
        name = values.take(fields, "id", values.event_id) or values.id_of_place(batch, index)
        own = Own()
        if kinds.is_one(one):
            own = kinds.settle(fields, name, befallen)
        head = {"id": name, "session_id": place, "parent_id": own.parent_id or place[16:]}
        found.append({**head, **_record(fields, own.error, arrived)})
    return found


def _record(fields: Fields, error: Fields | None, arrived: int) -> Record:
    """Make the rest of a record of an event's fields, all of which are used up."""
    values.without_defaults(fields, "result", "action_type")
    begin, end = _times(fields, arrived)
    coerced = "llm" if "model" in fields else "action"
    result = values.take(fields, "result", values.outcome) or "Indeterminate"
    returns = _returns(fields)
    record: Event = {
        "event_type": values.take(fields, "event_type", values.name) or "event",
        "action_type": values.take(fields, "action_type", _action_type) or coerced,
        "timestamp": begin,
        "model": values.take(fields, "model", values.model),
        "prompt": fields.pop("prompt", None),
        "tags": values.take(fields, "tags", values.tags),
        "end_timestamp": end,
        "result": result,
        "returns": returns,
        "error": values.raised(returns) if result == "Fail" and not error else error,
        "prompt_tokens": values.take(fields, "prompt_tokens", values.count),
        "completion_tokens": values.take(fields, "completion_tokens", values.count),
    }
    params = values.joined(fields.pop("params", None), fields)
    return values.told({**record, "params": params or None})


def _action_type(value: object) -> str | None:
    return value if isinstance(value, str) and value in _ACTION_TYPES else None


def _times(fields: Fields, arrived: int) -> tuple[float, float]:
    """Return begin and end; what says only one of them, or one time for both, is an instant."""
    names = ("init_timestamp", "timestamp", "end_timestamp")
    begin, instant, end = (values.take(fields, name, values.moment) for name in names)
    known = [one for one in (begin, instant, end) if one is not None] or [arrived / 1000]
    return known[0], known[-1]


def _returns(fields: Fields) -> object:
    """Return the output, which had another name at first, and has one again in the LLM calls."""
    names = (name for name in ("returns", "output", "completion") if name in fields)
    return fields.pop(next(names, "returns"), None)
