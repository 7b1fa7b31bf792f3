"""Several projects in one store: what one has, no other sees."""

import pytest

from agentlog.errors import SessionNotFoundError

SESSION, ID = "01a1fd6294527cafe6a87e85c35fe6ce", "5e110f8cc6568980"


def event(**fields):
    """Return a record of always the same address."""
    return {"id": ID, "session_id": SESSION, "event_type": "plan", "parent_id": None, **fields}


@pytest.fixture
def projects(fresh):
    """Return two projects with the same ids."""
    own, blue = fresh(), fresh()
    own.put([event(timestamp=1.0, params="needle own")])
    blue.put([event(timestamp=2.0, params="needle blue")])
    return own, blue


def test_the_same_ids_never_meet(projects):
    """In no session, event, list, search or beginning of an id."""
    for one, timestamp, word in zip(projects, (1.0, 2.0), ("own", "blue"), strict=True):
        expected = event(timestamp=timestamp, params=f"needle {word}")
        assert [expected] == one.session(SESSION) == one.search("needle")
        assert [expected] == list(one.following(SESSION)())
        assert expected == one.event(SESSION, ID)
        assert [(SESSION, timestamp, 1)] == [(s.id, s.timestamp, s.events) for s in one.sessions()]
        assert SESSION == one.resolve(SESSION[:9]) == one.resolve("last")


def test_a_half_completes_the_event_of_its_project_only(projects):
    """Whose id is the same."""
    own, blue = projects
    blue.put([{"id": ID, "session_id": SESSION, "end_timestamp": 3.0, "result": "Fail"}])
    assert "Fail" == blue.sessions()[0].result
    assert None is own.sessions()[0].result
    assert "end_timestamp" not in own.event(SESSION, ID)


@pytest.mark.parametrize("name", ["green", "p1", "Project", "\ud800", "'", "*", "%", "\\", "é"])
def test_a_project_without_records_has_nothing(projects, name):
    """Whatever its name is."""
    one = projects[0].for_project(name)
    assert [] == one.session(SESSION) == one.search("needle") == one.sessions()
    assert None is one.event(SESSION, ID)
    assert [] == list(one.calls([SESSION]))
    assert 0 == one.count_of(SESSION)
    with pytest.raises(SessionNotFoundError):
        one.resolve(SESSION)


def test_the_name_of_a_project_is_no_word_to_find(projects):
    """However it may be kept, or asked for."""
    own, blue = projects
    for text in ("p1", "p2", blue.project, f"project : {blue.project}", "blue OR own"):
        assert [] == own.search(text), text


def test_the_projects_are_known(place):
    """By name; the figures are those of all of them."""
    with place.open() as store:
        assert [] == store.projects()
        for name in ("", "blue"):
            store.for_project(name).put([event(timestamp=1.0)])
        assert ["", "blue"] == store.projects()
        stats = store.stats()
        assert (2, 2) == (stats.sessions, stats.events)
        assert stats.size > 0
