"""A session as JSON Lines, and any value as strict JSON."""

from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.export import jsonl
from agentlog.replay.export.strict import written
from agentlog.store.merge import merged
from agentlog.store.sqlite.store import SqliteStore
from tests.replay.events import event, records, session
from tests.replay.exports import run_of, strict


def lines(run):
    """Return what is written, a line each."""
    text = "".join(jsonl.parts(run))
    assert text.isascii()
    assert all(line.isprintable() for line in text.splitlines())
    assert text == "" or text.endswith("\n")
    return text.splitlines()


def test_a_line_is_an_event():
    """Each line is a whole event, and reads as it was recorded."""
    events = [session(), event("a", "root", params={"query": "検索", "n": [1, 2.5, None]})]
    assert events == [strict(line) for line in lines(run_of(events))]


def test_it_can_be_stored_again():
    """What was exported is a run again in another store."""
    events = [session(), event("a", "root", end=None), event("b", "a")]
    again = [strict(line) for line in lines(run_of(events))]
    with SqliteStore() as store:
        assert 3 == store.put(again).accepted
        assert sorted(map(str, events)) == sorted(map(str, store.session(events[0]["session_id"])))


@given(st.lists(records, max_size=8))
def test_any_records(some):
    """Every event is a line of strict JSON in ASCII, whatever is in it."""
    found = [strict(line) for line in lines(run_of(some))]
    assert sorted(merged(some)) == sorted((one["session_id"], one["id"]) for one in found)


@given(st.text() | st.lists(st.floats() | st.integers(), max_size=3))
def test_what_json_can_hold_stays(value):
    """Texts and numbers are what they were; what is not finite becomes its text."""
    text = written([value])
    assert text.isascii()
    assert text.isprintable()
    if isinstance(value, str):
        assert [value] == strict(text)


def test_what_json_cannot_hold_becomes_text():
    """NaN, half of a surrogate pair, a key that is none, an object, and a circle."""
    circle = []
    circle.append(circle)
    for value, expected in (
        (float("nan"), '"nan"'),
        ("\ud800", '"\\ufffd"'),
        ("\U0001f600", '"\\ud83d\\ude00"'),
        ("\x7f\x9b\u2028", '"\\u007f\\u009b\\u2028"'),
        ({(1, 2): object()}, '{"(1, 2)":"object"}'),
    ):
        assert expected == written(value)
    assert strict(written(circle))
