"""The sums of a session: what triggers keep is what its events say."""

import json

from hypothesis import given
from hypothesis import strategies as st

from agentlog.store.intake import entry_of_record
from agentlog.store.merge import merged
from agentlog.store.sqlite.store import SqliteStore

NUMBERS = st.sampled_from([1, 2.5, 7, -3, "x", None, 10**40, True])
RECORDS = st.lists(
    st.builds(
        lambda place, fields: {**place, **fields},
        st.fixed_dictionaries(
            {"session_id": st.sampled_from("st"), "id": st.sampled_from("abc")}
        ),
        st.fixed_dictionaries(
            {},
            optional={
                "event_type": st.sampled_from(["plan", 7]),
                "action_type": st.sampled_from(["session", "tool"]),
                "parent_id": st.sampled_from([None, "a"]),
                "timestamp": NUMBERS,
                "end_timestamp": NUMBERS,
                "result": st.sampled_from(["Fail", "Success", 1]),
                "prompt_tokens": NUMBERS,
                "completion_tokens": NUMBERS,
            },
        ),
    ),
    max_size=12,
)  # fmt: skip


@given(RECORDS, st.lists(st.integers(0, 12), max_size=4))
def test_the_sums_are_those_of_the_events(records, cuts):
    """Whatever comes, in whatever order, and over however many transactions."""
    with SqliteStore() as store:
        for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), None], strict=True):
            with store.writing():
                store.put_entries([entry_of_record(one) for one in records[start:end]])
        for session_id in "st":
            events = [
                event for event in merged(records).values() if event["session_id"] == session_id
            ]
            listed = [found for found in store.sessions() if found.id == session_id]
            assert bool(events) == len(listed)
            if not events:
                continue
            (summary,) = listed
            starts = [event["timestamp"] for event in events if _is_time(event, "timestamp")]
            times = [*starts, *(e["end_timestamp"] for e in events if _is_time(e, "end_timestamp"))]
            assert (
                len(events),
                sum(event.get("result") == "Fail" for event in events),
                max(map(float, times), default=None),
                sum(_tokens(event, "prompt_tokens") for event in events),
                sum(_tokens(event, "completion_tokens") for event in events),
            ) == (
                *(summary.events, summary.failures, summary.last),
                *(summary.prompt_tokens, summary.completion_tokens),
            )
            root = min(filter(_may_be_root, events), key=_rank, default=None)
            name = root and root["event_type"]
            assert name == summary.event_type
            own = root["timestamp"] if root and _is_time(root, "timestamp") else None
            start = own if own is not None else min(map(float, starts), default=None)
            assert summary.timestamp == (start if start is None else float(start))


def test_what_came_from_elsewhere_is_summed_up_later():
    """Once for all that came, where the difference does not tell the sum."""
    start = {"session_id": "s", "id": "a", "event_type": "plan", "timestamp": 1.0}
    with SqliteStore() as store:
        assert not store.sum_up_some()
        with store.writing():
            store.put_arrived([entry_of_record(start)], 9.0)
        with store.writing():
            store.put_arrived([entry_of_record({**start, "timestamp": 2.0})], 9.0)
        assert [True, False] == [store.sum_up_some(), store.sum_up_some()]
        with store.reading() as connection:
            assert (2.0, 2.0) == connection.execute("SELECT first, last FROM sessions").fetchone()


def test_a_record_that_is_another_one_costs_no_sum():
    """The difference is added: a conflict in a session of a million events is no burden."""
    whole = {"session_id": "s", "id": "a", "event_type": "plan", "timestamp": 1.0}
    whole |= {"end_timestamp": 2.0, "result": "Fail", "prompt_tokens": 3}
    with SqliteStore() as store:
        store.put([whole, {**whole, "id": "b"}])
        with store.writing():
            other = {**whole, "result": "Success", "prompt_tokens": 5}
            store.put_arrived([entry_of_record(other)], 9.0)
        assert not store.sum_up_some()
        (summary,) = store.sessions()
        assert (2, 1, 8) == (summary.events, summary.failures, summary.prompt_tokens)


def _is_time(event, name):
    value = event.get(name)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tokens(event, name):
    value = event.get(name)
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < (1 << 63) - 1
    return value if is_count else 0


def _may_be_root(event):
    return not isinstance(event.get("parent_id"), str) and isinstance(event.get("event_type"), str)


def _rank(event):
    when = event["timestamp"] if _is_time(event, "timestamp") else float("-inf")
    return (event.get("action_type") != "session", when, event["id"])


def test_a_session_of_many_roots_costs_no_more_than_others():
    """The root is found by an index: its query looks at one row."""
    with SqliteStore() as store:
        root = {"session_id": "s", "event_type": "x", "parent_id": None}
        store.put([{**root, "id": f"{n:05}", "timestamp": n} for n in range(300)])
        with store.reading() as connection:
            plan = connection.execute(
                "EXPLAIN QUERY PLAN SELECT number FROM events WHERE session = 1"
                " AND parent_id IS NULL AND event_type NOTNULL"
                " ORDER BY action_type IS 'session' DESC, timestamp, id LIMIT 1"
            ).fetchall()
    assert ["SEARCH events USING INDEX roots (session=?)"] == [row[3] for row in plan]


WORDS = st.lists(st.sampled_from(["red", "green", "blue", "redder"]), max_size=3).map(" ".join)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from(["", "p"]),
            st.sampled_from(["timestamp", "end_timestamp"]),
            WORDS,
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_the_index_is_that_of_the_events(steps):
    """Whenever it follows, and however often an event changes; in each project by itself."""
    with SqliteStore() as store:
        for event_id, project, time, words, follows in steps:
            half = {"params": words} if time == "timestamp" else {"returns": words}
            record = {"session_id": "s", "id": event_id, time: 1.0, **half}
            with store.writing():
                store.for_project(project).put_entries([entry_of_record(record)])
            if follows:
                store.index_some()
        for project in ("", "p"):
            own = store.for_project(project)
            events = own.session("s")
            for word in ("red", "green", "blue", "redder"):
                expected = {e["id"] for e in events if any(w.startswith(word) for w in _words(e))}
                assert expected == {event["id"] for event in own.search(word)}
        with store.writing() as connection:
            connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")


def _words(event):
    return f"{event.get('params', '')} {event.get('returns', '')}".split()


def test_what_changes_nothing_is_not_indexed_again():
    """A batch that comes twice costs a search nothing."""
    record = {"session_id": "s", "id": "a", "event_type": "plan", "timestamp": 1.0}
    with SqliteStore() as store:
        store.put([record])
        store.index_all()
        store.put([json.loads(json.dumps(record))])
        assert not store.is_index_behind()
