"""How a value that JSON does not know reads: as the simpler value that a person would write for it.

`simpler` unfolds one level (a dataclass becomes a mapping of its fields, a path its text) and
answers `UNKNOWN` where only a `repr` is left. It looks at `type(value)`, never at
`value.__class__`, so a value that lies about itself is read as what it is, and it never consumes an
iterator. It may raise whatever the value's own code raises; encode.py is ready for that.
"""

import datetime as dt
import enum
import pathlib
import types
from collections import deque
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any, Final

UNKNOWN: Final = object()
HIDDEN: Final = object()
"""Stands for the value of a field whose author keeps it out of the repr."""

MOST_ITEMS = 1000


class Items(list[tuple[Any, Any]]):
    """The pairs of a mapping, copied, as `Walk` reads them."""

    __slots__ = ()


def simpler(value: Any) -> Any:
    """Return the value in simpler types, one level deep, or UNKNOWN."""
    kind = type(value)
    for base, read in _READERS:
        if issubclass(kind, base):
            return read(value)
    if issubclass(kind, type) or kind is types.FunctionType:
        return UNKNOWN
    if any(f"{base.__module__}.{base.__qualname__}" in _READ_AS_TEXT for base in kind.__mro__):
        return str(value)
    fields = _fields(kind)
    if fields is not None:
        items = _items_of_fields(value, fields)
        if hasattr(kind, "__pydantic_fields__"):
            items.extend((getattr(value, "__pydantic_extra__", None) or {}).items())
        return items
    if kind.__module__ == "numpy":
        return _from_numpy(value)
    if issubclass(kind, Mapping):
        return _first_pairs(lambda: ((key, value[key]) for key in value))
    return UNKNOWN


def items_of(mapping: Mapping[Any, Any]) -> Items:
    """Return the first pairs of any mapping, copied."""
    pairs = simpler(mapping)
    return pairs if type(pairs) is Items else Items()


def _first_pairs(pairs: Callable[[], Iterable[tuple[Any, Any]]]) -> Items:
    """Copy the first pairs; should another thread change the mapping meanwhile, all at once."""
    try:
        return Items(islice(pairs(), MOST_ITEMS + 1))
    except RuntimeError:
        return Items(list(pairs())[: MOST_ITEMS + 1])


def _fields(kind: type) -> dict[str, Any] | None:
    """Return the declared fields of a dataclass, an attrs class or a pydantic model."""
    attributes = getattr(kind, "__attrs_attrs__", None)
    if isinstance(attributes, tuple):
        return {attribute.name: attribute for attribute in attributes}
    for name in _DECLARATIONS:
        declared = getattr(kind, name, None)
        if type(declared) is dict:
            return declared
    return None


def _items_of_fields(value: Any, fields: dict[str, Any]) -> Items:
    items = Items()
    for name, field in fields.items():
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


def _from_int(value: int) -> Any:
    return int.__add__(value, 0)


def _from_bytes(value: bytes | bytearray | memoryview) -> Any:
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        return UNKNOWN


def _from_tuple(value: tuple[Any, ...]) -> Any:
    names = getattr(type(value), "_fields", None)
    if type(names) is tuple and tuple.__len__(value) == len(names):
        return Items(zip(names, tuple.__iter__(value), strict=True))
    return tuple.__getitem__(value, slice(None))


def _first(iterator: Any) -> list[Any]:
    return list(islice(iterator, MOST_ITEMS + 1))


def _isoformat(value: Any) -> str:
    return str(value.isoformat())


_READERS: Sequence[tuple[Any, Callable[[Any], Any]]] = (
    (enum.Enum, lambda value: value._value_),
    (str, str.__str__),
    (int, _from_int),
    (float, lambda value: float.__add__(value, 0.0)),
    (dict, lambda value: _first_pairs(lambda: dict.items(value))),
    (list, lambda value: list.__getitem__(value, slice(MOST_ITEMS + 1))),
    (tuple, _from_tuple),
    (deque, lambda value: _first(value.copy())),
    ((bytes, bytearray, memoryview), _from_bytes),
    (types.MappingProxyType, lambda value: _first_pairs(value.items)),
    ((KeysView, ValuesView, ItemsView), lambda value: _first(iter(value))),
    ((dt.date, dt.time), _isoformat),
    ((pathlib.PurePath, dt.timedelta), str),
    (range, lambda value: _first(iter(value))),
    (AbstractSet, lambda value: sorted(_first(iter(value)), key=repr)),
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
