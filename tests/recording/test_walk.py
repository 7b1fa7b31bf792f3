"""Bounds, cycles and hostile values: nothing raises, and what was done is counted."""

import json
import sys
import threading
from collections import ChainMap, OrderedDict, UserDict, defaultdict
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog import Event
from agentlog.errors import AgentlogWarning
from tests.recording.journals import Tape, strict

PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture(scope="module")
def tape(tmp_path_factory):
    """A client with the built-in rules."""
    made = Tape(tmp_path_factory.mktemp("tape"))
    yield made
    made.client.close()


def noted(tape, value):
    """Record a value as a parameter; return what was written for it, and the notes."""
    record = tape.record(Event("x", params={"value": value}))
    return record["params"]["value"], record.get("notes", {})


def nested(depth, inner="bottom"):
    """Return lists in lists."""
    for _ in range(depth):
        inner = [inner]
    return inner


def depth_of(value):
    """Return how deep lists are nested in their first items."""
    depth = 0
    while isinstance(value, list):
        value = value[0]
        depth += 1
    return depth


# -- Bounds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "cut"), [(1, False), (19, False), (25, True), (5000, True)])
def test_depth(tape, depth, cut):
    """Values are written to a depth of 20; what is below is counted in a text."""
    value, notes = noted(tape, nested(depth))
    assert cut == (notes == {"truncated": 1})
    assert depth_of(value) == depth if not cut else 18 <= depth_of(value) <= 20


def test_a_value_near_the_limit_of_recursion_is_written(tape):
    """Recording deep in the stack costs no record."""

    def dive(levels):
        return tape.param({"a": [1]}) if levels == 0 else dive(levels - 1)

    found = sys._getframe()
    used = 0
    while found is not None:
        found, used = found.f_back, used + 1
    for left in (200, 100):
        assert {"a": [1]} == dive(sys.getrecursionlimit() - used - left)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: list(range(n)),
        lambda n: tuple(range(n)),
        lambda n: set(range(n)),
        lambda n: {str(i): i for i in range(n)},
        lambda n: dict.fromkeys(range(n)).keys(),
        lambda n: OrderedDict((str(i), i) for i in range(n)),
        lambda n: UserDict({str(i): i for i in range(n)}),
        lambda n: range(n),
    ],
    ids=["list", "tuple", "set", "dict", "keys", "ordered", "user", "range"],
)
def test_items(tape, make):
    """A container has at most 1,000 items; one with more says that it was cut."""
    whole, notes = noted(tape, make(1000))
    assert (1000, {}) == (len(whole), notes)
    cut, notes = noted(tape, make(1001))
    assert (1000, {"truncated": 1}) == (len(cut), notes)


@pytest.mark.parametrize("letter", ["x", "é", "\u20ac", "😀", '"', "\\", "\n"])
def test_texts(tape, letter):
    """A text has at most 256 KiB; a cut one ends in an ellipsis, and in no half character."""
    most = (256 << 10) // len(letter.encode())
    whole, notes = noted(tape, letter * most)
    assert (letter * most, {}) == (whole, notes)
    cut, notes = noted(tape, letter * (most + 1))
    assert {"truncated": 1} == notes
    assert cut.endswith("…")
    assert set(cut) == {letter, "…"}
    assert (256 << 10) - 16 <= len(cut.encode()) <= 256 << 10


def test_what_is_behind_the_room_is_noted(tape):
    """A record has 1 MiB for its values; the first ones are whole, the last ones are gone."""
    value, notes = noted(tape, [str(n) + "x" * 100_000 for n in range(30)])
    assert [True] * 10 == [len(text) > 100_000 for text in value[:10]]
    assert sum(map(len, value)) < 1 << 20
    assert notes["truncated"] >= 1


def test_small_items_may_fill_the_room(tape):
    """A million small values are bounded too."""
    line = tape.line(Event("x", params={"value": [[0] * 1000] * 1000}))
    assert len(line) < 1 << 20 | 1 << 16
    assert strict(line)["params"]["value"][0] == [0] * 1000


# -- Cycles ----------------------------------------------------------------------------------------


def test_cycles_are_cut(tape):
    """A value that holds itself says so where it comes again."""
    loop = [1]
    loop.append(loop)
    mapping = {"a": 1}
    mapping["self"] = mapping
    assert ([1, "<cycle: list>"], {"replaced": 1}) == noted(tape, loop)
    assert ({"a": 1, "self": "<cycle: dict>"}, {"replaced": 1}) == noted(tape, mapping)


def test_a_value_that_stands_twice_is_no_cycle(tape):
    """The same object side by side is written twice."""
    shared = {"a": [1]}
    assert ([shared, shared], {}) == noted(tape, [shared, shared])


