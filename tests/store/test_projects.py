"""Several projects in one store: what one has, no other sees."""

import pytest

from agentlog.errors import SessionNotFoundError
from agentlog.store.intake import entry_of_record
from agentlog.store.sqlite import SqliteStore

SESSION, ID = "01a1fd6294527cafe6a87e85c35fe6ce", "5e110f8cc6568980"


def event(**fields):
    """Return a record of always the same address."""
    return {"id": ID, "session_id": SESSION, "event_type": "plan", "parent_id": None, **fields}


@pytest.fixture
def store():
    """Open a store with the same ids in two projects."""
    with SqliteStore() as opened:
        for project, fields in (
            ("", {"timestamp": 1.0, "params": "needle own"}),
            ("blue", {"timestamp": 2.0, "params": "needle blue"}),
        ):
            put(opened, project, event(**fields))
        yield opened


def put(store, project, *records):
    """Put records into a project."""
    with store.writing():
        store.for_project(project).put_entries([entry_of_record(one) for one in records])


def test_the_same_ids_never_meet(store):
    """In no session, event, list, search or beginning of an id."""
    for project, timestamp, word in (("", 1.0, "own"), ("blue", 2.0, "blue")):
        one = store.for_project(project)
        expected = event(timestamp=timestamp, params=f"needle {word}")
        assert [expected] == one.session(SESSION) == one.search("needle")
        assert expected == one.event(SESSION, ID)
        assert [(SESSION, timestamp, 1)] == [(s.id, s.timestamp, s.events) for s in one.sessions()]
        assert SESSION == one.resolve(SESSION[:9]) == one.resolve("last")


def test_a_half_completes_the_event_of_its_project_only(store):
    """Whose id is the same."""
    put(store, "blue", {"id": ID, "session_id": SESSION, "end_timestamp": 3.0, "result": "Fail"})
    assert "Fail" == store.for_project("blue").sessions()[0].result
    assert None is store.sessions()[0].result
    assert "end_timestamp" not in store.event(SESSION, ID)


@pytest.mark.parametrize("project", ["green", "p1", "Blue", "bl", "\ud800", "'", "*"])
def test_a_project_without_records_has_nothing(store, project):
    """Whatever its name is."""
    one = store.for_project(project)
    assert [] == one.session(SESSION) == one.search("needle") == one.sessions()
    assert None is one.event(SESSION, ID)
    with pytest.raises(SessionNotFoundError):
        one.resolve(SESSION)


def test_the_word_of_a_project_is_no_word_to_find(store):
    """Neither as it is written in the index, nor as FTS5 would have it asked."""
    for text in ("p1", "p2", "project : p2", "project:p2", "blue OR own"):
        assert [] == store.search(text), text


def test_the_projects_are_known(store):
    """By name; the figures are those of all of them."""
    assert ["", "blue"] == store.projects()
    assert (2, 2) == (store.stats().sessions, store.stats().events)


def test_what_is_old_goes_in_every_project(store):
    """With what a search knew of it."""
    assert 1 == store.prune(1.5)
    assert [] == store.search("needle")
    assert 1 == len(store.for_project("blue").search("needle"))
    assert ["blue"] == store.projects()
