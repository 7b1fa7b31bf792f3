"""The corpora of naughty strings and of JSON documents, on every way into a record."""

import json
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentlog as ao
from tests.recording import ways
from tests.recording.journals import CORPORA, strict

ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=40)
    | st.binary(max_size=40)
    | st.complex_numbers()
    | st.decimals()
    | st.fractions()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
            | st.binary(max_size=4) | st.dates(),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)  # fmt: skip


def corpus(name):
    """Return a file of the corpora, or skip."""
    if not (CORPORA / name).exists():
        pytest.skip(f"{CORPORA / name} is not there")
    return CORPORA / name


def naughty():
    """Return the strings; one without a lone surrogate, which UTF-8 cannot hold, comes back."""
    return json.loads(corpus("blns.json").read_text("utf-8"))


def documents():
    """Return the documents of the suite, good and bad, by name."""
    with zipfile.ZipFile(corpus("jsontestsuite.zip")) as suite:
        return {name: suite.read(name) for name in suite.namelist() if name.endswith(".json")}


def test_naughty_strings_come_back_from_every_field(plain_tape):
    """As params, returns, prompt, tag, model, name, reason, error, rating, log line and extra."""
    texts = naughty()
    assert len(texts) > 400
    for text in texts:
        given = {"params": {text: text}, "returns": text, "prompt": text, "tags": [text]}
        record = plain_tape.record(ao.Event(text or "x", model=text or None, **given))
        assert given == {name: record[name] for name in given}
        assert (text or "x", text or None) == (record["event_type"], record.get("model"))
        ways.failure(plain_tape.client, text)
        assert text == strict(plain_tape.lines()[-1])["reason"]
        ways.error(plain_tape.client, text)
        assert text == strict(plain_tape.lines()[-1])["error"]["message"]
        ways.session(plain_tape.client, text)
        closed = strict(plain_tape.lines()[-1])
        assert (text, text) == (closed["reason"], closed["rating"])
        ways.crumb(plain_tape.client, text)
        assert text == strict(plain_tape.lines()[-1])["log"][0]["event"]


@pytest.mark.parametrize("way", ways.WAYS)
def test_naughty_strings_make_strict_lines(tape, way):
    """By each way, with the rules on: one line is one record that a strict reader reads."""
    tape.lines()
    for text in naughty():
        way(tape.client, text)
        way(tape.client, text.encode())
    lines = tape.lines()
    assert len(lines) > 800
    assert all(isinstance(strict(line), dict) and b"\r" not in line for line in lines)
    assert 0 == tape.client.stats().dropped


@pytest.mark.parametrize("way", ways.WAYS)
def test_documents_make_strict_lines(tape, way):
    """The bytes of each document, good or bad, its text, and what a lenient reader makes of it."""
    tape.lines()
    for data in documents().values():
        values = [data, data.decode("utf-8", "surrogateescape")]
        with suppress(ValueError, RecursionError):
            values.append(json.loads(data))
        for value in values:
            way(tape.client, value)
    lines = tape.lines()
    assert len(lines) > 500
    assert all(isinstance(strict(line), dict) for line in lines)
    assert 0 == tape.client.stats().dropped


@given(value=ANY)
def test_nothing_that_stands_in_a_container_is_lost(plain_tape, value):
    """Whatever a key or an item is: there are as many of them as there were."""
    compare(value, plain_tape.param(value))
    compare(value, plain_tape.returned(value))


def compare(value, written):
    """Compare the shape of a value with that of what was written."""
    if isinstance(value, dict):
        assert len(value) == len(written)
        for one, other in zip(value.values(), written.values(), strict=True):
            compare(one, other)
    elif isinstance(value, list | tuple):
        assert len(value) == len(written)
        for one, other in zip(value, written, strict=True):
            compare(one, other)


@given(
    name=st.text(min_size=1),
    tags=st.lists(st.text(), max_size=4),
    model=st.text(min_size=1),
    reason=st.text(),
)
def test_texts_come_back_from_the_small_fields(plain_tape, name, tags, model, reason):
    """Names, tags, models and reasons of any characters."""
    plain_tape.lines()
    with plain_tape.client.action(name, tags=tags, model=model) as action:
        action.fail(reason)
    opened, closed = map(strict, plain_tape.lines())
    assert [name, tags, model] == [opened.get(field) for field in ("event_type", "tags", "model")]
    assert reason == closed["reason"]


MEETING = {
    "numbers": {1: "a", "1": "b", 1.5: "c", "1.5": "d"},
    "constants": {None: 1, "None": 2, "null": 3, True: 4, "True": 5, "true": 6},
    "taken": {"1 (2)": 1, "1 (3)": 2, "1": 3, 1: 4},
    "bytes": {b"a": 1, "a": 2, "b'a'": 3},
    "tuples": {(1, 2): 1, "(1, 2)": 2, "[1, 2]": 3},
    "surrogates": {chr(0xD800): 1, chr(0xDFFF): 2, chr(0xFFFD): 3},
    "not numbers": {float("nan"): 1, "nan": 2, "NaN": 3, float("inf"): 4, "inf": 5},
    "signs": {-0.0: 1, "0": 2, "-0.0": 3},
    "cut": {"k" * 300_000 + str(n): n for n in range(2)},
    "unprintable": {ao.Event(str(n)): n for n in range(3)},
    "many": {**{n: n for n in range(100)}, **{str(n): -n for n in range(100)}},
}


@pytest.mark.parametrize("name", MEETING)
def test_keys_that_meet_all_stay(plain_tape, tape, name):
    """As params and below them, in returns, and with rules or without."""
    keys = MEETING[name]
    for made in (plain_tape, tape):
        assert list(keys.values()) == list(made.param(keys).values())
        assert list(keys.values()) == list(made.record(ao.Event("x", keys))["params"].values())
        assert list(keys.values()) == list(made.returned([keys])[0].values())
