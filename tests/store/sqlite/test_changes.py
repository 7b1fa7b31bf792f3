"""What a writer has changed: all of it, whichever way it was written, and nothing else."""

from contextlib import suppress

import pytest

from agentlog.store.engine import Change
from agentlog.store.retention import Before
from agentlog.store.sqlite import changes, pruning
from agentlog.store.sqlite.store import SqliteStore
from tests.server.collector import event_id, record, session_id, without


@pytest.fixture
def store():
    """A store of which the changes are noted."""
    with SqliteStore() as store:
        with store.reading() as connection:
            changes.watch(connection)
        yield store


def taken(store):
    """Return what has changed since the last time."""
    with store.reading() as connection:
        return changes.take(connection)


def test_what_is_new_is_noted_once(store):
    """With its session and its project, and forgotten when it was told."""
    store.put([record(), record(2)])
    store.for_project("anna").put([record()])
    one, two = session_id(1), session_id(1)
    assert [
        Change("", one, (event_id(1), event_id(2))),
        Change("anna", two, (event_id(1),)),
    ] == taken(store)
    assert [] == taken(store)


def test_what_becomes_another_is_noted(store):
    """A half that comes later; one that comes again changes nothing."""
    opened = without(record(), "end_timestamp", "result")
    store.put([opened])
    assert [Change("", session_id(), (event_id(1),))] == taken(store)
    store.put([opened])
    assert [] == taken(store)
    store.put([record(), record()])
    assert [Change("", session_id(), (event_id(1),))] == taken(store)


def test_an_event_that_was_cut_off_is_noted(store):
    """Which no record says."""
    store.put([without(record(), "end_timestamp", "result")])
    taken(store)
    with store.writing() as connection:
        connection.execute("UPDATE events SET interrupted = 1")
    assert [Change("", session_id(), (event_id(1),))] == taken(store)


def test_what_is_taken_back_is_not_noted(store):
    """As it is not stored either."""
    store.put([record()])
    taken(store)
    with suppress(ZeroDivisionError), store.writing() as connection:
        connection.execute("UPDATE events SET interrupted = 2")
        raise ZeroDivisionError
    assert [] == taken(store)


def test_a_session_that_goes_is_noted(store):
    """By its id, which may come again."""
    store.for_project("anna").put([record(), record(2)])
    taken(store)
    with store.writing() as connection:
        pruning.prune_some(connection, Before(1e12), 10)
    assert [Change("anna", session_id(), is_gone=True)] == taken(store)
    with store.writing() as connection:
        pruning.prune_some(connection, Before(1e12), 10)
    assert [] == taken(store)
    store.for_project("anna").put([record()])
    assert ["anna"] == [change.project for change in taken(store)]


def test_sums_that_are_made_anew_are_noted(store):
    """Without any event: none of them has changed."""
    store.put([record(), record(2)])
    taken(store)
    with store.writing() as connection:
        connection.execute("UPDATE sessions SET stale = 1")
    assert [] == taken(store)
    assert store.sum_up_some()
    assert [Change("", session_id())] == taken(store)


def test_the_file_has_nothing_of_it(tmp_path):
    """Another program that opens the store finds no trigger that it cannot run."""
    with SqliteStore(tmp_path / "store.db", claimed=True) as store:
        with store.reading() as connection:
            changes.watch(connection)
        store.put([record()])
        with SqliteStore(tmp_path / "store.db", read_only=True) as other:
            with other.reading() as connection:
                names = connection.execute("SELECT name FROM sqlite_master").fetchall()
            assert [] == [name for (name,) in names if "note_" in name or name == "gone"]
            assert 1 == len(other.session(session_id()))