def test_params_that_hold_themselves(tape):
    """The mapping of parameters itself may be part of a cycle."""
    params = {"a": 1}
    params["params"] = params
    assert 1 == tape.record(Event("x", params=params))["params"]["a"]


# -- Numbers and texts that JSON has not -----------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (1 << 63, "9223372036854775808"),
        (-(1 << 63) - 1, "-9223372036854775809"),
        (10**400, "1" + "0" * 400),
    ],
    ids=["nan", "inf", "-inf", "2**63", "-2**63-1", "10**400"],
)
def test_what_json_cannot_hold_becomes_text(tape, value, expected):
    """NaN, infinities and integers beyond 64 bit become text, and a note counts them."""
    assert (expected, {"replaced": 1}) == noted(tape, value)
    assert expected == tape.returned(value)


@pytest.mark.parametrize("value", [(1 << 63) - 1, -(1 << 63), 0, -0.0, 5e-324, 1.7e308, True])
def test_the_largest_that_json_can_hold(tape, value):
    """The borders of 64 bit and of floats are numbers still."""
    written, notes = noted(tape, value)
    assert (repr(value), {}) == (repr(written), notes)


def test_an_integer_of_more_digits_than_python_writes(tape):
    """An integer that `str` refuses is recorded all the same."""
    value, notes = noted(tape, 1 << 100_000)
    assert value.startswith("0x1000")
    assert notes["replaced"] >= 1


@given(st.text(st.characters(), max_size=50))
def test_any_text_is_valid_utf_8(tape, text):
    """Whatever surrogates are in a text, key, name, tag or model: the line is UTF-8."""
    event = Event(text or "x", params={text: text}, tags=[text], model=text or None)
    record = tape.record(event)
    # As it is seen wherever UTF-16 is read leniently: a lone surrogate is U+FFFD, a pair a letter.
    expected = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert expected == record.get("model", "")
    assert "[redacted" in str(record) or {expected: expected} == record["params"]


@pytest.mark.parametrize("value", [PIXEL, PIXEL.replace("png", "svg+xml")])
def test_an_image_is_kept_whole(tape, value):
    """A `data:image/` URL is written as it is, also one beyond the bound of texts."""
    assert (value, {}) == noted(tape, value)
    large = value + "A" * 600_000
    assert (large, {}) == noted(tape, large)


def test_an_image_without_room_becomes_a_note(tape):
    """A `data:image/` URL that does not fit is never cut: a note says what it was."""
    value, notes = noted(tape, [PIXEL + "A" * 700_000, PIXEL + "B" * 700_000])
    assert value[0].startswith(PIXEL)
    assert value[1].startswith("<image/png:")
    assert len(value[1]) < 100
    assert notes["replaced"] == 1


# -- Keys ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (1, "1"),
        (1.5, "1.5"),
        (True, "true"),
        (None, "null"),
        ((1, 2), "(1, 2)"),
        (b"raw", "raw"),
        (float("nan"), "nan"),
        (frozenset([1]), "frozenset({1})"),
        ("a\ud800", "a\ufffd"),
        (10**5000, None),
    ],
    ids=["int", "float", "bool", "none", "tuple", "bytes", "nan", "set", "low", "huge"],
)
def test_any_key(tape, key, expected):
    """A key that is no text gets one."""
    (name,) = tape.param({key: "v"})
    assert expected is None or expected == name


def test_keys_that_meet_both_stay(tape):
    """The second of two keys with the same text gets ` (2)` behind it, the third ` (3)`."""
    value = {1: "a", "1": "b", b"1": "c", "1 (2)": "d"}
    found = tape.param(value)
    assert ["a", "b", "c", "d"] == list(found.values())
    assert ["1", "1 (2)", "1 (3)"] == list(found)[:3]


def test_keys_that_meet_once_cut_both_stay(tape):
    """Keys that differ only behind the cut stay two."""
    value = {"k" * 300_000 + "a": 1, "k" * 300_000 + "b": 2}
    assert [1, 2] == list(tape.param(value).values())


# -- Hostile values --------------------------------------------------------------------------------


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
    """Whatever a `repr` raises, SystemExit too, the value is unprintable, its neighbours are not."""
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


def test_nothing_was_lost(tape, recwarn):
    """No value of this file made agentlog give up a record."""
    assert {} == dict(tape.client.stats().reasons)
    assert [] == [one for one in recwarn if issubclass(one.category, AgentlogWarning)]


def test_what_is_written_is_compact(tape):
    """A line carries no white space of its own."""
    line = tape.line(Event("x", params={"a": [1, {"b": None}], "c": (2,)}))
    assert json.dumps(json.loads(line), separators=(",", ":")).encode() == line
