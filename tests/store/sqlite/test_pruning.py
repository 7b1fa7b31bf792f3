"""Forgetting a part at a time, as a collector does."""

import pytest

from agentlog.store.intake import entry_of_record
from agentlog.store.retention import Before
from agentlog.store.sqlite import pruning
from agentlog.store.sqlite.store import SqliteStore


def event(session_id, number, **fields):
    """Return a whole record of an event."""
    own = {"id": f"{number:04}", "session_id": session_id, "event_type": "needle"}
    return {**own, "timestamp": float(number), "end_timestamp": float(number), **fields}


@pytest.fixture
def store():
    """Open a store with an old session of 25 events, one of 3, and a new one."""
    with SqliteStore() as opened:
        opened.put([event("old", n) for n in range(25)] + [event("odd", n) for n in range(3)])
        opened.put([event("new", n) for n in range(100, 104)])
        opened.index_all()
        yield opened


def some(store, before=50.0, most=10):
    """Delete some events; return how many it were, and the sums of what is left."""
    with store.writing() as connection:
        deleted = pruning.prune_some(connection, Before(before), most)
        store.put_entries([])
    return deleted, {summary.id: summary.events for summary in store.sessions()}


def test_sessions_go_a_part_at_a_time(store):
    """They disappear whole, and then their events go, until only what is not old is left."""
    steps = [some(store) for _ in range(6)]
    assert [2, 10, 10, 5, 3, 0] == [deleted for deleted, _ in steps]
    assert [{"new": 4}] * 6 == [left for _, left in steps]
    assert ["new"] * 4 == [found["session_id"] for found in store.search("needle")]
    assert (1, 4) == (store.stats().sessions, store.stats().events)
    with store.reading() as connection:  # an event that comes later may get a number that was given
        for table in ("words", "events"):
            assert (4,) == connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert (1,) == connection.execute("SELECT count(*) FROM sessions").fetchone()


def test_a_session_that_goes_is_found_by_nobody(store):
    """Though its events are still in the file."""
    some(store, most=1)
    some(store, most=1)
    assert {"new": 4, "odd": 3} == some(store, most=1)[1]
    assert [] == store.session("old")
    assert store.event("old", "0007") is None
    assert {"new", "odd"} == {found["session_id"] for found in store.search("needle")}
    assert 1 == store.prune(50.0)
    assert (1, 4) == (store.stats().sessions, store.stats().events)
    with store.reading() as connection:
        assert (4,) == connection.execute("SELECT count(*) FROM events").fetchone()


def test_what_comes_for_a_session_that_goes_begins_anew(store):
    """It is no longer silent then."""
    some(store)
    store.put([event("old", 200)])
    for _ in range(5):
        assert {"new": 4, "old": 1} == some(store)[1]
    assert ["0200"] == [found["id"] for found in store.session("old")]


def test_no_session_is_summed_up_again_for_it(store):
    """So a step is short, however many events a session has."""
    asked = []
    with store.reading() as connection:
        connection.set_trace_callback(asked.append)
    for _ in range(3):
        with store.writing() as connection:
            pruning.prune_some(connection, Before(50.0), 10)
    assert not [statement for statement in asked if "stale" in statement]


def test_of_who_is_kept_longer_no_event_is_looked_at(store):
    """They may be many, and it is asked every minute."""
    store.put([event("new", number) for number in range(200, 3_200)])
    store.for_project("anna").put([event("new", 900_000_000)])
    steps = []
    with store.writing() as connection:
        connection.set_progress_handler(lambda: steps.append(1), 10)
        assert 2 == pruning.prune_some(connection, Before(50.0, {"anna": 8e8}), 10)
        connection.set_progress_handler(None, 0)
    assert len(steps) < 100


def test_a_session_that_may_be_running_stays(store):
    """An event of it is open, and its owner is not known to be gone."""
    with store.writing() as connection:
        connection.execute(
            "UPDATE events SET owner = 'x', close = NULL, open = close WHERE id = '0001'"
        )
    assert 0 == some(store)[0]


@pytest.mark.parametrize(
    "stamps", [{}, {"timestamp": 9e9, "end_timestamp": 9e9}, {"timestamp": None}]
)
def test_what_came_to_a_collector_counts_from_then(store, stamps):
    """Whatever clock its events were recorded by, if by any."""
    entry = entry_of_record(event("late", 1, **stamps))
    with store.writing():
        store.put_arrived([entry], 200.0)
    assert 3 == store.prune(150.0)
    assert ["late"] == [summary.id for summary in store.sessions()]
    with store.writing():
        store.put_arrived([entry], 900.0)
    assert 1 == store.prune(201.0)
