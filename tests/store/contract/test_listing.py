"""The list of sessions: what is said of each, which are in it, and in which order."""

import time
from dataclasses import replace
from random import Random
from zlib import crc32

import pytest

from agentlog.store import SessionFilter, SessionSummary
from tests.store.contract.records import closed, event, opened, root


def test_a_session_is_summed_up(store):
    """Its root names and judges it; its events are counted."""
    store.put(
        [
            root("s", tags=["a", 7, "b"]),
            event("s", "1", result="Fail", prompt_tokens=3, completion_tokens=1),
            event("s", "2", 5.0, result="Success", prompt_tokens=4),
            {
                "id": "root",
                "session_id": "s",
                "end_timestamp": 9.0,
                "result": "Indeterminate",
                "reason": "exit",
                "rating": "good",
            },
        ]
    )
    expected = SessionSummary(
        id="s",
        event_type="agent",
        timestamp=1.0,
        end_timestamp=9.0,
        last=9.0,
        result="Indeterminate",
        reason="exit",
        rating="good",
        tags=("a", "b"),
        events=3,
        failures=1,
        prompt_tokens=7,
        completion_tokens=1,
        state="exited",
    )
    assert [expected] == store.sessions()


def test_a_session_without_its_root_is_listed(store):
    """It has no name and no outcome, and began with its first event."""
    store.put([event("s", "1", 5.0), event("s", "2", 3.0)])
    (summary,) = store.sessions()
    assert (None, None, 3.0, 6.0) == (
        summary.event_type,
        summary.result,
        summary.timestamp,
        summary.last,
    )


def test_a_session_without_any_time_began_when_its_id_says(store):
    """So it is listed in its place; one whose id says nothing stands last."""
    ids = ["018bcfe568007" + "a" * 19, "s", "018bcfe567f07" + "a" * 19]
    store.put([{"id": "a", "session_id": found, "end_timestamp": None} for found in ids])
    assert [(ids[0], 1_700_000_000.0), (ids[2], 1_699_999_999.984), (ids[1], None)] == [
        (summary.id, summary.timestamp) for summary in store.sessions()
    ]
    assert ids[0] == store.resolve("last")


@pytest.mark.parametrize("half", ["open", "close"])
def test_a_name_is_whole(store, half):
    """Also behind a NUL, where a text of SQLite ends, whichever half it comes from."""
    record = root("s", event_type="before\0after") | (
        {"end_timestamp": 2} if half == "close" else {}
    )
    store.put([record])
    assert "before\0after" == store.sessions()[0].event_type


@pytest.mark.parametrize("odd", [10**40, -(10**40), 2**63 - 1, -1, "12", 1.5, True, None])
def test_what_is_no_number_of_tokens_counts_for_nothing(store, odd):
    """As in the replay."""
    store.put([event("s", "1", prompt_tokens=odd), event("s", "2", prompt_tokens=2**40)])
    assert 2**40 == store.sessions()[0].prompt_tokens


@pytest.mark.parametrize("odd", [None, "5", 5.5, []])
def test_what_a_close_half_says_of_tokens_prevails(store, odd):
    """Though it is no number."""
    store.put([opened("a", session_id="s", prompt_tokens=6, completion_tokens=7)])
    store.put([closed("a", session_id="s", prompt_tokens=odd)])
    (summary,) = store.sessions()
    assert (0, 7) == (summary.prompt_tokens, summary.completion_tokens)
    store.put([opened("a", session_id="t", completion_tokens=7)])
    store.put([closed("a", session_id="t", completion_tokens=odd)])
    assert [] == list(store.calls(["t"]))


def test_of_several_events_without_a_parent_the_session_is_the_root(store):
    """Else the earliest; never a close half that has lost its open half."""
    stray = {"id": "stray", "session_id": "s", "end_timestamp": 0.5, "result": "Fail"}
    orphans = [event("s", x, n, parent_id=None, event_type=x) for n, x in enumerate("ab")]
    store.put([stray, *reversed(orphans)])
    assert ["a"] == [summary.event_type for summary in store.sessions()]
    store.put([event("s", "c", -1.0, parent_id=None, event_type="c", action_type="tool")])
    assert ["c"] == [summary.event_type for summary in store.sessions()]
    store.put([root("s")])
    assert ["agent"] == [summary.event_type for summary in store.sessions()]


