"""The SDK's values in the terms of a record.

Each function returns None for what it cannot read: then the value stays where everything goes that
a field cannot hold, in the event's params. Pure.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, TypeVar
from uuid import UUID

from agentlog.server.envelope import INT64

T = TypeVar("T")
Fields = dict[str, object]

UNREADABLE: Final = "<<non-serializable: "
"""How a text begins that the SDK sends for a value which it could not turn into JSON."""

_UNTOLD = (f"{UNREADABLE}FieldInfo>>", "")
"""What 0.0.5 and later send for `result` and `action_type` that were left at their defaults."""

_RESULTS = {"success": "Success", "fail": "Fail", "indeterminate": "Indeterminate"}


def take(fields: Fields, name: str, read: Callable[[object], T | None]) -> T | None:
    """Return what a field says, and take it out; if it cannot be read, it stays."""
    value = read(fields.get(name))
    if value is not None:
        del fields[name]
    return value


def told(fields: Mapping[str, object]) -> Fields:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value is not None}


def without_defaults(fields: Fields, *names: str) -> None:
    """Take those fields out that were left at a default which could not be sent."""
    for name in names:
        if fields.get(name) in _UNTOLD:
            del fields[name]


# -- Ids -----------------------------------------------------------------------------------------


def session_id(value: object) -> str | None:
    """Return the 32 hex digits of a session's UUID."""
    try:
        return UUID(value).hex if isinstance(value, str) else None
    except ValueError:
        return None


def event_id(value: object) -> str | None:
    """Return the last 16 hex digits of an event's or a session's UUID."""
    found = session_id(value)
    return found[16:] if found else None


def id_of_place(batch: str, index: int) -> str:
    """Return the id of an event that has none, from its batch and its place in there.

    The SDK sends the same bytes when it tries again, so that nothing doubles; two events of one
    batch that are equal to the last digit stay two. The price: of two batches that are equal in all
    their bytes, times included, the second is taken for the first one come again. Of a batch's
    events, many are of one millisecond, and are shown in the order of their ids.

    Args:
        batch: The digest of the whole request, as `digest` makes it.
        index: Where in it the event is, below 65,536.

    """
    return f"{batch}{index:04x}"


def digest(body: bytes) -> str:
    """Return what tells a request from every other, 12 hex digits."""
    return blake2b(body, digest_size=6).hexdigest()


# -- Values --------------------------------------------------------------------------------------


def moment(value: object) -> float | None:
    """Return seconds since the epoch; `Z` is taken at its word, and a time without zone is UTC."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def text(value: object) -> str | None:
    """Return a text with something in it."""
    return value if isinstance(value, str) and value else None


def name(value: object) -> str | None:
    """Return the name of something: a text, or what stands for one."""
    return text(value) or (as_text(value) if isinstance(value, int | float) else None)


def model(value: object) -> str | None:
    """Return the name of a model; of a member of `Models` only the class is sent."""
    found = text(value)
    return None if found is None or found.startswith(UNREADABLE) else found


def outcome(value: object) -> str | None:
    """Return the result of an event or the end state of a session, in our spelling."""
    return _RESULTS.get(value.casefold()) if isinstance(value, str) else None


def count(value: object) -> int | None:
    """Return a number of tokens."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < INT64 else None


def tags(value: object) -> list[str] | None:
    """Return tags as a list of texts; 0.0.1 and 0.0.2 had a mapping, of which each pair is one."""
    if isinstance(value, Mapping):
        return [f"{key}={as_text(one)}" for key, one in value.items()]
    if isinstance(value, list):
        return [as_text(one) for one in value]
    return [value] if isinstance(value, str) and value else None


def raised(value: object) -> Fields | None:
    """Return the error that is told as a mapping of its type to its message."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    ((kind, message),) = value.items()
    is_one = isinstance(kind, str) and kind.isidentifier() and isinstance(message, str)
    return {"type": kind, "message": message} if is_one else None


def as_text(value: object) -> str:
    """Return a text as it is, and anything else as its JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# -- Params --------------------------------------------------------------------------------------


def joined(params: object, others: Mapping[str, object]) -> Fields:
    """Return params with what no other field could hold beside them, under names of its own."""
    found: Fields = {}
    if isinstance(params, Mapping):
        found.update(params)
    elif params is not None:
        found["params"] = params
    for key, value in others.items():
        found[_free(key, found)] = value
    return found


def _free(key: str, taken: Mapping[str, object]) -> str:
    number, found = 1, key
    while found in taken:
        number += 1
        found = f"{key} ({number})"
    return found
