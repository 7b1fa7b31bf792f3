"""Moving from one store to another: between files, and between a file and any other engine."""

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog import keys
from agentlog.errors import ConfigurationError
from agentlog.move import move
from agentlog.store.merge import merged
from agentlog.store.move import Tally, count
from tests.store.contract.engines import Sqlite
from tests.store.contract.records import OTHER, SESSION, closed, collect, event, opened, root

OLD, NEW = 1_700_000_000.0, 1_700_500_000.0
RECORDS = [
    root("s", tags=["a"]),
    event("s", "1", prompt_tokens=3, params={"text": "needle \0 é 日本"}),
    opened("2", 3.0, "s", parent_id="root"),
    closed("root", 9.0, "s", returns=[1, None, {"a": 2.5}]),
]


@pytest.fixture(params=["there", "back"])
def places(request, engine, tmp_path):
    """Return two empty places, one of which is a file."""
    pair = Sqlite(tmp_path).where(), engine.where()
    return pair if request.param == "there" else pair[::-1]


def moved(places, home):
    """Move; return what is said in the end, and what else a person is told."""
    told = []
    outcome = move(*places, home, told.append)
    return outcome.text, [*told, *outcome.notes]


def held(place, project=""):
    """Return what a project has, as a list and as events."""
    with place.open() as opened_store:
        store = opened_store.for_project(project)
        listed = store.sessions()
        return listed, {summary.id: store.session(summary.id) for summary in listed}


def test_all_of_it_is_there_then(places, home):
    """Every session of every project, in the list, in itself and in a search."""
    source, target = places
    collect(source, ("", *RECORDS, opened("a")), ("anna", *RECORDS, closed("b")), arrived=OLD)
    line = "4 sessions with 8 events moved, of 4 sessions with 8 events"
    assert (line, []) == moved(places, home)
    for project in ("", "anna"):
        assert held(source, project) == held(target, project)
    with target.open() as store:
        assert ["", "anna"] == store.projects()
        assert ["1"] == [found["id"] for found in store.for_project("anna").search("needle 日")]


def test_what_is_there_is_not_moved_again(places, home):
    """It is asked for on both sides; what has come since is moved, if it be one end."""
    source, target = places
    collect(source, ("", *RECORDS, opened("a", session_id=OTHER)), arrived=OLD)
    moved(places, home)
    assert ("nothing more moved, of 2 sessions with 4 events", []) == moved(places, home)
    collect(source, ("", closed("a", 1.0, OTHER)), arrived=NEW)
    line = "1 session with 1 event moved, of 2 sessions with 4 events"
    assert (line, []) == moved(places, home)
    assert held(source) == held(target)


HALVES = st.sets(
    st.tuples(st.sampled_from(["s", "t"]), st.sampled_from("abc"), st.booleans()), min_size=1
)


def test_whatever_a_part_is_there(fresh_pair, home):
    """A move that was killed, and others that write to the other store: all of both is there."""

    @given(HALVES, HALVES)
    def run(here, there):
        source, target = fresh_pair()
        collect(source, ("", *map(_half, sorted(here))), arrived=OLD)
        collect(target, ("", *map(_half, sorted(there))), arrived=OLD)
        assert [] == moved((source, target), home)[1]
        expected = merged(map(_half, here | there))
        found = held(target)[1]
        assert expected == {
            (each["session_id"], each["id"]): each for events in found.values() for each in events
        }

    run()


@pytest.fixture
def fresh_pair(tmp_path):
    """Return pairs of files: what is merged there is the contract's of every other engine."""
    files = Sqlite(tmp_path)
    return lambda: (files.where(), files.where())


def _half(which):
    session_id, event_id, is_end = which
    make = closed if is_end else opened
    return make(event_id, session_id=session_id)


def test_more_on_the_other_side_is_no_difference(places, home):
    """Others may write to it; it stays."""
    source, target = places
    collect(source, ("", opened("a")), arrived=OLD)
    collect(target, ("", opened("a"), closed("a"), opened("b")), arrived=OLD)
    assert [] == moved(places, home)[1]
    assert {"a", "b"} == {each["id"] for each in held(target)[1][SESSION]}


def test_what_lacks_is_counted(places):
    """A session that is not there, one that is not whole, and one of which an end is not there."""
    source, target = places
    all_of_it = opened("a"), opened("b", session_id=OTHER), *RECORDS
    collect(source, ("", *all_of_it), arrived=OLD)
    collect(target, ("", opened("a"), *RECORDS[:-1]), arrived=OLD)
    with source.open() as here, target.open() as there:
        assert (Tally(3, 5), Tally(2, 4)) == count(here, there)
        assert (Tally(2, 4), Tally()) == count(there, here)


def test_a_session_becomes_old_when_it_would_have(places, home):
    """As it was heard of, and not as it was moved; what came there meanwhile counts from then."""
    source, target = places
    collect(source, ("", opened("a"), opened("b", session_id=OTHER)), arrived=OLD)
    collect(source, ("", opened("a", session_id="other")), arrived=NEW)
    collect(target, ("", opened("c", session_id=OTHER)), arrived=NEW)
    moved(places, home)
    with target.open() as store:
        heard = {
            id_: extent.heard for id_, extent in store.extents([SESSION, OTHER, "other"]).items()
        }
        assert {SESSION: OLD, OTHER: NEW, "other": NEW} == heard
        assert 0 == store.prune(OLD - 1)
        assert 1 == store.prune(OLD + 1)
        assert 2 == store.prune(NEW + 1)


def test_what_was_deleted_is_not_moved(places, home):
    """Nor counted."""
    source, target = places
    collect(source, ("", *RECORDS), arrived=OLD)
    collect(source, ("", opened("a")), arrived=NEW)
    with source.open() as store:
        store.prune(OLD + 1)
    line = "1 session with 1 event moved, of 1 session with 1 event"
    assert (line, []) == moved(places, home)
    assert [SESSION] == list(held(target)[1])


def test_keys_are_moved(places, home):
    """Whoever wrote there writes here; of a name with two keys, the one that is there stays."""
    source, target = places
    anna, bert = (keys.add(source.keys(), name, now=1.0) for name in ("anna", "bert"))
    other = keys.add(target.keys(), "bert", now=2.0)
    text, notes = moved(places, home)
    ring = keys.Ring(target.keys())
    assert ["anna", None, "bert"] == [ring.name_of(key) for key in (anna, bert, other)]
    assert {"anna": 1.0, "bert": 2.0} == {key.name: key.added for key in target.keys().load()}
    assert "there is nothing to move" == text
    (note,) = notes
    assert f"agentlog keys revoke bert --store {target}" in note


def test_a_store_that_is_served_is_moved(places, home):
    """As it is when each session is read; what comes later is for another move."""
    source, target = places
    collect(source, ("", *RECORDS), arrived=OLD)
    with closing(source.sink()):
        assert [] == moved(places, home)[1]
    assert held(source) == held(target)


def test_of_an_empty_store_it_is_said(places, home):
    """It is no mistake."""
    collect(places[0], arrived=OLD)
    assert ("there is nothing to move", []) == moved(places, home)


def test_a_store_is_not_moved_to_itself(engine, home):
    """However it is called."""
    place = engine.where()
    with pytest.raises(ConfigurationError, match="is where it comes from"):
        moved((place, place), home)
