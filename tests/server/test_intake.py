"""What a collector lets in."""

import gzip
import json
import math
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentlog as ao
from agentlog.recording.encode import Encoder
from agentlog.server import bodies
from agentlog.server.envelope import MOST_BYTES, MOST_RECORDS, TOO_DEEP, Rejection
from agentlog.server.intake import Batch, of_records, read
from agentlog.store import Refusal
from agentlog.store.intake import Entry
from agentlog.testing import capture_events
from tests.server.bombs import bomb

SUITE = Path(__file__).parents[3] / "shared" / "corpora" / "jsontestsuite.zip"
SESSION, ID = "01a1fd6294527cafe6a87e85c35fe6ce", "5e110f8cc6568980"
ADDRESS = f'"id": "{ID}", "session_id": "{SESSION}"'
GOOD = "{" + ADDRESS + ', "event_type": "plan", "timestamp": 1.5}'


def events(*texts):
    """Return a body of these values."""
    return ('{"events": [' + ", ".join(texts) + "]}").encode()


def record(extra=""):
    """Write a record with something more in it; it is an open half, if nothing else is said."""
    named = any(half in extra for half in ("event_type", "end_timestamp"))
    return "{" + ADDRESS + ("" if named else ', "event_type": "plan"') + extra + "}"


def refused(text):
    """Return why the one record is refused whose neighbours are kept."""
    batch = read(events(GOOD, text, GOOD), None)
    assert isinstance(batch, Batch), batch
    assert [GOOD, GOOD] == [entry.text for entry in batch.entries]
    ((index, told, why),) = [(one.index, one.id, one.why) for one in batch.refused]
    assert 1 == index
    assert told is None or f'"id": "{told}"' in text
    return why


def rejected(body, encoding=None):
    """Return the status and the reason of a body of which nothing is taken."""
    found = read(body, encoding)
    assert isinstance(found, Rejection), found
    return found.status, found.detail


# -- Records -------------------------------------------------------------------------------------


def test_a_record_is_kept_as_it_came():
    """To the character, with its address and its half beside it."""
    closed = record(', "end_timestamp":1e0,  "x":"é"')
    batch = read(events(GOOD, closed), None)
    expected = (Entry(SESSION, ID, "open", GOOD), Entry(SESSION, ID, "close", closed))
    assert (expected, ()) == (batch.entries, batch.refused)
    assert batch.size >= sum(map(len, (GOOD, closed)))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("null", "not an object"),
        ("[{}]", "not an object"),
        ('"text"', "not an object"),
        ("{}", "without session_id"),
        (f'{{"session_id": "{SESSION}"}}', "without id"),
        (f'{{"id": "{ID}"}}', "without session_id"),
        (f'{{"id": 7, "session_id": "{SESSION}"}}', "id is not 16 hex digits"),
        (f'{{"id": "{ID.upper()}", "session_id": "{SESSION}"}}', "id is not 16 hex digits"),
        (f'{{"id": "{ID}0", "session_id": "{SESSION}"}}', "id is not 16 hex digits"),
        (f'{{"id": "{ID}\\n", "session_id": "{SESSION}"}}', "id is not 16 hex digits"),
        (f'{{"id": "{ID}", "session_id": "{ID}"}}', "session_id is not 32 hex digits"),
        (f'{{"id": "{ID}", "session_id": null}}', "session_id is not 32 hex digits"),
        (record(', "parent_id": "me"'), "parent_id is not 16 hex digits, or null"),
        (record(', "event_type": 7'), "event_type is not a text"),
        (record(', "event_type": null'), "event_type is not a text"),
        (record(', "event_type": ""'), "event_type is empty"),
        ("{" + ADDRESS + ', "result": "Fail"}', "neither event_type nor end_timestamp"),
        (record(', "action_type": {}'), "action_type is not a text"),
        (record(', "timestamp": "now"'), "timestamp is not a number of seconds"),
        (record(', "timestamp": true'), "timestamp is not a number of seconds"),
        (record(', "end_timestamp": null'), "end_timestamp is not a number of seconds"),
        (record(', "result": 1'), "result is not a text"),
        (record(', "prompt_tokens": 1.5'), "prompt_tokens is not an integer"),
        (record(', "completion_tokens": "1"'), "completion_tokens is not an integer"),
        (record(', "x": NaN'), "NaN is no JSON"),
        (record(', "x": [-Infinity]'), "-Infinity is no JSON"),
        (record(', "x": 1e999'), "1e999 is out of range"),
        (record(f', "x": {1 << 63}'), f"{1 << 63} is more than an integer of 64 bit"),
        (record(f', "x": {-(1 << 63) - 1}'), f"{-(1 << 63) - 1} is more than an integer of 64 bit"),
        (record(', "x": ' + "9" * 5000), "9" * 40 + " is more than an integer of 64 bit"),
        (record(', "x": ' + "[" * 101 + "1" + "]" * 101), TOO_DEEP),
        (record(', "x": ' + '{"":' * 500 + "1" + "}" * 500), TOO_DEEP),
        (record(', "x": ' + "[" * 50_000 + "]" * 50_000), TOO_DEEP),
        ('["]"' + ',["[{"' * 90_000 + "]" * 90_001, TOO_DEEP),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_and_its_neighbours_are_not(text, why):
    """With a reason, and its id if it has one."""
    assert why == refused(text)