def test_sessions_are_listed_newest_first(store):
    """By the start of the root; those of one moment by id, those without a time last."""
    store.put([root("a", 1.0), root("b", 3.0), root("c", 2.0), root("d", 3.0), root("e", "x")])
    assert ["d", "b", "c", "a", "e"] == [summary.id for summary in store.sessions()]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (SessionFilter(), "cba"),
        (SessionFilter(since=2.0), "cb"),
        (SessionFilter(before=2.0), "a"),
        (SessionFilter(since=2.0, before=3.0), "b"),
        (SessionFilter(tag="x"), "ba"),
        (SessionFilter(result="Fail"), "b"),
        (SessionFilter(limit=1), "c"),
        (SessionFilter(limit=0), ""),
        (SessionFilter(tag="x", limit=1), "b"),
    ],
)
def test_a_filter_narrows_the_list(store, wanted, expected):
    """What it does not say is not asked; the limit keeps the newest."""
    store.put(
        [
            root("a", 1.0, tags=["x", "y"]),
            root("b", 2.0, tags=["x"], result="Fail", end_timestamp=5.0),
            root("c", 3.0, tags="x"),
        ]
    )
    assert list(expected) == [summary.id for summary in store.sessions(wanted)]


def test_pages_follow_each_other(store):
    """Each session is on one page, also where several began at one moment, or at none."""
    times = [5.0, 3.0, 3.0, 3.0, 1.0, "x", "x"]
    store.put([root(f"{n}", time) for n, time in enumerate(times)])
    seen, before = [], None
    while page := store.sessions(SessionFilter(limit=2, before=before)):
        seen += [summary.id for summary in page]
        before = (page[-1].timestamp, page[-1].id)
    assert list("0321465") == seen
    assert [] == store.sessions(SessionFilter(before=(None, "0")))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("running", ["running"]),
        ("silent", ["silent"]),
        ("succeeded", ["Success"]),
        ("failed", ["Fail"]),
        ("cancelled", ["cancelled"]),
        ("abandoned", ["abandoned"]),
        ("exited", ["exit"]),
        ("interrupted", ["interrupted"]),
        ("indeterminate", ["Indeterminate", "nothing"]),
        ("unknown", ["rootless"]),
        ("'", []),
    ],
)
def test_sessions_are_found_by_their_state(store, state, expected):
    """The words of the replay, and one for what a collector has lost sight of."""
    now = time.time()
    store.put([root(result, end_timestamp=2, result=result) for result in ("Success", "Fail")])
    for reason in ("cancelled", "abandoned", "exit", "interrupted", "Indeterminate"):
        store.put([root(reason, end_timestamp=2, result="Indeterminate", reason=reason)])
    store.put([root("nothing", end_timestamp=2), event("rootless", "1")])
    store.put([root("running", now - 590), root("silent", now - 610)])
    found = store.sessions(SessionFilter(state=state))
    assert sorted(expected) == sorted(summary.id for summary in found)
    assert {state for _ in found} == {summary.state for summary in found}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ängström", "ab"),
        ("NIGHTLY", "a"),
        ("night ÅngS agent", ""),
        ("run night ängs", "a"),
        ("a", "ac"),
        ("zzz", ""),
        (" ", "cba"),
        ("\ud800", ""),
    ],
)
def test_sessions_are_found_by_name_tag_or_beginning(store, text, expected):
    """Each word somewhere, in any case."""
    store.put(
        [
            root("a", 1.0, tags=["Nightly"], event_type="Ängström run"),
            root("b", 2.0, event_type="ÄNGSTRÖM\0"),
            root("c", 3.0, event_type="bare"),
        ]
    )
    found = store.sessions(SessionFilter(text=text))
    assert set(expected) == {summary.id for summary in found}


def test_what_is_silent_says_nothing(store):
    """Whatever became of its root."""
    now = time.time()
    store.put([root("late", now - 700), event("late", "b", now - 650)])
    store.put([root("ended", now - 900, end_timestamp=now - 800), event("ended", "b", now - 850)])
    store.put([root("lively", now - 900), event("lively", "b", now - 10)])
    sessions = ("late", "ended", "lively", "nowhere")
    assert ["late", "ended"] == [one for one in sessions if store.is_silent(one)]


def test_a_tag_is_found_whole(store):
    """Also where there is a NUL in it, at which a text of SQLite ends."""
    store.put([root("s", tags=["a\0b"])])
    found = [store.sessions(SessionFilter(tag=tag)) for tag in ("a\0b", "a")]
    assert [["s"], []] == [[one.id for one in sessions] for sessions in found]


def test_sessions_are_asked_for_by_name(store, fresh):
    """Those that are there, and those of the project."""
    store.put([root("a"), root("b"), event("b", "1")])
    fresh().put([root("c")])
    assert ("b", 2) == (store.summary("b").id, store.summary("b").events)
    assert None is store.summary("c")
    assert ["b", "a"] == [summary.id for summary in store.summaries(["a", "b", "c", "\ud800"])]
    assert [] == store.summaries([])


