"""Values that do harm where they can."""

import abc
import dataclasses
import enum
import functools
import re
import sys
import types
import weakref
from collections import OrderedDict, deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from unittest.mock import MagicMock


def fails(*_, **__):
    """Raise."""
    raise RuntimeError


def leaves(*_, **__):
    """Ask Python to exit."""
    sys.exit(3)


def recurses(*arguments, **__):
    """Call itself until there is no room."""
    return recurses(*arguments)


def lies(*_, **__):
    """Return what has no business to be returned."""
    return object()


WRONGS = [fails, leaves, recurses, lies]

METHODS = re.findall(
    r"\w+",
    """
__repr__ __str__ __len__ __iter__ __bool__ __eq__ __hash__ __getattr__ __getattribute__
__format__ __contains__ __getitem__ __call__ __fspath__ __index__ __int__ __float__
__array__ __next__ __dir__ __reduce__
""",
)

ATTRIBUTES = re.findall(
    r"\w+",
    """
__class__ __dict__ __name__ __doc__ __dataclass_fields__ __attrs_attrs__
__pydantic_fields__ __fields__ model_fields __pydantic_extra__ _fields _value_ tolist size
dtype shape isoformat items keys name __cause__ __notes__
""",
)

BASES = {
    str: "text",
    int: 7,
    float: 1.5,
    bytes: b"bytes",
    bytearray: b"bytes",
    list: [1, 2],
    tuple: (1, 2),
    dict: {"a": 1},
    set: {1},
    frozenset: {1},
    deque: [1],
    OrderedDict: {"a": 1},
    Decimal: "1.5",
    complex: 1j,
}

_LEFT_ALONE = re.findall(
    r"\w+",
    """
__new__ __init__ __class__ __init_subclass__ __subclasshook__ __del__ __class_getitem__
__setattr__ __delattr__ __getattribute__ fromkeys
""",
)


def made(name="Hostile", base=object, /, **namespace):
    """Return an object of a class made for it."""
    return type(name, (base,), namespace)()


def hostile(base, wrong):
    """Return a value of a subclass all of whose methods are wrong."""
    kind = type(f"Hostile{base.__name__}", (base,), {})
    value = kind(BASES[base])
    for name in dir(base):
        if callable(getattr(base, name)) and name not in _LEFT_ALONE:
            setattr(kind, name, wrong)
    return value


def silent(base):
    """Return a value that has no attribute any more."""
    kind = type(f"Silent{base.__name__}", (base,), {})
    value = kind(BASES[base])
    kind.__getattribute__ = fails
    return value


def of_metaclass(base, *values, **methods):
    """Return a value whose class is hostile itself."""
    return type("Meta", (type,), methods)("Hostile", (base,), {})(*values)


class Fresh:
    """Has every attribute, each a new one of its kind."""

    def __getattr__(self, name):
        return Fresh()

    def __call__(self, *_, **__):
        return Fresh()

    def __iter__(self):
        return iter([Fresh(), Fresh()])

    def __getitem__(self, key):
        return Fresh()

    def __len__(self):
        return 2


class Endless(Mapping):
    """A mapping of eight others of its kind."""

    def __getitem__(self, key):
        return Endless()

    def __iter__(self):
        return iter("abcdefgh")

    def __len__(self):
        return 8


class EndlessSet(AbstractSet):
    def __contains__(self, one):
        return True

    def __iter__(self):
        return iter(EndlessSet, 0)

    def __len__(self):
        return 1


class EndlessList(list):
    def __iter__(self):
        while True:
            yield "k", 1


class Abstract(abc.ABC):  # noqa: B024 - its metaclass is what matters
    @classmethod
    def __subclasshook__(cls, other):
        raise RuntimeError


def doubled(depth, make=lambda one: [one, one]):
    """Return a container that holds another one twice, which holds another one twice."""
    value = make("leaf")
    for _ in range(depth):
        value = make(value)
    return value


@functools.cache
def nested(depth):
    """Return a list in a list in a list."""
    value = []
    for _ in range(depth):
        value = [value]
    return value


def turned():
    """Return a mapping whose keys have turned bad."""

    class Key:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            return self is other

    value = {Key(): 1, Key(): 2}
    Key.__hash__ = Key.__eq__ = Key.__repr__ = fails
    return value


@dataclasses.dataclass
class Held:
    value: object


class Colour(enum.Enum):
    RED = 1