@pytest.mark.parametrize(
    "text",
    [
        record(),
        record(', "parent_id": null, "model": null, "result": null'),
        record(f', "x": [{(1 << 63) - 1}, {-(1 << 63)}, -0, 0, 1e-999, 1e308]'),
        record(', "x": ' + "[" * 100 + "1" + "]" * 100),
        record(', "x": [' + "[]," * 1000 + '"' + "[{" * 1000 + '"]'),
        record(', "params": "withheld", "tags": "withheld", "error": 1, "log": {}, "rating": 5'),
        record(', "x": "a\\u0000b\\ud83d\\ude00 \\\\ud800"'),
        record(', "timestamp": 0, "end_timestamp": -1e300'),
        record(', "notes": {"redacted": 1}, "unknown": [{}]'),
    ],
)
def test_what_can_be_kept_is_kept(text):
    """Also what is odd, if a reader can live with it."""
    (entry,) = read(events(text), None).entries
    assert json.loads(text) == json.loads(entry.text)


def test_a_surrogate_without_its_pair_is_mended():
    """A whole pair stays; the text can be encoded."""
    (entry,) = read(events(record(r', "\ud800": "\uDFFF \ud83d\ude00 é"')), None).entries
    assert {"�": "� \U0001f600 é"}.items() <= json.loads(entry.text).items()
    assert entry.text.encode()


def test_of_a_key_that_is_there_twice_the_last_one_counts():
    """For every reader of the text, whichever it takes itself."""
    twice = ', "model": 7, "params": {"a": 1, "a": 2}, "end_timestamp": 1, "model": "m"}'
    text = '{"id": "x", ' + ADDRESS + twice
    (entry,) = read(events(text), None).entries
    end = f'{{"end_timestamp": 1, "id": "{ID}", '
    expected = f'{end}"model": "m", "params": {{"a": 2}}, "session_id": "{SESSION}"}}'
    assert expected == json.dumps(json.loads(entry.text), sort_keys=True)
    assert 1 == entry.text.count('"model"') == entry.text.count('"a"')


def test_a_key_that_is_written_with_escapes_is_written_anew():
    """As SQLite compares what is written; other escapes stay as they came."""
    text = "{" + ADDRESS + r', "event_typ\u0065": "plan", "x": "a\u0000\u00e9\u003c"}'
    (entry,) = read(events(text), None).entries
    assert '"event_type": "plan"' in entry.text
    assert json.loads(text) == json.loads(entry.text)
    usual = "{" + ADDRESS + r', "event_type": "plan", "x": "a\u0000\u00e9\u003c"}'
    assert [usual] == [one.text for one in read(events(usual), None).entries]


