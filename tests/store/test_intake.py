"""What a store lets in."""

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.store.intake import DEEPEST, LONGEST, Damage, Entry, entry_of_line, entry_of_record
from agentlog.store.merge import canonical

SUITE = Path(__file__).parents[3] / "shared" / "corpora" / "jsontestsuite.zip"


def line(extra=""):
    """Write a record with something more in it."""
    return ('{"id": "a", "session_id": "s"' + extra + "}").encode()


def test_a_record_is_kept_as_it_came():
    """To the byte, with its half and address beside it."""
    text = '{ "session_id":"s", "id":"a", "end_timestamp":1e0, "x":"é" }'
    assert Entry("s", "a", "close", text) == entry_of_line(text.encode())
    assert Entry("s", "a", "open", line().decode()) == entry_of_line(line())


@pytest.mark.parametrize(
    ("damaged", "why"),
    [
        (b"", "not JSON: Expecting value"),
        (line()[:-1], "not JSON"),
        (line() + line(), "not JSON: Extra data"),
        (b"\xff" + line(), "not UTF-8"),
        (b'{"\xed\xa0\x80"}', "not UTF-8"),
        (b"\xef\xbb\xbf" + line(), "not JSON"),
        (b"[1]", "not an object"),
        (b"null", "not an object"),
        (b"{}", "without id or session_id"),
        (b'{"id": "a"}', "without id or session_id"),
        (b'{"id": 1, "session_id": "s"}', "without id or session_id"),
        (b'{"id": "", "session_id": "s"}', "without id or session_id"),
        (line(', "x": NaN'), "not JSON: NaN is no JSON"),
        (line(', "x": [-Infinity]'), "not JSON: -Infinity is no JSON"),
        (line(', "x": 1e999'), "not JSON: 1e999 is out of range"),
        (line(', "x": ' + "1" * 5000), "not JSON"),
        (line(', "x": ' + "[" * 300 + "]" * 300), "nested deeper than 200 levels"),
        (line(', "x": ' + '{"y":' * 300 + "1" + "}" * 300), "nested deeper than 200 levels"),
        (line(', "x": ' + "[" * 100_000 + "]" * 100_000), "nested deeper than 200 levels"),
        (b"[" * 100_000, "nested deeper than 200 levels"),
        (b"\0" * 100, "not JSON"),
        (line(', "x": "' + "x" * LONGEST + '"'), "too long"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_damage(damaged, why):
    """And never an error."""
    found = entry_of_line(damaged)
    assert isinstance(found, Damage)
    assert found.why.startswith(why)


def test_brackets_are_no_depth():
    """A wide record, or a text full of brackets, is a record."""
    wide = line(', "x": [' + "[]," * 1000 + '"' + "[{" * 1000 + '"]')
    deep = line(', "x": ' + "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1))
    assert isinstance(entry_of_line(wide), Entry)
    assert isinstance(entry_of_line(deep), Entry)


def test_a_key_may_be_there_twice():
    """The last one counts, as everywhere in Python."""
    found = entry_of_line(b'{"id": "a", "session_id": "s", "id": "b"}')
    assert "b" == found.id


def test_a_surrogate_without_its_pair_is_replaced():
    """In values, keys and ids, escaped or not; a whole pair and an escaped backslash stay."""
    found = entry_of_line(
        rb'{"id": "\ud800", "session_id": "s", "\uDFFF": "\ud83d\ude00 \\ud800 \uD83D"}'
    )
    expected = {"id": "\ufffd", "session_id": "s", "\ufffd": "\U0001f600 \\ud800 \ufffd"}
    assert expected == json.loads(found.text)
    assert "\ufffd" == found.id
    assert found.text.encode()
    assert found == entry_of_record(json.loads(found.text.replace("\ufffd", "\\ud800")))


@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_raise(data):
    """Whatever stands in a line."""
    entry_of_line(data)
    entry_of_line(line(', "x": ')[:-1] + data + b"}")


@pytest.mark.skipif(not SUITE.exists(), reason="the corpora are not here")
def test_what_comes_in_can_go_out():
    """Every text of JSONTestSuite: what is let in can be written as strict JSON."""
    with zipfile.ZipFile(SUITE) as suite:
        texts = {n: suite.read(n) for n in suite.namelist() if n.endswith(".json")}
    assert len(texts) > 300
    for name, text in texts.items():
        for data in (text, line(', "x": ')[:-1] + text + b"}"):
            entry = entry_of_line(data)
            if isinstance(entry, Entry):
                json.dumps(json.loads(entry.text), ensure_ascii=False, allow_nan=False).encode()
                assert canonical(json.loads(entry.text)), name


KEYS = ["session_id", "id", "event_type", "action_type", "timestamp", "end_timestamp", "result"]


@given(st.sampled_from(KEYS), st.data())
def test_a_key_may_be_written_with_escapes(key, data):
    """What SQLite reads of the text that is kept is what Python reads of the one that came."""
    escaped = data.draw(st.sets(st.integers(0, len(key) - 1), min_size=1))
    code = data.draw(st.sampled_from(["{:04x}", "{:04X}"]))
    odd = "".join("\\u" + code.format(ord(c)) if n in escaped else c for n, c in enumerate(key))
    record = dict.fromkeys(KEYS, "1")
    text = json.dumps(record).replace(f'"{key}"', f'"{odd}"')
    entry = entry_of_line(text.encode())
    assert isinstance(entry, Entry)
    assert record == json.loads(entry.text)
    with closing(sqlite3.connect(":memory:")) as connection:
        asked = connection.execute("SELECT json_extract(?, ?)", (entry.text, f"$.{key}"))
        assert ("1",) == asked.fetchone()
