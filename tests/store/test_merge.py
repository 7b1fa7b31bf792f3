"""Halves become events, in any order and however often."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.store.merge import address, canonical, half, merge, merged, prevailing
from tests.replay.events import records

OPEN = {"id": "a", "session_id": "s", "event_type": "plan", "timestamp": 1.0}
CLOSE = {"id": "a", "session_id": "s", "end_timestamp": 2.0, "result": "Success"}


@pytest.mark.parametrize(
    ("record", "expected"),
    [(OPEN, "open"), (CLOSE, "close"), (OPEN | CLOSE, "close"), ({"id": "a"}, "open")],
)
def test_half(record, expected):
    """A record with an end is a close half, even if it carries everything; others are open."""
    assert expected == half(record)


@pytest.mark.parametrize(
    "record",
    [
        None,
        3,
        "text",
        [],
        {},
        {"id": "a"},
        {"id": 1, "session_id": "s"},
        {"id": "a", "session_id": []},
    ],
)
def test_no_address(record):
    """What has no texts as ids has no address, and is no event."""
    assert address(record) is None
    assert {} == merged([record])


def test_close_prevails():
    """A field of both halves is taken from the close half, and nothing else is lost."""
    opened, closed = OPEN | {"model": "one", "tags": []}, CLOSE | {"model": "two"}
    assert {**OPEN, "tags": [], **CLOSE, "model": "two"} == merge(opened, closed)


@pytest.mark.parametrize(
    ("opened", "closed", "expected"),
    [
        ({"redacted": 2, "cut": 1}, {"redacted": 1}, {"redacted": 2, "cut": 1}),
        ({"redacted": 1}, {"redacted": 2.5}, {"redacted": 2.5}),
        ({"redacted": "9"}, {"redacted": 1}, {"redacted": 1}),
        ({"redacted": 9}, {"redacted": True}, {"redacted": True}),
        ("none", {"redacted": 1}, {"redacted": 1}),
        ({"redacted": 1}, None, None),
    ],
)
def test_notes(opened, closed, expected):
    """Of notes the larger number of each kind is taken; what is no number gives way."""
    assert expected == merge({"notes": opened}, {"notes": closed})["notes"]


def test_one_half():
    """An event of which only one half is there is that half."""
    assert OPEN == merge(OPEN, None)
    assert CLOSE == merge(None, CLOSE)
    assert {("s", "a"): CLOSE} == merged([CLOSE])


def test_prevailing():
    """Of two records that claim the same half the larger text wins, whichever came first."""
    one, other = OPEN | {"model": "a"}, OPEN | {"model": "b"}
    assert other is prevailing(one, other) is prevailing(other, one)
    assert {("s", "a"): other} == merged([other, one]) == merged([one, other])


@pytest.mark.parametrize(
    ("named", "nameless"),
    [
        (OPEN, {"id": "a", "session_id": "s", "zzz": "~"}),
        (OPEN | CLOSE, CLOSE | {"zzz": "~"}),
    ],
)
def test_a_record_that_names_the_event_prevails(named, nameless):
    """However large the text of the other is: an event never loses its open half."""
    assert named is prevailing(named, nameless) is prevailing(nameless, named)
    assert {("s", "a"): named} == merged([named, nameless]) == merged([nameless, named])


def test_canonical():
    """The canonical text does not depend on the order of fields and keeps 1 from being True."""
    assert canonical({"a": 1, "b": "é"}) == canonical({"b": "é", "a": 1}) == '{"a":1,"b":"é"}'
    assert canonical({"a": 1}) != canonical({"a": True})


def test_canonical_of_what_is_no_json():
    """What cannot come off a line has no text and loses to everything that can."""
    cycle = {}
    cycle["cycle"] = cycle
    assert ["", "", ""] == [canonical(odd) for odd in ({"a": {1}}, {1: 1, "a": 1}, cycle)]


@given(st.lists(records, max_size=8), st.randoms(use_true_random=False))
def test_order_and_repetition(some, random):
    """Shuffled and doubled records merge into the same events."""
    again = [*some, *random.sample(some, len(some) // 2)]
    random.shuffle(again)
    expected = {place: canonical(event) for place, event in merged(some).items()}
    assert expected == {place: canonical(event) for place, event in merged(again).items()}


@given(records, st.randoms(use_true_random=False))
def test_divided(record, random):
    """A whole event, divided into its halves in any way, comes together again."""
    whole = record | {"end_timestamp": 1.0}
    ids = {"id", "session_id"}
    rest = sorted(whole.keys() - ids - {"end_timestamp"})
    opening = ids | set(random.sample(rest, random.randint(0, len(rest))))
    opened = {field: whole[field] for field in opening}
    closed = {field: whole[field] for field in ids | (whole.keys() - opening)}
    (event,) = merged([closed, opened]).values()
    assert canonical(whole) == canonical(event)


@given(st.lists(records, max_size=8))
def test_merged_again(some):
    """Events that are merged already pass through as they are."""
    events = merged(some)
    again = merged(events.values())
    assert events.keys() == again.keys()
    assert all(canonical(event) == canonical(again[place]) for place, event in events.items())