def test_an_id_is_told_only_as_it_was_sent():
    """The client looks for it in its line; one that was written otherwise would confuse it."""
    batch = read(events(r'{"id": "\u0061b"}', '{"id": "' + "x" * 99 + '"}', '{"id": "ab"}'), None)
    expected = tuple(
        Refusal(n, told, "without session_id") for n, told in enumerate([None, None, "ab"])
    )
    assert expected == batch.refused


# -- Bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "an object with the array `events` expected at 0"),
        (b"[]", 400, "an object with the array"),
        (b"{}", 400, "a key expected at 1"),
        (b'{"x": 1}', 400, "no array `events`"),
        (b'{"events": {}}', 400, "an array `events` expected at 11"),
        (b'{"events": null}', 400, "an array `events`"),
        (b'{"events": [', 400, "a value expected at 12"),
        (b'{"events": [1', 400, "a comma or the end of the array"),
        (b'{"events": [1,]}', 400, "a value expected"),
        (b'{"events": [,1]}', 400, "a value expected"),
        (b'{"events": [1 2]}', 400, "a comma or the end of the array"),
        (b'{"events": []', 400, "a comma or the end of the object"),
        (b'{"events": [],}', 400, "a key expected"),
        (b'{"events": []} x', 400, "the end of the body"),
        (b'{"events": []}{"events": []}', 400, "the end of the body"),
        (b'{"events": [], "events": []}', 400, "`events` twice"),
        (b"{" + b'"x": 1, ' * 100 + b'"events": []}', 400, "more than 100 keys"),
        (b'{"events" []}', 400, "a colon"),
        (b'{"events: []}', 400, "a key"),
        (b"{events: []}", 400, "a key"),
        (events(GOOD, '{"a": tru}'), 400, "a value expected at"),
        (events(GOOD, '{"a" 1}'), 400, "no JSON: Expecting ':' delimiter"),
        (events(GOOD, '"a\tb"'), 400, "Invalid control character"),
        (events(GOOD, r'"\x"'), 400, "Invalid \\escape"),
        (b"\xef\xbb\xbf" + events(GOOD), 400, "an object with the array"),
        (events(GOOD).decode().encode("utf-16"), 400, "not UTF-8, at byte 0"),
        (events(GOOD)[:-1] + b"\xff}", 400, "not UTF-8"),
        (b'{"events": ["\xed\xa0\x80"]}', 400, "not UTF-8"),
        (b'{"events": ["\xc0\xaf"]}', 400, "not UTF-8"),
        (b"\0" * 100, 400, "an object"),
        (b"[" * 100_000, 400, "an object"),
        (b'{"events": [' + b"[" * 100_000, 400, "nested deeper than 100 levels"),
        (b'{"events": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 200, ""),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b', "events": []}', 200, ""),
    ],
)  # fmt: skip
def test_what_is_no_envelope_is_told(body, status, words):
    """With the place where it is wrong, and nothing of it is taken."""
    found = read(body, None)
    told = (found.status, found.detail) if isinstance(found, Rejection) else (200, "")
    assert status == told[0]
    assert words in told[1]


@pytest.mark.parametrize(
    "body", ['{"events":[]}', ' {"x": [{}], "events"\n:\t[ ] , "y": "[" } \r\n', '{"events": []}']
)
def test_an_envelope_may_be_empty_and_have_more_in_it(body):
    """What else is in it is nobody's."""
    assert Batch((), (), 0) == read(body.encode(), None)


def test_spaces_may_be_everywhere():
    """As JSON has it."""
    body = f' {{ "events" : [ {GOOD} , {GOOD}\n,\t{GOOD} ] }} '.encode()
    assert [GOOD] * 3 == [entry.text for entry in read(body, "identity").entries]


def test_gzip_is_unpacked():
    """In one piece or some, under both of its names."""
    body = events(GOOD)
    packed = gzip.compress(body[:9]) + gzip.compress(body[9:])
    assert read(body, None) == read(packed, "gzip") == read(packed, "X-GZIP")


