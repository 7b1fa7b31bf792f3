"""What a collector puts, and what it is told is new."""

import time
from contextlib import closing

import pytest

from agentlog.store.engine import Portion
from agentlog.store.intake import entry_of_record
from agentlog.store.retention import Retention
from tests.busy import up_to
from tests.store.contract.records import OTHER, SESSION, closed, collect, opened

NOW = 1_700_000_000.0


@pytest.fixture
def sink(place):
    """Collect into a store of its own."""
    with closing(place.sink()) as started:
        yield started


def put(sink, *records, project=""):
    """Put records as they come over the wire."""
    sink.put([Portion(project, list(map(entry_of_record, records)), NOW)])


def told(sink, *expected):
    """Ask what is new until these ids were told; return all that were, by session."""
    found = {}
    until = time.monotonic() + up_to(5)
    while time.monotonic() < until and not set(expected) <= {
        x for ids in found.values() for x in ids
    }:
        for change in sink.news().changes or ():
            found.setdefault((change.project, change.session_id), set()).update(change.ids or ())
    return found


def test_what_was_put_is_there_for_who_opens_the_store_then(place, sink):
    """Of several projects, in one go, and again."""
    entries = [entry_of_record(one) for one in (opened("a"), closed("a"))]
    for _ in range(2):
        sink.put([Portion("", entries, NOW), Portion("anna", entries, NOW)])
    with place.open() as store:
        for project in ("", "anna"):
            (event,) = store.for_project(project).session(SESSION)
            assert "Success" == event["result"]
            assert 1 == store.for_project(project).summary(SESSION).events
    assert "" == sink.trouble()


def test_a_large_batch_is_stored_whole(place, sink):
    """Of more bytes than go over the wire in one piece."""
    text = "0123456789" * 1000
    records = [opened(f"{number:04}", float(number), params=text) for number in range(800)]
    put(sink, *records)
    with place.open() as store:
        assert records == store.session(SESSION)


def test_what_is_read_may_be_read_while_more_comes(place, sink):
    """By readers of several projects at once."""
    put(sink, opened("a"))
    with (
        closing(place.readers()) as readers,
        readers.of_project("") as store,
        readers.of_project("anna") as other,
    ):
        assert ["a"] == [event["id"] for event in store.session(SESSION)]
        put(sink, opened("b"), project="anna")
        assert ["b"] == [event["id"] for event in other.session(SESSION)]


def test_what_is_new_is_told_by_its_id(sink):
    """With its session and its project; what is old is not told for ever."""
    put(sink, opened("a"), opened("b"), opened("c", session_id=OTHER))
    assert {("", SESSION): {"a", "b"}, ("", OTHER): {"c"}} == told(sink, "a", "b", "c")
    put(sink, closed("d"), project="anna")
    assert {"d"} == told(sink, "d")[("anna", SESSION)]


def test_very_much_at_once_is_told_by_session(sink):
    """Who looks at another session is not bothered."""
    put(sink, *(opened(f"{number}", session_id=OTHER) for number in range(25_000)))
    until = time.monotonic() + up_to(5)
    found = set()
    while not found and time.monotonic() < until:
        changes = sink.news().changes
        assert changes is not None
        found = {(one.project, one.session_id) for one in changes}
    assert {("", OTHER)} == found


def test_the_marks_of_news_never_go_back(sink):
    """And begin at the start that the sink tells."""
    marks = [sink.marks.start]
    for number in range(5):
        put(sink, opened(f"{number}"))
        marks.append(sink.news().mark)
    assert sorted(marks) == marks


def test_a_session_that_goes_is_told(place):
    """So nobody goes on looking at it."""
    collect(place, ("", opened("a")), arrived=NOW)
    with closing(place.sink(keep=Retention(3600.0))) as sink:
        until = time.monotonic() + up_to(5)
        gone = []
        while not gone and time.monotonic() < until:
            sink.errands.run(idle=True, between=lambda: None)
            gone = [one for one in sink.news().changes or () if one.is_gone]
        assert [("", SESSION)] == [(one.project, one.session_id) for one in gone]


def test_collectors_of_one_store_tell_what_the_others_put(engine, place, sink):
    """Where there can be several; their marks are of one epoch."""
    if not engine.is_shared:
        pytest.skip("one collector has it alone")
    with closing(place.sink()) as other:
        assert other.marks.epoch == sink.marks.epoch
        put(sink, opened("a"))
        put(other, opened("b"))
        for one in (sink, other):
            assert {"a", "b"} <= told(one, "a", "b")[("", SESSION)]


def test_who_has_read_from_one_collector_can_listen_to_another(engine, place, sink):
    """Also to one that has just begun, and where nothing is new: marks go on with the time."""
    if not engine.is_shared:
        pytest.skip("one collector has it alone")
    before = sink.news().mark
    until = time.monotonic() + up_to(5)
    while sink.news().mark == before and time.monotonic() < until:
        pass
    with closing(place.sink()) as other:
        assert before < sink.news().mark
        assert other.marks.start <= sink.news().mark - sink.marks.slack
