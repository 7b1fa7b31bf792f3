"""Bounds, cycles, keys and what JSON has not: what was done to a value is counted."""

import json
import sys
from collections import OrderedDict, UserDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog import Event
from tests.recording.journals import strict

PIXEL = "data:image/png;base64,iVBORw0KGgo="


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
        lambda n: [*range(n)],
        lambda n: (*range(n),),
        lambda n: {*range(n)},
        lambda n: {str(i): i for i in range(n)},
        lambda n: dict.fromkeys(range(n)).keys(),
        lambda n: OrderedDict((str(i), i) for i in range(n)),
        lambda n: UserDict({str(i): i for i in range(n)}),
        range,
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
    assert [True] * 7 == [len(text) > 100_000 for text in value[:7]]
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


def test_what_is_written_is_compact(tape):
    """A line carries no white space of its own."""
    line = tape.line(Event("x", params={"a": [1, {"b": None}], "c": (2,)}))
    assert json.dumps(json.loads(line), separators=(",", ":")).encode() == line