@pytest.mark.parametrize(
    ("body", "encoding", "expected"),
    [
        (events(GOOD), "gzip", (400, "the body is broken gzip")),
        (b"", "gzip", (400, "the body is gzip that is cut off")),
        (
            gzip.compress(events(GOOD), mtime=0)[:-9],
            "gzip",
            (400, "the body is gzip that is cut off"),
        ),
        (
            gzip.compress(events(GOOD), mtime=0) + b"x",
            "gzip",
            (400, "the body is gzip that is cut off"),
        ),
        (
            gzip.compress(events(GOOD), mtime=0) + b"\0" * 20,
            "gzip",
            (400, "the body is broken gzip"),
        ),
        (gzip.compress(b"", mtime=0) * 1000, "gzip", (400, "the body is gzip in too many pieces")),
        (zlib.compress(events(GOOD)), "deflate", (415, "Content-Encoding is gzip, or none")),
        (
            gzip.compress(events(GOOD), mtime=0),
            "gzip, gzip",
            (415, "Content-Encoding is gzip, or none"),
        ),
        (events(GOOD), "br", (415, "Content-Encoding is gzip, or none")),
    ],
)
def test_what_cannot_be_unpacked_is_told(body, encoding, expected):
    """Broken, cut off, or in an encoding that is not known."""
    assert expected == rejected(body, encoding)


def test_a_body_has_at_most_so_many_records():
    """One more is too many, whatever they are."""
    assert MOST_RECORDS == len(read(events(*["1"] * MOST_RECORDS), None).refused)
    assert (413, "a body has at most 5,000 records") == rejected(events(*["1"] * 5001))


def test_a_body_has_at_most_so_many_bytes():
    """Plain or unpacked; up to that it is taken."""
    room = MOST_BYTES - len(events(record(', "x": ""')))
    whole = events(record(f', "x": "{"y" * room}"'))
    for body, encoding in ((whole, None), (gzip.compress(whole, 1), "gzip")):
        assert 1 == len(read(body, encoding).entries)
    too_large = (413, "a body has at most 20 MiB, decompressed")
    assert too_large == rejected(whole + b" ")
    assert too_large == rejected(gzip.compress(whole + b" ", 1), "gzip")


@pytest.mark.parametrize("unit", [b"\0", b"[", b"{},", b'{"a":', b'"', b"0,", b'"\\', b" "])
@pytest.mark.parametrize("head", [pytest.param(b"", marks=pytest.mark.soak), b'{"events":['])
def test_a_bomb_costs_little(unit, head):
    """Less than a second, and about what a body of the largest size costs."""
    body = bomb(unit, 1 << 30 if unit == b"\0" else 32 << 20, head)
    just_within = bomb(unit, 19 << 20, head)
    for packed in (body, just_within):
        tracemalloc.start()
        began = time.process_time()
        found = read(packed, "gzip")
        took = time.process_time() - began
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert isinstance(found, Rejection)
        assert found.status in (400, 413)
        assert took < 1.0
        assert peak < 150 << 20


# -- Everything ----------------------------------------------------------------------------------


def documents():
    """Return the texts of JSONTestSuite, by name."""
    if not SUITE.exists():
        pytest.skip(f"{SUITE} is not there")
    with zipfile.ZipFile(SUITE) as suite:
        return {name: suite.read(name) for name in suite.namelist() if name.endswith(".json")}


def check(body):
    """Read a body; what is taken can be written as strict JSON, and is what Python reads."""
    found = read(body, None)
    if isinstance(found, Rejection):
        assert 400 <= found.status < 500
        assert found.detail
        return found
    for entry in found.entries:
        value = json.loads(entry.text)
        assert (entry.session_id, entry.id) == (value["session_id"], value["id"])
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return found


def test_the_suite_of_json_texts():
    """What has to be rejected is, wherever it stands; what is JSON is never a body's fault."""
    texts = documents()
    assert len(texts) > 300
    for name, text in texts.items():
        kind = name.rpartition("/")[2][0]
        inside = b'{"events": [' + record(', "x": ').encode()[:-1] + text + b"}]}"
        found = check(inside)
        assert isinstance(check(text), Rejection), name
        if kind == "y":
            assert isinstance(found, Batch), name
            assert not found.refused, name
        elif kind == "n":
            assert isinstance(found, Rejection) or found.refused, name