def broken_enum():
    """Return a member whose value is hostile."""
    Colour.RED._value_ = made(__repr__=fails)
    return Colour.RED


def cyclic():
    """Return a dataclass that holds itself."""
    held = Held(None)
    held.value = [held, {"held": held}]
    return held


VALUES = {
    **{
        f"{method} {wrong.__name__}": lambda method=method, wrong=wrong: made(**{method: wrong})
        for method in METHODS
        for wrong in WRONGS
    },
    **{
        f"{name} {wrong.__name__}": lambda name=name, wrong=wrong: made(**{name: property(wrong)})
        for name in ATTRIBUTES
        for wrong in WRONGS
    },
    **{
        f"{base.__name__} {wrong.__name__}": lambda base=base, wrong=wrong: hostile(base, wrong)
        for base in BASES
        for wrong in WRONGS
    },
    **{f"{base.__name__} silent": lambda base=base: silent(base) for base in BASES},
    **{
        f"like {kind.__name__}": lambda kind=kind: made(__class__=property(lambda _: kind))
        for kind in (str, int, dict, list, bool, type(None), BaseException, type)
    },
    **{
        f"metaclass {wrong.__name__}": lambda wrong=wrong: of_metaclass(
            object, __hash__=wrong, __eq__=wrong, __repr__=wrong, __instancecheck__=wrong
        )
        for wrong in WRONGS
    },
    "metaclass of a text": lambda: of_metaclass(str, "text", __hash__=fails, __eq__=fails),
    "metaclass of an int": lambda: of_metaclass(int, 3, __hash__=fails, __eq__=fails),
    "metaclass without a name": lambda: of_metaclass(
        object, __name__=property(fails), __module__=property(fails), __mro__=property(fails)
    ),
    "a name of 3 MB": lambda: made("n" * 3_000_000, __repr__=fails),
    "a repr that is no plain text": lambda: made(__repr__=lambda _: hostile(str, fails)),
    "lone surrogates": lambda: made(__repr__=lambda _: "\ud800\x00\x1b[31m\u2028\n"),
    "fresh": Fresh,
    "endless list": lambda: EndlessList([1]),
    "abstract": Abstract,
    "nested": lambda: nested(100_000),
    "cyclic": cyclic,
    "keys turned bad": turned,
    "fake dataclass": lambda: made(__dataclass_fields__={"a": 1, 2: None, "b": object()}),
    "fake attrs": lambda: made(__attrs_attrs__=(1, None, object())),
    "fake pydantic": lambda: made(
        __pydantic_fields__={"a": 1}, model_dump=fails, a=property(fails)
    ),
    "fake named tuple": lambda: made("Hostile", tuple, _fields=("a", 4), _asdict=fails),
    "mock": MagicMock,
    "mock of a dict": lambda: MagicMock(spec=dict),
    "mock of an exception": lambda: MagicMock(spec=ValueError),
    "dead reference": lambda: weakref.ref(made()),
    "dead proxy": lambda: weakref.proxy(made()),
    "dead proxies": lambda: {"a": [weakref.proxy(made())], "b": (weakref.proxy(made()),)},
    "released view": lambda: memoryview(b"").release() or memoryview(b"abc"),
    "broken enum": broken_enum,
    "unbounded int": lambda: 1 << 10_000_000,
    "not a number": lambda: [float("nan"), float("inf"), -float("inf")],
}

LARGE = {
    "endless": Endless,
    "endless set": EndlessSet,
    "doubled list": lambda: doubled(100),
    "doubled tuple": lambda: doubled(100, lambda one: (one, one)),
    "doubled set": lambda: doubled(60, lambda one: frozenset([one, (one,)])),
    "doubled dict": lambda: doubled(60, lambda one: {str(n): one for n in range(8)}),
    "doubled in namespaces": lambda: doubled(60, lambda one: types.SimpleNamespace(a=one, b=one)),
    "doubled in exceptions": lambda: doubled(60, lambda one: ValueError(one, one)),
    "half a million": lambda: [0] * 500_000,
    "200,000 keys": lambda: dict.fromkeys(range(200_000)),
    "10 MB": lambda: made(__repr__=lambda _: "x" * 10_000_000),
    "1,000 images": lambda: ["data:image/png;base64," + "A" * 2_000_000] * 1000,
    "1,000 MB of bytes": lambda: [b"\xff" * 1_000_000] * 1000,
    "1,000 MB of text": lambda: ["a" * 1_000_000] * 1000,
}
"""Values that have no end, or a far one."""
