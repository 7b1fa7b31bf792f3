"""What attributes hold: values of any type, JSON in a text, lists that are spread over many names.

Attributes come from other programs. So a value of a wrong type is none, a text that is no JSON
stays a text, and a list is as long as what was said of it, whatever numbers its names have.

A program's calls have the same names again and again. So what follows from names alone is found
out once for each set of them, and remembered where that takes no room.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar

MOST_JSON: Final = 16 << 20
MOST_VALUES: Final = 100_000
"""Characters of a text that is read as JSON, and values in it; a larger one stays a text."""

_BASE64: Final = '"base64"'
_MOST_STEPS: Final = 16
_MOST_DIGITS: Final = 9
_LONGEST: Final = 128
_REMEMBERED: Final = 8192
_MOST_SETS: Final = 256
_MOST_HELD: Final = 1 << 17
"""Characters of names in all sets that a function remembers; a usual call has some hundreds."""

_LARGEST: Final = 1 << 63
_OWN_NAMES: Final = frozenset(
    {
        "completion",
        "document",
        "embedding",
        "image",
        "message",
        "message_content",
        "prompt",
        "tool",
        "tool_call",
    }
)
"""What an item of a list is called behind its number, as in `llm.tools.0.tool.json_schema`."""

Attributes = dict[str, object]

Taken = tuple[tuple[str, tuple[str, ...], Callable[[object], Any]], ...]
"""What is taken as it is: the name in the record, those of attributes, and how a value is read."""

MAPPINGS: Final = (dict, Mapping)
"""What a mapping is; most are known by the first, which costs less to ask."""

T = TypeVar("T")


def by_names(find: Callable[[tuple[str, ...]], T]) -> Callable[[tuple[str, ...]], T]:
    """Remember what a function finds out of names, but for those that are many or long."""
    known: dict[tuple[str, ...], T] = {}
    held = 0

    def ask(names: tuple[str, ...]) -> T:
        nonlocal held
        found = known.get(names)
        if found is None:
            found = find(names)
            size = sum(map(len, names))
            if size < _REMEMBERED:
                if len(known) >= _MOST_SETS or held + size > _MOST_HELD:
                    known.clear()
                    held = 0
                known[names] = found
                held += size
        return found

    return ask


def text(value: object) -> str | None:
    """Return a value if it is a text with something in it."""
    return value if isinstance(value, str) and value else None


def count(value: object) -> int | None:
    """Return a value if it is a number of something; one that is a float by mistake, too."""
    if type(value) is int:  # as most are
        return value if 0 <= value < _LARGEST else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST:
        return value
    return None


def texts(value: object) -> list[str] | None:
    """Return the texts of a value that is a list of them, or one text; None if it has none."""
    if isinstance(value, str):
        value = parsed(value) if value.startswith("[") else [value]
    return [one for one in value if text(one)] or None if isinstance(value, list | tuple) else None


def parsed(value: Any) -> Any:
    """Return what a text of JSON says; anything else as it is."""
    if not isinstance(value, str) or value[:1] not in "{[" or _is_large(value):
        return value
    try:
        said, end = (_with_pictures if _BASE64 in value else _as_json)(value)
        return value if value[end:].strip(_SPACES) else said
    except (ValueError, RecursionError):
        return value


def _with_url(said: dict[str, Any]) -> dict[str, Any]:
    """Make a data URL of a picture's data, as Anthropic has it: such a text is never cut."""
    kind, data = said.get("media_type"), said.get("data")
    is_picture = said.get("type") == "base64" and isinstance(kind, str) and kind[:6] == "image/"
    return {**said, "data": f"data:{kind};base64,{data}"} if is_picture and text(data) else said


_SPACES: Final = " \t\n\r"
_as_json: Final = json.JSONDecoder().raw_decode
_with_pictures: Final = json.JSONDecoder(object_hook=_with_url).raw_decode


def _is_large(value: str) -> bool:
    """Say whether a text is too long, or has too many values; what stands in texts counts too."""
    if len(value) <= MOST_VALUES:
        return False
    return len(value) > MOST_JSON or sum(map(value.count, ",{[")) > MOST_VALUES


def first(attributes: Attributes, names: Iterable[str]) -> Any:
    """Take these attributes, and return the first that is there."""
    found = None
    for name in names:
        if name in attributes:
            value = attributes.pop(name)
            found = value if found is None else found
    return found


