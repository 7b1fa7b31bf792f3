"""Values of Python's common types read as a person would write them."""

import collections
import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import pathlib
import types
import uuid
import weakref
from dataclasses import dataclass, field
from typing import NamedTuple

import attrs
import numpy as np
import pydantic
import pytest

from agentlog import Event
from tests.ids import named


class Colour(enum.Enum):
    RED = "red"
    BLUE = ("blue", 2)


class Bits(enum.IntFlag):
    A = 1
    B = 2


class Kind(str, enum.Enum):  # noqa: UP042 - the older kind, whose format is its name, is what is tested
    TOOL = "tool"


class State(str, enum.Enum):  # noqa: UP042 - as above
    GOOD = "Success"


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Plain:
    query: str
    inner: "Plain | None" = None
    api_key: str = "k-12345678"
    hidden: str = field(default="not shown", repr=False)


@dataclass(frozen=True, slots=True)
class Slotted:
    query: str


@attrs.define
class Attrs:
    query: str
    password: str = "hunter2"
    hidden: str = attrs.field(default="not shown", repr=False)


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")

    query: str
    secret: pydantic.SecretStr = pydantic.SecretStr("hunter2")
    token: str = "hunter2"
    hidden: str = pydantic.Field(default="not shown", repr=False)


UTC = dt.UTC
MOMENT = dt.datetime(2026, 11, 21, 9, 0, 0, 500, tzinfo=UTC)
UUID = uuid.UUID(int=5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, "red"),
        (Colour.BLUE, ["blue", 2]),
        (Bits.A | Bits.B, 3),
        (Kind.TOOL, "tool"),
        (MOMENT, "2026-11-21T09:00:00.000500+00:00"),
        (dt.date(2026, 11, 21), "2026-11-21"),
        (dt.time(9, 30), "09:30:00"),
        (dt.timedelta(days=1, seconds=2), "1 day, 0:00:02"),
        (pathlib.PurePosixPath("/tmp/a b"), "/tmp/a b"),
        (pathlib.PureWindowsPath(r"C:\a"), r"C:\a"),
        (b"text", "text"),
        (bytearray("é".encode()), "é"),
        (memoryview(b"view"), "view"),
        (b"\xff\x00", r"b'\xff\x00'"),
        ((1, "a"), [1, "a"]),
        (Point(1, 2), {"x": 1, "y": 2}),
        ({3}, [3]),
        pytest.param({"b", "a"}, ["a", "b"], id="a set"),
        (frozenset({"a"}), ["a"]),
        (range(3), [0, 1, 2]),
        (collections.deque([1, 2]), [1, 2]),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (types.SimpleNamespace(a=1), "namespace(a=1)"),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        ({"a": 1}.items(), [["a", 1]]),
        (decimal.Decimal("1.10"), "1.10"),
        (fractions.Fraction(1, 3), "1/3"),
        (UUID, "00000000-0000-0000-0000-000000000005"),
        (ipaddress.ip_address("::1"), "::1"),
        (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
        (Slotted("q"), {"query": "q"}),
        (np.float64(1.5), 1.5),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.uint8(7), 7),
        (np.bool_(True), True),
        (np.str_("text"), "text"),
        (np.float64("nan"), "NaN"),
        (np.datetime64("2026-11-21"), "2026-11-21"),
        (np.array([1, 2]), [1, 2]),
        (np.array([[1.5], [2.5]]), [[1.5], [2.5]]),
        (int, "<class 'int'>"),
        (len, "<built-in function len>"),
        (1 + 2j, "(1+2j)"),
        (..., "Ellipsis"),
        (ValueError("bad"), "ValueError('bad')"),
    ],
    ids=named,
)
def test_natural(tape, value, expected):
    """Each type reads as its simplest equal in JSON, as parameter, returns and in a list."""
    assert expected == tape.param(value)
    assert expected == tape.returned(value)
    assert [expected] == tape.param([value])


def test_no_note_for_what_reads_naturally(tape):
    """Reading a dataclass or a date is no replacing."""
    value = [Slotted("q"), MOMENT, {1}, b"a", Colour.RED, np.int64(1)]
    assert "notes" not in tape.record(Event("x", params={"value": value}))


def test_a_dataclass(tape):
    """Fields by name, also nested; secrets by their name, and what its author hid from the repr."""
    inner = {"query": "b", "inner": None}
    expected = {
        "query": "a",
        "inner": {**inner, "api_key": "[redacted: api key]", "hidden": "[redacted: hidden field]"},
        "api_key": "[redacted: api key]",
        "hidden": "[redacted: hidden field]",
    }
    assert expected == tape.param(Plain("a", Plain("b")))


def test_a_dataclass_that_lacks_a_field(tape):
    """A field that was never set is left out."""
    assert {} == tape.param(object.__new__(Slotted))


def test_an_attrs_class(tape):
    """Fields by name, with its secrets redacted."""
    expected = {
        "query": "a",
        "password": "[redacted: password]",
        "hidden": "[redacted: hidden field]",
    }
    assert expected == tape.param(Attrs("a"))


