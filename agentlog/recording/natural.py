"""How a value that JSON does not know reads: as the simpler value that a person would write for it.

`simpler` unfolds one level (a dataclass becomes a mapping of its fields, a path its text) and
answers `UNKNOWN` where only a `repr` is left. It looks at `type(value)`, never at
`value.__class__`, so a value that lies about itself is read as what it is, and it never consumes an
iterator. It may raise whatever the value's own code raises; encode.py is ready for that.
"""

import codecs
import datetime as dt
import enum
import pathlib
import sys
import types
from collections import deque
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any, Final

from agentlog.foreign import ask, class_name, let_pass

UNKNOWN: Final = object()
HIDDEN: Final = object()
"""Stands for the value of a field whose author keeps it out of the repr."""

MOST_ITEMS = 1000
MOST_TEXT = 256 << 10
MOST_REPR = 16 << 10
OVERLAP = 8 << 10
"""How far beyond its cut a text is looked at."""

_TRIES = 3
_MOST_DIMENSIONS = 4


class Items(list[tuple[Any, Any]]):
    """The pairs of a mapping, copied, as `Walk` reads them."""

    __slots__ = ()


class Unordered(list[Any]):
    """The items of a set, copied, which are put in order when they are encoded."""

    __slots__ = ()


class Cut(str):
    """A text that something was left out of."""

    __slots__ = ()


def simpler(value: Any) -> Any:
    """Return the value in simpler types, one level deep, or UNKNOWN."""
    kind = type(value)
    for base, read in _READERS:
        if issubclass(kind, base):
            return read(value)
    if issubclass(kind, type) or kind is types.FunctionType:
        return UNKNOWN
    names = {f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__}
    if not names.isdisjoint(_READ_AS_TEXT):
        return str(value)
    if "array.array" in names:
        return list(sys.modules["array"].array.__getitem__(value, slice(MOST_ITEMS + 1)))
    fields = _fields(kind)
    if fields is not None:
        items = _items_of_fields(value, fields)
        extra = getattr(value, "__pydantic_extra__", None) if _is_pydantic(kind) else None
        if type(extra) is dict:
            items.extend(_first_pairs(extra.items))
        return items
    if kind.__module__ == "numpy":
        return _from_numpy(value)
    if issubclass(kind, Mapping):
        return Items(islice(((key, value[key]) for key in value), MOST_ITEMS + 1))
    return UNKNOWN


def repr_of(value: Any) -> str:
    """Return the repr of a value; of bytes and arrays, no more of it than is ever kept."""
    kind = type(value)
    for base in (bytes, bytearray):
        if issubclass(kind, base):
            return repr(base.__getitem__(value, slice(MOST_REPR)))
    if kind.__module__ == "numpy" and hasattr(value, "ndim"):
        return _repr_of_array(value)
    return str.__str__(repr(value))


def items_of(mapping: Mapping[Any, Any]) -> Items:
    """Return the first pairs of params, copied; a mapping that cannot be read is a param itself."""
    try:
        pairs = ask(simpler, mapping)
    except BaseException as error:  # noqa: BLE001 - the mapping's own code ran
        let_pass(error)
        pairs = None
    return pairs if type(pairs) is Items else Items([("params", mapping)])


def pairs_of(value: dict[Any, Any]) -> Items:
    """Return the first pairs of a dict, copied, whatever its class makes of it."""
    return _first_pairs(lambda: dict.items(value))


def _first_pairs(pairs: Callable[[], Iterable[tuple[Any, Any]]]) -> Items:
    return Items(_first(pairs))


def _first(items: Callable[[], Iterable[Any]]) -> list[Any]:
    """Copy the first items; should another thread change them meanwhile, try again."""
    for _ in range(_TRIES):
        try:
            return list(islice(items(), MOST_ITEMS + 1))
        except RuntimeError:
            continue
    return list(items())[: MOST_ITEMS + 1]


def _is_pydantic(kind: type) -> bool:
    return hasattr(kind, "__pydantic_fields__")