def held(
    attributes: Attributes,
    names: Iterable[str],
    form: Callable[[object], T | None],
    rest: Attributes,
) -> T | None:
    """Take these attributes, and return the first that a field can hold.

    Args:
        attributes: Where they are.
        names: What they are called.
        form: Makes of a value what the field holds; None, where it cannot hold it.
        rest: Where those go that it cannot hold.

    """
    found = None
    for name in names:
        if name in attributes:
            value = attributes.pop(name)
            if found is None and (found := form(value)) is None and value != "":
                rest[name] = value
    return found


def rows_of(names: frozenset[str], table: Taken) -> Taken:
    """Return the part of a table that says something of these names."""
    found = ((field, tuple(w for w in words if w in names), form) for field, words, form in table)
    return tuple(row for row in found if row[1])


def taken(attributes: Attributes, table: Taken, rest: Attributes) -> dict[str, Any]:
    """Return what a table says of attributes, which all are there.

    Args:
        attributes: Where they are; they stay.
        table: Its rows.
        rest: Where those go that their fields cannot hold.

    """
    found: dict[str, Any] = {}
    for field, words, form in table:
        for word in words:
            value = attributes[word]
            if (said := form(value)) is not None:
                found[field] = said
                break
            if value != "":
                rest[word] = value
    return found


Shapes = tuple[dict[str, list[Any]], tuple[str, ...]]
"""Lists with the name of an attribute in place of its value, and these names."""


def lists(
    attributes: Attributes, shapes_of: Callable[[tuple[str, ...]], Shapes]
) -> dict[str, list[Any]]:
    """Take the lists that are spread over attributes, and put each together again.

    Args:
        attributes: Attributes, of which those that were understood are taken.
        shapes_of: Finds the lists by names.

    """
    shapes, used = shapes_of((*attributes,))
    found = {root: filled(shape, attributes) for root, shape in shapes.items()}
    for name in used:
        del attributes[name]
    return found


def shapes_of(names: tuple[str, ...], roots: frozenset[str]) -> Shapes:
    """Return the lists that are spread over names.

    Args:
        names: Those of attributes.
        roots: The names of the lists, behind which the number of an item stands.

    """
    found: dict[str, dict[Any, Any]] = {}
    used = []
    for name in names:
        root, steps = (_way if len(name) <= _LONGEST else _way.__wrapped__)(name)
        if root in roots and _put(found.setdefault(root, {}), steps, name):
            used.append(name)
    return {root: _listed(items) for root, items in found.items() if items}, (*used,)


def filled(shape: Any, values: Attributes) -> Any:
    """Return what has values in place of their names."""
    if type(shape) is list:
        return [filled(one, values) for one in shape]
    if type(shape) is dict:
        return {
            step: values[one] if type(one) is str else filled(one, values)
            for step, one in shape.items()
        }
    return values[shape]


@lru_cache(4096)
def _way(name: str) -> tuple[str, tuple[str | int, ...]]:
    """Return the name of a list, and the way to a value in it; no name for what is in none.

    The way is of numbers of items, and of names without those that repeat what the list says.
    """
    parts = name.split(".", _MOST_STEPS)
    at = next((place for place, part in enumerate(parts) if type(_number(part)) is int), 0)
    if not at:
        return "", ()
    steps: list[str | int] = []
    before = ""
    for part in parts[at:-1]:
        is_said = part in _OWN_NAMES if before.isdecimal() else part == before
        if not is_said:
            steps.append(_number(part))
        before = part
    return ".".join(parts[:at]), (*steps, _number(parts[-1]))


def _number(part: str) -> str | int:
    is_number = part.isdecimal() and part.isascii() and len(part) <= _MOST_DIGITS
    return int(part) if is_number else part


def _put(holder: dict[Any, Any], steps: tuple[str | int, ...], value: object) -> bool:
    """Put a value where its way leads; say whether there was a place for it."""
    *way, last = steps
    for step in way:
        holder = holder.setdefault(step, {})
        if type(holder) is not dict:
            return False
    if last in holder:
        return False
    holder[last] = value
    return True


def _listed(value: Any) -> Any:
    """Return a list for what is known by numbers."""
    if type(value) is not dict:
        return value
    if all(type(key) is int for key in value):
        return [_listed(value[key]) for key in sorted(value)]
    return {str(key): _listed(one) for key, one in value.items()}


def as_json(value: object) -> str:
    """Write a value as JSON; one that JSON cannot hold as the name of its type."""
    try:
        return _encode(value)
    except (RecursionError, TypeError, ValueError):
        return _encode(type(value).__name__)


_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def as_params(value: object, name: str) -> Mapping[str, Any]:
    """Return a value as params: a mapping with names is what it is, anything else has this name."""
    value = parsed(value)
    return value if isinstance(value, MAPPINGS) else {} if value is None else {name: value}
