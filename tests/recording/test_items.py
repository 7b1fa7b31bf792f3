"""What a generator yields, as the `returns` of its action."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.recording.encode import Encoder
from agentlog.recording.items import Items

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
)
PLAIN = Encoder(redact=False)


def returned(items, *, reduce=None, encoder=PLAIN):
    """Return what the items become, and the notes."""
    collected = Items(encoder, reduce)
    for item in items:
        collected.add(item)
    encoded = collected.encoded()
    return encoded.value(), dict(encoded.notes)


@given(st.lists(JSON, max_size=20))
def test_items_become_a_list(items):
    """Any values, in the order in which they came."""
    assert (items, {}) == returned(items)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20))
def test_texts_are_joined(pieces):
    """The pieces of a streamed answer become the answer."""
    assert ("".join(pieces), {}) == returned(pieces)


@given(st.lists(JSON | st.text("xyz"), min_size=1, max_size=20))
def test_texts_among_others_are_items_of_a_list(items):
    """Wherever the first value stands that is no text."""
    only_text = all(isinstance(item, str) for item in items)
    assert returned(items)[0] == ("".join(items) if only_text else items)


def test_no_items_are_an_empty_list():
    """A generator that yielded nothing returns nothing."""
    assert ([], {}) == returned([])


def test_items_are_taken_when_they_are_yielded():
    """What the consumer does to an item later is not seen."""
    collected, item = Items(PLAIN, None), {"n": 1}
    collected.add(item)
    item["n"] = 2
    assert [{"n": 1}] == collected.encoded().value()


def test_a_list_is_bounded():
    """It has a thousand items at most, and a note says that there were more."""
    assert (list(range(1000)), {}) == returned(range(1000))
    assert (list(range(1000)), {"truncated": 1}) == returned(range(1001))


def test_a_text_is_bounded():
    """It is cut, and a note says so."""
    text, notes = returned("x" * 1000 for _ in range(2000))
    assert 200_000 < len(text) < 300_000
    assert {"truncated": 1} == notes


@pytest.mark.parametrize("many", [999, 1000, 1001, 5000])
def test_a_value_after_many_texts_makes_a_list(many):
    """That they were not all texts is seen, however late."""
    value, _ = returned([*"x" * many, 1])
    assert (["x"] * many + [1])[:1000] == value


def test_a_generator_without_end_takes_bounded_memory():
    """Large items fill the room; the rest is noted and kept nowhere."""
    collected = Items(PLAIN, None)
    for _ in range(200):
        collected.add([b"x" * 1000] * 100)
    assert len(collected.encoded().text) < 2 << 20
    assert sum(len(piece.text) for piece in collected._pieces) < 2 << 20


def test_large_items_stay_valid_json():
    """However the room runs out, the record can be parsed."""
    for size in (100_000, 250_000, 500_000):
        value, notes = returned([["x" * size], "y" * size, {"k": "z" * size}] * 5)
        assert isinstance(value, list)
        assert notes["truncated"]
        assert len(json.dumps(value)) < 2 << 20


@pytest.mark.parametrize("items", [["🦉" * 60_000] * 20, [*["🦉" * 60_000] * 20, 1]])
def test_letters_of_several_bytes_are_counted_in_bytes(items):
    """The room of a record is one of bytes, whatever is written."""
    value, notes = returned(items)
    assert notes["truncated"]
    assert len(json.dumps(value, ensure_ascii=False).encode()) < 1 << 20


def test_reduce_gets_the_list_of_the_items():
    """What it returns is recorded."""
    assert (6, {}) == returned([1, 2, 3], reduce=sum)
    assert ("a-b", {}) == returned(["a", "b"], reduce="-".join)
    assert (0, {}) == returned([], reduce=len)


def test_a_reduce_that_raises_harms_nothing():
    """The record says which error it was."""
    assert ("<reduce raised TypeError>", {}) == returned([1, "a"], reduce=sum)


def test_a_secret_cut_in_two_by_the_stream_is_redacted():
    """Tokens of a model's stream are looked at joined."""
    key = "sk-proj-" + "Ab1" * 20
    value, notes = returned(["my key is ", key[:10], key[10:30], key[30:]], encoder=Encoder())
    assert key[10:30] not in value
    assert 1 == notes["redacted"]


def test_secrets_in_items_are_redacted():
    """By key, in each item of a list."""
    value, notes = returned([{"password": "hunter2"}, {"n": 1}], encoder=Encoder())
    assert "hunter2" not in json.dumps(value)
    assert {"n": 1} == value[1]
    assert 1 == notes["redacted"]


def test_items_are_withheld_where_only_names_are_kept():
    """`redact="all"` keeps no payload."""
    for items in (["a", "b"], [1, 2]):
        assert returned(items, encoder=Encoder("all"))[0] is None
    assert returned([1], reduce=sum, encoder=Encoder("all"))[0] is None


def test_the_users_redaction_sees_the_whole():
    """It gets `returns` once, as plain JSON."""
    seen = []

    def look(field, value):
        seen.append((field, value))
        return "looked at"

    assert "looked at" == returned([1, (2, 3)], encoder=Encoder(look))[0]
    assert [("returns", [1, [2, 3]])] == seen


KEY = "sk-proj-" + "Ab1" * 20


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (
            [
                {"delta": "my key is " + KEY[:10]},
                {"delta": KEY[10:40]},
                {"delta": KEY[40:] + " so"},
            ],
            [{"delta": "my key is [redacted: openai key]"}, {"delta": ""}, {"delta": " so"}],
        ),
        (
            [["delta", "password="], ["delta", "hunter2"], ["delta", " it is"]],
            [["delta", "password="], ["delta", "[redacted: password]"], ["delta", " it is"]],
        ),
        ([KEY[:30], None, KEY[30:]], ["[redacted: openai key]", None, ""]),
        ([1, KEY[:5], KEY[5:20], KEY[20:]], [1, "[redacted: openai key]", "", ""]),
        ([{"a": ["x", 2]}, {"a": ["y", None]}], [{"a": ["x", 2]}, {"a": ["y", None]}]),
        ([{"row": KEY}, {"row": "Hello"}], [{"row": "[redacted: openai key]"}, {"row": "Hello"}]),
    ],
    ids=range(6),
)
def test_a_secret_that_is_torn_by_items_that_are_no_texts(items, expected):
    """What stands in the same place of one item after the other is read as one text."""
    value, notes = returned(items, encoder=Encoder())
    assert expected == value
    assert notes.get("redacted", 0) == json.dumps(expected).count("[redacted: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x sk-proj-" + "CZ1o", "x [redacted: key]"),
        ("x ghp_" + "a1B2" * 4, "x [redacted: key]"),
        ("postgres://u:hunt", "postgres://u:[redacted: password]"),
    ],
)
@pytest.mark.parametrize("as_objects", [False, True])
def test_the_beginning_of_a_secret_whose_rest_never_came(text, expected, as_objects):
    """Of a stream that was left in the midst of a key."""
    pieces = [text[:9], text[9:]]
    items = [{"delta": piece} for piece in pieces] if as_objects else pieces
    written, notes = returned(items, encoder=Encoder())
    assert expected == ("".join(item["delta"] for item in written) if as_objects else written)
    assert {"redacted": 1} == notes


@pytest.mark.parametrize(
    "text",
    [
        "see http://localhost:8080",
        "the npm_config_registry",
        "hf_transformers_checkpoint",
        "sk-pro",
    ],
)
def test_an_ordinary_end_stays(text):
    """What only begins like one."""
    assert (text, {}) == returned([text[:5], text[5:]], encoder=Encoder())
