"""What a list keeps of sessions to which nothing comes any more, and what it does not."""

import json
import time
from types import SimpleNamespace

import pytest

from agentlog.store.clickhouse import listing, settled
from tests.store.contract.records import event, opened, root

AGO = 3600


@pytest.fixture
def put(link):
    """Store a record as if it had come so many seconds ago, or at a moment."""

    def store(record, seconds=AGO, *, project="", moment="now64(6)"):
        link.do(
            "INSERT INTO records (project, session_id, id, record, stored)"
            " SELECT {project:String}, {session:String}, {id:String}, {record:String},"
            f" {moment} - {{seconds:UInt32}}",
            project=project,
            session=record["session_id"],
            id=record["id"],
            record=json.dumps(record),
            seconds=seconds,
        )

    return store


@pytest.fixture
def store(place):
    """Open the store, as a collector has it open."""
    with place.open() as opened_store:
        yield opened_store


def read(server, question):
    """Return the answer, and how many statements were for records."""
    server.asked()
    answer = question()
    return answer, sum("FROM records" in statement for statement in server.asked())


def test_a_session_to_which_nothing_comes_is_summed_up_once(server, store, put):
    """Whether it is asked for in a list or by its name."""
    put(root("s"))
    put(event("s", "a", result="Fail"))
    first, _ = read(server, store.sessions)
    assert (first, 0) == read(server, store.sessions)
    assert (first, 0) == read(server, lambda: store.summaries(["s"]))
    assert [(2, 1)] == [(one.events, one.failures) for one in first]


def test_what_comes_later_is_counted(store, put):
    """The others of the page are not asked for again."""
    put(root("s", 1.0))
    put(root("t", 2.0))
    assert [1, 1] == [one.events for one in store.sessions()]
    store.put([event("s", "a")])
    assert [("t", 1), ("s", 2)] == [(one.id, one.events) for one in store.sessions()]


def test_what_is_seen_late_is_counted(store, put):
    """An insert that began before one that is seen, and took longer; or with a clock behind."""
    put(root("s"), seconds=25)
    assert [1] == [one.events for one in store.sessions()]
    put(event("s", "a"), seconds=29)
    assert [2] == [one.events for one in store.sessions()]


def test_a_session_that_runs_becomes_silent_by_itself(server, store, put, monkeypatch):
    """Nothing has to come for that."""
    put(root("s", time.time() - AGO))
    put(opened("a", time.time(), "s"))
    assert ["running"] == [one.state for one in store.sessions()]
    later = SimpleNamespace(time=lambda: time.time() + listing.SILENT_AFTER + 1)
    monkeypatch.setattr(listing, "time", later)
    found, asked = read(server, store.sessions)
    assert (["silent"], 0) == ([one.state for one in found], asked)


def test_of_another_project_is_another(store, put):
    """Though its sessions have the same names, and came at the same moment."""
    for project, name in (("", "mine"), ("other", "theirs")):
        moment = "toDateTime64('2026-01-01 00:00:00', 6, 'UTC')"
        put(root("s", event_type=name), project=project, moment=moment)
    for _ in range(2):
        assert ["mine"] == [one.event_type for one in store.sessions()]
        assert ["theirs"] == [one.event_type for one in store.for_project("other").sessions()]


def test_what_was_deleted_by_another_is_gone(place, store, put):
    """At once, whoever has listed it before; and what comes of it again is alone."""
    put(root("s"))
    put(event("s", "a"))
    assert [2] == [one.events for one in store.sessions()]
    with place.open() as another:
        another.prune(time.time())
    assert [] == store.sessions()
    store.put([root("s")])
    assert [1] == [one.events for one in store.sessions()]


def summary(**said):
    """Return a summary."""
    given = dict.fromkeys(listing.SessionSummary.__dataclass_fields__)
    return listing.SessionSummary(**given | {"tags": ()} | said)


def test_a_summary_is_kept_for_a_while(monkeypatch):
    """For one moment of what came last, and not for ever: a server may delete by and by."""
    clock = SimpleNamespace(monotonic=lambda: 100.0)
    monkeypatch.setattr(settled, "time", clock)
    known, one = settled.Settled(), summary(id="s")
    known.keep(("", "s"), 7, one)
    clock.monotonic = lambda: 99.0 + settled.LONGEST
    assert one is known.get(("", "s"), 7)
    assert None is known.get(("", "s"), 8)
    assert None is known.get(("", "s"), None)
    clock.monotonic = lambda: 100.0 + settled.LONGEST
    assert None is known.get(("", "s"), 7)


def test_what_is_kept_takes_little(monkeypatch):
    """The latest are kept; none with a name as long as a book, or with tags that fill one."""
    monkeypatch.setattr(settled, "MOST", 2)
    known = settled.Settled()
    for name in "abac":
        known.keep(("", name), 7, summary(id=name))
    for said in ({"event_type": "x" * settled.LARGEST}, {"tags": ("",) * settled.LARGEST}):
        known.keep(("", "long"), 7, summary(id="long", **said))
    assert "ac" == "".join(name for name in "abc" if known.get(("", name), 7))
    assert None is known.get(("", "long"), 7)