def test_a_pydantic_model(tape):
    """Fields and extra ones by name; a SecretStr tells nothing."""
    expected = {
        "query": "a",
        "secret": "[redacted: secret]",
        "token": "[redacted: token]",
        "hidden": "[redacted: hidden field]",
        "more": [1],
    }
    assert expected == tape.param(Model(query="a", more=[1]))
    assert "hunter2" not in tape.param(pydantic.SecretStr("hunter2"))


def test_classes_are_not_their_instances(tape):
    """The class itself, of a dataclass, attrs class or model, is named."""
    for kind in (Plain, Attrs, Model, Point):
        assert f"<class '{__name__}.{kind.__qualname__}'>" == tape.param(kind)


def test_properties_are_not_called(tape):
    """Reading a dataclass or a model runs no property of it."""
    called = []

    @dataclass
    class Lazy:
        a: int

        @property
        def expensive(self):
            called.append(1)

    assert {"a": 1} == tape.param(Lazy(1))
    assert [] == called


def test_fakes_are_values_like_others(tape):
    """What only claims to be a dataclass, attrs class, named tuple or model is not believed."""

    class FakeDataclass:
        __dataclass_fields__ = 3

    class FakeAttrs:
        __attrs_attrs__ = ("not", "attributes")

    class FakeModel:
        model_fields = property(lambda self: 1 / 0)

    class FakeTuple(tuple):
        __slots__ = ()
        _fields = ("a", "b", "c")

    for fake in (FakeDataclass, FakeAttrs, FakeModel):
        assert isinstance(tape.param(fake()), str | dict)
    assert [1] == tape.param(FakeTuple([1]))


def test_large_arrays_are_not_unfolded(tape):
    """An array of millions is its `repr`, in no time; a zero-dimensional one is its value."""
    value = tape.param(np.zeros(16_000_000))
    assert value.startswith("array([0.")
    assert 3 == tape.param(np.array(3))
    assert [] == tape.param(np.array([]))


def test_large_containers_are_not_copied_whole(tape):
    """Of a huge range, deque or set only the first thousand items are looked at."""
    for value in (range(10**15), collections.deque(range(1_000_000))):
        assert list(range(1000)) == tape.param(value)
    assert 1000 == len(tape.param(set(range(300_000))))


def test_a_set_of_mixed_kinds(tape):
    """Items that do not compare are no obstacle, and the order is the same every time."""
    value = {1, "a", None, (2,)}
    assert tape.param(value) == tape.param({(2,), None, "a", 1})
    assert 4 == len(tape.param(value))


def test_iterators_are_not_consumed(tape):
    """Iterators, generators, files and views of them stay where they are."""
    makers = [
        lambda: iter([1, 2]),
        lambda: (n for n in (1, 2)),
        lambda: map(int, "12"),
        lambda: zip((1, 2), strict=True),
        lambda: enumerate("ab"),
        lambda: reversed([2, 1]),
    ]
    for make in makers:
        iterator = make()
        assert tape.param(iterator).startswith("<")
        assert list(make()) == list(iterator)


def test_a_dead_reference(tape):
    """A weak reference whose object is gone, and a proxy of it, are recorded."""

    class Thing:
        pass

    thing = Thing()
    reference, proxy = weakref.ref(thing), weakref.proxy(thing)
    del thing
    assert "dead" in tape.param(reference)
    assert isinstance(tape.param(proxy), str)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("action_type", Kind.TOOL, "tool"),
        ("result", State.GOOD, "Success"),
        ("model", Kind.TOOL, "tool"),
        ("event_type", Kind.TOOL, "tool"),
        ("tags", [Kind.TOOL], ["tool"]),
    ],
)
def test_enums_of_the_user_in_the_fields(tape, field, value, expected):
    """A `(str, Enum)` member, which formats as its name, is written as its value."""
    assert expected == tape.record(Event(**{"event_type": "x", field: value}))[field]


@pytest.mark.parametrize(
    "timestamp",
    [np.float64(1.5), 3, Bits.A, 1e300, -5.25, pytest.param(10**400, id="10**400")],
    ids=named,
)
def test_any_number_as_timestamp(tape, timestamp):
    """A number of whatever kind is written as JSON has numbers, or the record has its own time."""
    event = Event("x")
    event.timestamp = timestamp
    record = tape.record(event)
    assert type(record["timestamp"]) in (int, float)
    assert record["timestamp"] == record["end_timestamp"]


def test_fields_that_were_spoiled_later(tape):
    """An Event's attributes set to nonsense: the record has the defaults, nothing is raised."""
    event = Event("x")
    event.event_type, event.params, event.result = None, [1], "Succes"
    event.action_type, event.model, event.tags, event.timestamp = "x", 3, "abc", "now"
    record = tape.record(event)
    expected = ("event", "Indeterminate", "action")
    assert expected == (record["event_type"], record["result"], record["action_type"])
    assert isinstance(record["timestamp"], float)
    assert isinstance(record.get("params", {}), dict)
    assert isinstance(record.get("model", ""), str)
    assert isinstance(record.get("tags", []), list)