def test_a_session_is_found_by_the_id_of_an_event(store, fresh):
    """The newest that has it; a beginning of the id is none."""
    store.put([event(name, "step", n, parent_id=None) for n, name in enumerate("acb")])
    fresh().put([event("d", "step", 9.0)])
    assert "b" == store.session_with("step")
    assert [None] * 3 == [store.session_with(id_) for id_ in ("ste", "a", "\ud800")]


def test_an_event_without_a_start_is_the_root_before_one_with_it(store):
    """Nobody knows how early it was."""
    ended = {"id": "b", "session_id": "s", "event_type": "ended", "end_timestamp": 9.0}
    store.put([opened("a", 5.0, "s", event_type="timed"), ended])
    (summary,) = store.sessions()
    assert ("ended", "indeterminate") == (summary.event_type, summary.state)
    assert (5.0, 9.0, 9.0) == (summary.timestamp, summary.end_timestamp, summary.last)


def test_what_stands_in_for_a_session_gives_way(store):
    """An open half without a time is made of what came without it, until its own event comes."""
    stand_in = {**root("s"), "id": "stand-in"}
    del stand_in["timestamp"]
    store.put([stand_in, event("s", "1")])
    assert ["agent"] == [summary.event_type for summary in store.sessions()]
    store.put([root("s", event_type="own")])
    (summary,) = store.sessions()
    assert ("own", 2) == (summary.event_type, summary.events)
    assert ["root", "1"] == [found["id"] for found in store.session("s")]
    assert None is store.event("s", "stand-in")
    with store.outline("s", ["stand-in"]) as parts:
        assert "" == "".join(parts)


def test_where_records_claim_the_same_half_the_session_is_that_of_its_events(store):
    """Which of them prevails shows in the sums."""
    store.put([root("s"), event("s", "1", 3.0, result="Fail", prompt_tokens=2)])
    store.put([event("s", "2", result="Fail", prompt_tokens=5, completion_tokens=1)])
    store.put([event("s", "2", result="Success", prompt_tokens=7, end_timestamp=9.0)])
    prevails = store.event("s", "2")
    assert replace(
        store.sessions()[0],
        events=3,
        failures=1 + (prevails["result"] == "Fail"),
        prompt_tokens=2 + prevails["prompt_tokens"],
        completion_tokens=prevails.get("completion_tokens", 0),
        last=max(4.0, prevails["end_timestamp"]),
    ) == store.summary("s")


def test_a_filter_finds_what_only_the_end_of_a_session_says(store):
    """As a late tag does, whichever half comes first."""
    end = {"id": "root", "end_timestamp": 9.0, "result": "Fail", "tags": ["late"]}
    store.put([root("a", 1.0), {**end, "session_id": "a"}])
    store.put([{**end, "session_id": "b"}])
    store.put([root("b", 2.0), event("c", "1", tags=["late"], result="Fail"), root("c", 3.0)])
    for wanted in ({"tag": "late"}, {"result": "Fail"}, {"text": "LATE"}, {"state": "failed"}):
        found = store.sessions(SessionFilter(**wanted, limit=5))
        assert ["b", "a"] == [summary.id for summary in found], wanted


def test_more_sessions_may_be_asked_for_than_fit_into_a_question(store):
    """By their ids, by an event that all of them have, and by what they cost."""
    ids = [f"{Random(number).getrandbits(128):032x}" for number in range(6_000)]
    store.put([root(id_, float(number), prompt_tokens=1) for number, id_ in enumerate(ids)])
    assert set(ids) == {summary.id for summary in store.summaries(ids)}
    assert set(ids) == store.extents(ids).keys() == dict(store.calls(ids)).keys()
    assert ids[-1] == store.session_with("root")


def test_of_a_session_it_is_told_how_much_there_is(fresh):
    """How many events and halves, which they are, and when it was heard of."""
    store, other = fresh(), fresh()
    store.put([root("s"), event("s", "1", 3.0), {"id": "2", "session_id": "s", "end_timestamp": 5}])
    store.put([root("t")])
    found = store.extents(["s", "t", "nope"])
    digest = 6 * crc32(b"root") + 7 * crc32(b"1") + 5 * crc32(b"2")
    assert {"s": (3, 4, digest, 5.0), "t": (1, 1, 6 * crc32(b"root"), 1.0)} == found
    assert {} == other.extents(["s"])


def test_of_halves_that_come_again_no_more_is_told(store):
    """Whichever they are: what is there is told, not what came."""
    for _ in range(2):
        store.put([root("s"), {"id": "root", "session_id": "s", "end_timestamp": 5.0}])
        store.put([{**root("s"), "end_timestamp": 5.0}])
    assert (1, 2, 7 * crc32(b"root"), 5.0) == store.extents(["s"])["s"]
