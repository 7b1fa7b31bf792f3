"""Forgetting: what is old is gone everywhere, and what comes later is there."""

import math
import time
from contextlib import closing

import pytest

from agentlog.store.retention import Retention
from tests.store.contract.records import OTHER, SESSION, closed, collect, opened

OLD, NEW = 1_700_000_000.0, 1_700_500_000.0
"""When something came to a collector."""

DAY = 86_400.0


def test_a_session_goes_whole_or_stays_whole(place):
    """What counts is when something new of it came last, to a collector of any project."""
    collect(place, ("", opened("a", params="needle")), arrived=OLD)
    old = opened("a", session_id=OTHER, params="needle"), closed("a", session_id=OTHER)
    collect(place, ("", *old), ("anna", *old), arrived=OLD)
    collect(place, ("", closed("a"), opened("b", 2.0)), arrived=NEW)
    with place.open() as store:
        anna = store.for_project("anna")
        assert 2 == len(store.search("needle"))
        assert 0 == store.prune(OLD - 1)
        assert 2 == store.prune(OLD + 1)
        assert [SESSION] == [summary.id for summary in store.sessions()]
        assert ["a", "b"] == [event["id"] for event in store.session(SESSION)]
        assert [SESSION] == [event["session_id"] for event in store.search("needle")]
        assert [] == anna.sessions() == anna.search("needle")
        assert 1 == store.prune(NEW + 1)
        assert (0, 0) == (store.stats().sessions, store.stats().events)


def test_a_session_that_is_gone_is_found_by_nobody(place):
    """By none of the questions that there are."""
    collect(place, ("", opened("a", params="needle"), closed("a")), arrived=OLD)
    with place.open() as store:
        store.prune(OLD + 1)
        assert None is store.event(SESSION, "a")
        assert None is store.summary(SESSION)
        assert [] == store.session(SESSION) == store.sessions() == store.search("needle")
        assert [] == store.summaries([SESSION]) == store.projects()
        assert [] == list(store.calls([SESSION])) == list(store.following(SESSION)())
        assert 0 == store.count_of(SESSION)
        assert not store.is_silent(SESSION)
        with store.texts_of(SESSION) as texts, store.outline(SESSION) as rows:
            assert [] == list(texts) == list(rows)


@pytest.mark.parametrize("many", [2, 600])
def test_what_was_deleted_may_come_again(place, many):
    """The very same: whoever puts it has a receipt, so it is there."""
    batch = [opened(str(number), params="needle") for number in range(many)]
    with place.open() as store:
        for _ in range(2):
            assert many == store.put(batch).accepted
            assert many == store.count_of(SESSION) == store.stats().events
            assert [SESSION] == [summary.id for summary in store.sessions()]
            assert 1 == store.prune(1e12)
            assert [] == store.session(SESSION)


def test_what_comes_later_of_a_session_that_is_gone_is_there_alone(place):
    """A record that is new, or a half of what was there; and it can be deleted again."""
    collect(place, ("", opened("a"), opened("b"), opened("c")), arrived=OLD)
    with place.open() as store:
        assert 1 == store.prune(OLD + 1)
    late = closed("a"), opened("d", params="needle")
    collect(place, ("", *late), arrived=NEW)
    with place.open() as store:
        assert closed("a") == store.event(SESSION, "a")
        assert {"a", "d"} == {event["id"] for event in store.session(SESSION)}
        assert ["d"] == [event["id"] for event in store.search("needle")]
        assert [2] == [summary.events for summary in store.sessions()]
        assert 1 == store.prune(NEW + 1)
        assert [] == store.sessions()


@pytest.mark.parametrize("stamps", [{}, {"timestamp": 9e9}, {"timestamp": None}])
def test_what_came_to_a_collector_counts_from_then(place, stamps):
    """Whatever clock its events were recorded by, if by any; what comes again is nothing new."""
    collect(place, ("", opened("a", **stamps)), arrived=OLD)
    with place.open() as store:
        assert 0 == store.prune(OLD - 1)
        assert 1 == store.prune(OLD + 1)


def test_a_backlog_goes_at_once(place):
    """Thousands of sessions that have grown old, of a project with a long name."""
    project, ids = "p" * 64, [f"0193f2c1a2b37{number:019x}" for number in range(5_000)]
    collect(place, (project, *(opened("a", session_id=id_) for id_ in ids)), arrived=OLD)
    with place.open() as store:
        assert 5_000 == store.prune(OLD + 1)
        assert (0, 0) == (store.stats().sessions, store.stats().events)


@pytest.mark.parametrize("project", ["anna", "", "p" * 64, "'", "*", "%", "\\", '"', "é"])
def test_one_project_is_pruned_alone(place, project):
    """Whatever its name is; no other has the same sessions taken away, old as they are."""
    names = sorted({"", "anna", "bert", project})
    collect(place, *((name, opened("a")) for name in names), arrived=OLD)
    collect(place, (project, opened("b", session_id=OTHER)), arrived=NEW)
    with place.open() as store:
        assert 0 == store.prune(NEW + 1, project="nobody")
        assert 0 == store.prune(OLD - 1, project=project)
        assert 1 == store.prune(OLD + 1, project=project)
        assert [OTHER] == [one.id for one in store.for_project(project).sessions()]
        for name in {*names} - {project}:
            assert [SESSION] == [one.id for one in store.for_project(name).sessions()]
        assert 1 == store.prune(NEW + 1, project=project)
        assert [name for name in names if name != project] == store.projects()


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        (Retention(DAY), []),
        (Retention(3 * DAY, {"anna": DAY}), ["", "bert"]),
        (Retention(DAY, {"anna": 3 * DAY}), ["anna"]),
        (Retention(DAY, {"anna": math.inf, "bert": 3 * DAY}), ["anna", "bert"]),
        (Retention(own={"anna": DAY, "nobody": 1.0}), ["", "bert"]),
        (Retention(own={"anna": DAY, "bert": DAY}), [""]),
    ],
    ids=str,
)
def test_a_collector_deletes_what_it_does_not_keep(place, keep, left):
    """By itself, in its errands, of each project what is too old for that: here of two days ago."""
    names = "", "anna", "bert"
    collect(
        place, *((name, opened("a"), opened("b")) for name in names), arrived=time.time() - 2 * DAY
    )
    with closing(place.sink(keep=keep)) as sink, place.open() as store:
        while store.projects() != left:
            sink.errands.run(idle=True, between=lambda: None)
            assert {*left} <= {*store.projects()}
    with place.open() as store:
        assert 2 * len(left) == store.stats().events
