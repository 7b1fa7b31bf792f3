"""Hostile values: whatever their code raises, lies or repeats, the event is recorded."""

import threading
from collections import ChainMap, defaultdict
from unittest.mock import MagicMock

import pytest

from agentlog import Event
from tests.recording.journals import strict


def noted(tape, value):
    """Record a value as a parameter; return what was written for it, and the notes."""
    record = tape.record(Event("x", params={"value": value}))
    return record["params"]["value"], record.get("notes", {})


class Raising:
    def __init__(self, error):
        self.error = error

    def __repr__(self):
        raise self.error


class Recursive:
    def __repr__(self):
        return repr(self)


class Lying:
    def __repr__(self):
        return 3


class Long:
    def __repr__(self):
        return "x" * (5 << 20)


class Disguised:
    def __init__(self, kind):
        self.kind = kind

    @property
    def __class__(self):
        return self.kind


class Grudging:
    @property
    def __class__(self):
        raise RuntimeError

    def __getattr__(self, name):
        raise RuntimeError

    __len__ = __iter__ = __bool__ = __eq__ = __hash__ = __str__ = __repr__ = __getattr__


class SlyText(str):
    __slots__ = ()

    def __str__(self):
        raise RuntimeError

    __repr__ = __len__ = __iter__ = __format__ = encode = __str__


class SlyNumber(int):
    __repr__ = __str__ = __format__ = lambda self, *_: "1}"


class SlyFloat(float):
    __repr__ = __str__ = __format__ = lambda self, *_: "1}"


class SlyDict(dict):
    def items(self):
        raise RuntimeError

    __iter__ = keys = __len__ = __getitem__ = items


class SlyList(list):
    def __iter__(self):
        raise RuntimeError

    __len__ = __getitem__ = __iter__


class Endless(dict):
    def items(self):
        return ((n, n) for n in iter(int, 1))


@pytest.mark.parametrize(
    "error", [RuntimeError(), SystemExit(3), GeneratorExit(), RecursionError(), MemoryError()]
)
def test_a_repr_that_raises_is_unprintable(tape, error):
    """Whatever a `repr` raises, SystemExit too, only that value is unprintable."""
    value, notes = noted(tape, [1, Raising(error), 2])
    assert ([1, "<unprintable Raising>", 2], {"replaced": 1}) == (value, notes)


def test_ctrl_c_goes_through(tape):
    """A KeyboardInterrupt out of a value's code is the user's, and reaches the program."""
    with pytest.raises(KeyboardInterrupt):
        tape.client.record(Event("x", params={"value": Raising(KeyboardInterrupt())}))


@pytest.mark.parametrize(
    "make",
    [
        Recursive,
        Lying,
        Grudging,
        lambda: Disguised(str),
        lambda: Disguised(dict),
        lambda: Disguised(None),
    ],
    ids=["recursive", "lying", "grudging", "like str", "like dict", "like none"],
)
def test_values_that_lie_or_recurse(tape, make):
    """A value that is not what it says, or never ends saying it, is a text like others."""
    value = make()
    assert isinstance(noted(tape, value)[0], str)
    assert isinstance(tape.returned(value), str)


def test_a_long_repr_is_bounded(tape):
    """A `repr` of megabytes is cut short, shorter than a text."""
    value, notes = noted(tape, Long())
    assert len(value) <= 16 << 10
    assert {"replaced": 1, "truncated": 1} == notes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SlyText("true text"), "true text"),
        (SlyNumber(7), 7),
        (SlyFloat(7.5), 7.5),
        (SlyDict(a=1), {"a": 1}),
        (SlyList([1, 2]), [1, 2]),
        (Endless(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (ChainMap({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
    ],
    ids=["str", "int", "float", "dict", "list", "endless", "defaultdict", "chain map"],
)
def test_subclasses_are_read_as_what_they_hold(tape, value, expected):
    """Subclasses of the basic types that lie are read by what they hold."""
    assert (expected, {}) == noted(tape, value)


@pytest.mark.parametrize(
    "key",
    [SlyText("k"), Raising(ValueError()), Raising(SystemExit()), SlyNumber(3)],
    ids=["text", "raising", "leaving", "number"],
)
def test_hostile_keys(tape, key):
    """A key whose code raises or lies costs no other entry."""
    assert [1, 2, 3] == list(tape.param({"a": 1, key: 2, "b": 3}).values())


def test_a_mock_is_a_value_like_others(tape):
    """A MagicMock, which has every attribute, is recorded as its text."""
    value, notes = noted(tape, [MagicMock(name="client"), MagicMock(spec=dict)])
    assert ["<MagicMock", "<MagicMock"] == [text[:10] for text in value]
    assert {"replaced": 2} == notes


def test_a_value_that_records_itself(tape):
    """A `repr` that records an event makes two events."""

    class Recording:
        def __repr__(self):
            tape.client.record(Event("inner"))
            return "recorded"

    tape.lines()
    tape.client.record(Event("outer", params={"value": Recording()}))
    assert ["inner", "outer"] == [strict(line)["event_type"] for line in tape.lines()]


def test_a_container_that_another_thread_changes(tape):
    """Recording what grows and shrinks meanwhile neither raises nor loses the event."""
    shared = {"list": [1] * 100, "dict": {str(n): n for n in range(100)}, "set": set(range(100))}
    stop = threading.Event()

    def change():
        number = 0
        while not stop.is_set():
            number += 1
            shared["dict"][f"new {number}"] = number
            shared["dict"].pop(f"new {number - 5}", None)
            shared["set"].symmetric_difference_update({number, number + 1})
            shared["list"].append(number)
            shared["list"].pop()

    changing = threading.Thread(target=change)
    changing.start()
    try:
        for _ in range(15):
            value = tape.param(shared)
            assert {"list", "dict", "set"} == set(value)
            assert {list, dict} >= {type(value["list"]), type(value["dict"])}
    finally:
        stop.set()
        changing.join()