def _fields(kind: type) -> dict[str, Any] | None:
    """Return the declared fields of a dataclass, an attrs class or a pydantic model."""
    attributes = getattr(kind, "__attrs_attrs__", None)
    if attributes is not None and issubclass(type(attributes), tuple):
        return {attribute.name: attribute for attribute in attributes}
    for name in _DECLARATIONS:
        declared = getattr(kind, name, None)
        if type(declared) is dict:
            return declared
    return None


def _items_of_fields(value: Any, fields: dict[str, Any]) -> Items:
    items = Items()
    for name, field in islice(fields.items(), MOST_ITEMS + 1):
        if getattr(field, "repr", True) is False:
            items.append((name, HIDDEN))
            continue
        try:
            items.append((name, object.__getattribute__(value, name)))
        except AttributeError:
            continue
    return items


def _from_numpy(value: Any) -> Any:
    item = value.tolist() if getattr(value, "size", 0) <= MOST_ITEMS else UNKNOWN
    return UNKNOWN if type(item) is type(value) else item


def _repr_of_array(value: Any) -> str:
    """Return the repr of a large array in short, also where numpy was told to print all of it."""
    about = f"shape={value.shape}, dtype={value.dtype}"
    if value.ndim > _MOST_DIMENSIONS:
        return f"<{class_name(type(value))}: {about}>"
    array2string = sys.modules["numpy"].array2string
    text = array2string(value, threshold=0, edgeitems=3, separator=", ", prefix="array(")
    return f"array({text}, {about})"


def _from_bytes(value: bytes | bytearray | memoryview) -> Any:
    """Return the beginning of a text in UTF-8, some more of it than is ever kept."""
    most = MOST_TEXT + OVERLAP
    try:
        first = bytes(memoryview(value).cast("B")[:most])
        return codecs.utf_8_decode(first, "strict", len(first) < most)[0]
    except (UnicodeDecodeError, TypeError):
        return UNKNOWN


def _from_tuple(value: tuple[Any, ...]) -> Any:
    names = getattr(type(value), "_fields", None)
    if type(names) is tuple and tuple.__len__(value) == len(names):
        return Items(zip(names, tuple.__iter__(value), strict=True))
    return tuple.__getitem__(value, slice(MOST_ITEMS + 1))


def _isoformat(value: Any) -> str:
    return str(value.isoformat())


_READERS: Sequence[tuple[Any, Callable[[Any], Any]]] = (
    (enum.Enum, lambda value: value._value_),
    (str, str.__str__),
    (int, int.__pos__),
    (float, float.__pos__),
    (dict, pairs_of),
    (list, lambda value: list.__getitem__(value, slice(MOST_ITEMS + 1))),
    (tuple, _from_tuple),
    (deque, lambda value: _first(lambda: deque.__iter__(value))),
    (set, lambda value: Unordered(_first(lambda: set.__iter__(value)))),
    (frozenset, lambda value: Unordered(_first(lambda: frozenset.__iter__(value)))),
    ((bytes, bytearray, memoryview), _from_bytes),
    (types.MappingProxyType, lambda value: _first_pairs(value.items)),
    ((KeysView, ValuesView, ItemsView), lambda value: _first(lambda: iter(value))),
    ((dt.date, dt.time), _isoformat),
    ((pathlib.PurePath, dt.timedelta), str),
    (range, lambda value: _first(lambda: iter(value))),
    (AbstractSet, lambda value: Unordered(islice(iter(value), MOST_ITEMS + 1))),
)

_READ_AS_TEXT = frozenset(
    {
        "decimal.Decimal",
        "fractions.Fraction",
        "ipaddress._IPAddressBase",
        "pydantic.types.SecretBytes",
        "pydantic.types.SecretStr",
        "uuid.UUID",
    }
)
"""Named, not imported: a program that does not use them need not load them."""

_DECLARATIONS = ("__dataclass_fields__", "__pydantic_fields__", "model_fields", "__fields__")