@given(st.binary() | st.text().map(str.encode), st.sampled_from([None, "gzip", "x"]))
def test_no_bytes_raise(data, encoding):
    """Whatever stands in a body, or in a record of it."""
    read(data, encoding)
    read(gzip.compress(data), "gzip")
    check(b'{"events": [' + data + b"]}")
    check(b'{"events": [' + record(', "x": ').encode()[:-1] + data + b"}]}")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
    max_leaves=10,
)


@given(ANY)
def test_a_body_is_read_as_python_reads_it(value):
    """One by one or in one piece: it is the same."""
    text = json.dumps(value, allow_nan=False) if _is_finite(value) else json.dumps(None)
    body = f'{{"x": {text}, "events": [{text}, {text}]}}'.encode()
    assert [0, 1] == [one.index for one in read(body, None).refused]


@given(
    st.fixed_dictionaries(
        {"params": st.dictionaries(st.text(st.characters(codec=None)), ANY)},
        optional={
            "returns": ANY, "prompt": ANY, "error": ANY, "log": ANY, "process": ANY, "tags": ANY,
            "rating": ANY, "model": st.text(), "logger": st.text(), "level": st.text(),
            "reason": st.text(), "source": st.text(),
        },
    ),
    st.sampled_from([True, False, lambda field, value: {field: [value]}, lambda *_: float("nan")]),
)  # fmt: skip
def test_nothing_that_agentlog_encodes_is_refused(fields, redact):
    """Whatever was recorded, redacted by whatever function."""
    text = Encoder(redact).fields({"event_type": "plan", **fields})
    batch = read(events(f"{{{ADDRESS}{text}}}"), None)
    assert ((), 1) == (batch.refused, len(batch.entries))


def test_nothing_that_agentlog_records_is_refused():
    """Sessions, actions, failures, log lines: the records of a program as they are shipped."""
    deep = "leaf"
    for _ in range(50):
        deep = [deep]
    with capture_events() as captured:
        client = captured.client
        with client.session(tags=["a"]):
            client.record(ao.Event("e\ud800", {"n": 1 << 70}))
            with client.action("act", params={"deep": deep, "nan": math.nan}) as action:
                action.update(model="gpt-4", prompt_tokens=3, tags=["x"])
                action.returns = {"set": {1, 2}, "bytes": b"\xff"}
                action.fail(ValueError("why"))
    batch = read(events(*[line.decode() for line in captured.records]), None)
    assert ((), len(captured.records)) == (batch.refused, len(batch.entries))


# -- Records that were parsed elsewhere ----------------------------------------------------------


def test_records_of_others_are_checked_as_well():
    """What JSON or 64 bit cannot hold is refused; half a surrogate pair is mended."""
    address = {"id": ID, "session_id": SESSION, "event_type": "plan"}
    (entry,) = of_records([{**address, "params": {"half": "\ud800", "n": 1}}]).entries
    assert {"half": "�", "n": 1} == json.loads(entry.text)["params"]
    assert [(0, ID, "without session_id")] == [
        (one.index, one.id, one.why) for one in of_records([{"id": ID}]).refused
    ]
    odd = [math.nan, [-math.inf], 1 << 70, object()]
    assert [0, 1, 2, 3] == [
        one.index for one in of_records([{**address, "x": one} for one in odd]).refused
    ]
    endless = {**address}
    endless["x"] = endless
    assert 1 == len(of_records([endless]).refused)


@given(st.lists(st.dictionaries(st.text(st.characters(codec=None)), ANY), max_size=3))
def test_no_records_of_others_raise(records):
    """Whatever they are; and those with ids and a name are taken, if they are JSON."""
    assert len(records) == len(of_records(records).refused)
    place = {"id": ID, "session_id": SESSION, "event_type": "plan"}
    whole = [{"x": bodies.read(json.dumps(one).encode()), **place} for one in records]
    batch = of_records(whole)
    assert (len(whole), ()) == (len(batch.entries), batch.refused)


def _is_finite(value):
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True
