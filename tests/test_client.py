"""Client: the session of the process, several clients side by side, and what stats tell."""

import contextvars
import gc
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import agentlog as ao
from agentlog import AgentlogWarning, Client, ConfigurationError, Event, FlushResult, journal
from agentlog.recording import context
from agentlog.testing import Captured, ManualClock, capture_events
from tests.shipping.destinations import lay
from tests.shipping.server import Server, closed_port, collecting


@pytest.fixture
def captured():
    """Capture what the test records, in a context where nothing was left open."""
    context.current.set(None)
    with capture_events() as captured:
        yield captured


@pytest.fixture
def client(captured):
    """Return the client whose events are captured."""
    return captured.client


def ends(captured):
    """Return how the sessions ended, in the order of their starts."""
    return [(one.get("result"), one.get("reason")) for one in captured.sessions]


def sessions_of(captured):
    """Return for each event the number of its session, in the order of the sessions' starts."""
    order = [one["session_id"] for one in captured.sessions]
    return {one["event_type"]: order.index(one["session_id"]) for one in captured.events}


# -- The session of the process --------------------------------------------------------------------


def test_a_client_alone_records_nothing(client, captured):
    """It makes no session and no directory before the first event."""
    assert [] == captured.everything
    assert [] == list(client.settings.home.iterdir())


def test_the_first_event_starts_a_session(client, captured):
    """The later ones join it."""
    client.record(Event("a"))
    with client.action("b"):
        client.record(Event("c"))
    assert {"a": 0, "b": 0, "c": 0} == sessions_of(captured)
    (session,) = captured.sessions
    assert None is session["parent_id"]
    assert "end_timestamp" not in session


def test_the_first_events_of_many_threads_start_one_session(client, captured):
    """Sixteen at once."""
    barrier = threading.Barrier(16, timeout=10)

    def work(n):
        barrier.wait()
        client.record(Event(f"{n}"))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    assert {f"{n}": 0 for n in range(16)} == sessions_of(captured)


def test_a_session_is_the_root_event(captured):
    """With the program's name, its process and its tags."""
    session = captured.client.start_session(["a", "b", "a"])
    record = captured.sessions[0]
    assert (session.id, session.session_id, None) == (
        record["id"],
        record["session_id"],
        session.parent_id,
    )
    assert ("session", ["a", "b"]) == (record["action_type"], record["tags"])
    assert record["event_type"]
    assert {"pid", "host", "python", "argv0", "agentlog"} == set(record["process"])
    assert ["a", "b"] == list(session.tags)


def test_a_clients_tags_are_those_of_each_of_its_sessions():
    """Followed by the session's own."""
    with capture_events(tags=["all", "x"]) as captured:
        captured.client.record(Event("implicit"))
        captured.client.start_session(["x", "one"])
        with captured.client.session(["two"]):
            pass
        assert [["all", "x"], ["all", "x", "one"], ["all", "x", "two"]] == [
            one["tags"] for one in captured.sessions
        ]


def test_start_session_ends_the_one_that_is_open(client, captured):
    """An implicit one too; what is recorded from then on is the new one's."""
    client.record(Event("a"))
    client.start_session()
    client.record(Event("b"))
    client.start_session()
    client.record(Event("c"))
    assert {"a": 0, "b": 1, "c": 2} == sessions_of(captured)
    assert [("Indeterminate", None)] * 2 + [(None, None)] == ends(captured)


def test_start_session_is_of_the_whole_process(client, captured):
    """Other threads and contexts record into it."""
    client.start_session()
    contextvars.Context().run(client.record, Event("context"))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(client.record, Event("thread")).result()
    assert {"context": 0, "thread": 0} == sessions_of(captured)


def test_end_session_says_how_it_ended():
    """With a state, a rating and a reason; by the clock."""
    clock = ManualClock(100.0)
    with capture_events(clock=clock) as captured:
        captured.client.start_session()
        clock.advance(2.5)
        captured.client.end_session("Success", rating="5/5", reason="all done")
        (session,) = captured.sessions
    assert ("Success", "5/5", "all done", 100.0, 102.5) == tuple(
        session[field] for field in ("result", "rating", "reason", "timestamp", "end_timestamp")
    )


@pytest.mark.parametrize("state", list(ao.EventState))
def test_end_session_takes_members_and_texts(client, captured, state):
    """And says no more than it was told."""
    client.start_session()
    client.end_session(state)
    client.start_session()
    client.end_session(state.value)
    assert [(state.value, None)] * 2 == ends(captured)
    assert "rating" not in captured.sessions[0]


def test_end_session_without_a_session_does_nothing(client, captured):
    """Nor does a second one."""
    client.end_session()
    assert [] == captured.everything
    client.start_session()
    client.end_session("Success")
    client.end_session("Fail")
    assert [("Success", None)] == ends(captured)


def test_what_comes_after_end_session_starts_another(client, captured):
    """An implicit one."""
    client.start_session()
    client.end_session("Success")
    client.record(Event("a"))
    assert {"a": 1} == sessions_of(captured)


class Unprintable:
    def __repr__(self):
        raise ValueError

    __str__ = __repr__


@pytest.mark.parametrize(
    "wrong",
    ["success", "", 5, None, [], Unprintable()],
    ids=lambda w: type(w).__name__ + str(w if isinstance(w, str) else ""),
)
def test_a_wrong_end_state_is_indeterminate_with_a_warning(client, captured, wrong):
    """`end_session` never raises."""
    client.start_session()
    with pytest.warns(AgentlogWarning, match="end_state"):
        client.end_session(wrong, rating="5")
    assert [("Indeterminate", None)] == ends(captured)
    assert "5" == captured.sessions[0]["rating"]


@pytest.mark.parametrize("field", ["rating", "reason"])
@pytest.mark.parametrize("wrong", [5, Unprintable(), ["x"]], ids=["int", "unprintable", "list"])
def test_a_rating_or_reason_that_is_no_text_is_none_or_one(client, captured, field, wrong):
    """`end_session` never raises, and a record's field holds what it can hold."""
    client.start_session()
    client.end_session("Success", **{field: wrong})
    session = captured.sessions[0]
    assert "Success" == session["result"]
    assert isinstance(session.get(field, ""), str)


@pytest.mark.parametrize("make", ["start_session", "session"])
@pytest.mark.parametrize("wrong", ["nightly", [1], 5], ids=str)
def test_wrong_tags_raise(client, captured, make, wrong):
    """Where they are written; nothing is started."""
    with pytest.raises(ConfigurationError, match="a list of strings"):
        getattr(client, make)(wrong)
    assert [] == captured.everything


def test_an_action_outlives_its_session(client, captured):
    """It stays in the session that it was begun in, and so does its work."""
    client.start_session()
    with client.action("a"):
        client.start_session()
        client.record(Event("in a"))
    client.record(Event("after"))
    assert {"a": 0, "in a": 0, "after": 1} == sessions_of(captured)
    assert "Success" == captured.one("a")["result"]


# -- Several clients -------------------------------------------------------------------------------


def test_clients_side_by_side_do_not_see_each_other():
    """Each has its home, its sessions and its parents, also where their blocks nest."""
    with capture_events() as one, capture_events() as two:
        with one.client.action("one"), two.client.action("two"):
            one.client.record(Event("one's"))
            with one.client.session():
                two.client.record(Event("two's"))
            two.client.record(Event("two's again"))
        assert [("one", ["one's"])] == one.tree()
        assert [("two", ["two's", "two's again"])] == two.tree()
        assert (2, 1) == (len(one.sessions), len(two.sessions))


def test_clients_of_one_home_have_sessions_of_their_own(tmp_path):
    """They write side by side."""
    one, two = Client(home=tmp_path), Client(home=tmp_path)
    one.record(Event("one"))
    two.record(Event("two"))
    one.close()
    two.close()
    captured = Captured(one)
    assert 2 == len(captured.sessions)
    assert {"one", "two"} == set(captured.names())


def test_a_remote_parent_is_everybodys():
    """What is attached is the parent of all clients' events."""
    header = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    with capture_events() as one, capture_events() as two, ao.attach(header):
        one.client.record(Event("one"))
        two.client.record(Event("two"))
        assert {"a" * 32} == {c.events[0]["session_id"] for c in (one, two)}


# -- close, flush, stats ---------------------------------------------------------------------------


def test_stats_and_flush_tell_what_is_in_the_journal(client, captured):
    """Without an endpoint what is in the journal is delivered."""
    assert FlushResult() == client.stats() == client.flush()
    with client.action("a"):
        client.record(Event("b"))
    assert 4 == len(captured.records)
    assert FlushResult(delivered=4) == client.stats() == client.flush(1.0)
    assert 4 == client.stats().accepted


def test_with_an_endpoint_what_is_in_the_journal_is_pending(tmp_path):
    """As long as nobody has taken it; also after the end."""
    with closed_port() as url:
        client = Client("key", endpoint=url, home=tmp_path)
        client.record(Event("a"))
        assert FlushResult(pending=2) == client.flush(0) == client.flush(0.1)
        client.close()
    assert FlushResult(pending=3) == client.stats()
    (directory,) = (tmp_path / "journal").iterdir()
    assert directory.name.startswith("127.0.0.1-")


def test_a_flush_ships(tmp_path):
    """What is acknowledged is delivered, and what is refused is in quarantine."""

    def refusing_poison(request):
        poison = {one["id"] for one in request.events if one.get("event_type") == "poison"}
        return collecting(refuse=poison)(request)

    with Server(refusing_poison) as server:
        client = Client("key", endpoint=server.url, home=tmp_path, max_wait=60)
        assert FlushResult() == client.flush()
        for name in ("a", "poison", "b"):
            client.record(Event(name))
        assert FlushResult(delivered=3, quarantined=1) == client.flush() == client.stats()
        assert 4 == client.stats().accepted
        assert 3 == len(server.records)
        client.close()
        assert FlushResult(delivered=4, quarantined=1) == client.stats()


def test_closing_ships(tmp_path):
    """What was recorded, and the end of the session; once."""
    with Server(collecting()) as server:
        client = Client("key", endpoint=server.url, home=tmp_path, max_wait=60)
        client.record(Event("a"))
        client.close()
        client.close()
        assert FlushResult(delivered=3) == client.stats()
        assert [1, 2] == sorted(len(halves) for halves in server.records.values())
        client.record(Event("late"))
        assert FlushResult(delivered=4) == client.flush()


@pytest.mark.parametrize("junk", ["directory", "link", "zeros"])
def test_figures_are_given_whatever_lies_on_the_disk(junk, tmp_path):
    """And what was recorded is all accounted for."""
    with closed_port() as url:
        client = Client("key", endpoint=url, home=tmp_path, max_wait=60)
        client.record(Event("a"))
        (directory,) = (tmp_path / "journal").iterdir()
        stem = next(directory.glob("*.jsonl")).stem
        for name in (f"{stem}.cursor", "status", "quarantine"):
            lay(directory / name, junk, b"\0" * 1000)
        assert FlushResult(pending=2) == client.stats() == client.flush(0.1)
        client.close()
        assert 3 == client.stats().accepted


def test_figures_of_a_home_that_was_removed(tmp_path):
    """What is not there any more, and was not delivered, is lost, and is said to be."""
    with closed_port() as url:
        client = Client("key", endpoint=url, home=tmp_path / "home", max_wait=60)
        client.record(Event("a"))
        shutil.rmtree(tmp_path / "home")
        assert FlushResult(dropped=2, reasons={"journal removed": 2}) == client.stats()
        client.close()


def test_stats_count_what_is_lost(client):
    """All that was accepted is delivered, pending, quarantined or dropped."""
    with pytest.warns(AgentlogWarning):
        client.record("no event")
    assert (
        1
        == client.stats().dropped
        == client.stats().accepted
        == sum(client.stats().reasons.values())
    )


def test_stats_count_the_records_of_all_threads(client, captured):
    """None twice, none forgotten."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: [client.record(Event(f"{n}")) for _ in range(50)], range(8)))
    assert 401 == client.stats().delivered == len(captured.records)


def test_close_ends_the_session(client, captured):
    """As exit does; closing twice does nothing more."""
    client.record(Event("a"))
    client.close()
    client.close()
    assert [("Indeterminate", "exit")] == ends(captured)


def test_what_is_recorded_after_close_still_gets_there(client, captured):
    """In the same session; no second one is opened."""
    client.record(Event("a"))
    client.close()
    client.record(Event("b"))
    with client.action("c"):
        client.record(Event("d"))
    assert {"a": 0, "b": 0, "c": 0, "d": 0} == sessions_of(captured)
    assert [("Indeterminate", "exit")] == ends(captured)
    assert client.stats().delivered == len(captured.records)


def test_a_client_closed_before_its_first_event(client, captured):
    """Its session is there, and has an end."""
    client.close()
    client.record(Event("a"))
    client.record(Event("b"))
    assert {"a": 0, "b": 0} == sessions_of(captured)
    assert [("Indeterminate", "exit")] == ends(captured)


def test_what_was_captured_can_be_read_after_the_block():
    """As the example in `agentlog.testing` does."""
    with capture_events() as captured:
        captured.client.record(Event("plan"))
        with captured.client.action("search"):
            captured.client.record(Event("hit"))
    assert ["plan", "search", "hit"] == captured.names()


def test_events_are_captured_in_the_order_in_which_they_began(client, captured):
    """Whether they have a duration or not."""
    client.record(Event("a"))
    with client.action("b"):
        client.record(Event("c"))
        with client.action("d"):
            pass
    client.record(Event("e"))
    assert ["a", "b", "c", "d", "e"] == captured.names()
    assert ["a", ("b", ["c", "d"]), "e"] == captured.tree()


def test_sessions_that_have_ended_are_let_go(client):
    """A worker that ends its session after each job does not collect them."""
    gc.collect()
    before = sum(type(one) is ao.Session for one in gc.get_objects())
    for _ in range(50):
        client.record(Event("a"))
        client.end_session("Success")
    gc.collect()
    assert sum(type(one) is ao.Session for one in gc.get_objects()) < before + 5


def test_clients_closed_in_a_row_hold_few_descriptors(tmp_path):
    """A suite of a thousand short tests, each with a client of its own, runs out of none."""
    for n in range(100):
        client = Client(home=tmp_path / f"{n}")
        client.record(Event("a"))
        client.close()
    segments = {path.stat().st_ino for path in tmp_path.rglob("*.jsonl")}
    assert sum(inode_of(fd) in segments for fd in range(8192)) <= 32


def inode_of(fd):
    """Return the inode of an open descriptor, None of others."""
    try:
        return os.fstat(fd).st_ino
    except OSError:
        return None


def test_a_closed_client_is_not_taken_for_one_that_runs(client):
    """It lets go of the lock by which readers know that its process lives."""
    client.record(Event("a"))
    directory = client.settings.home / "journal" / "local"
    assert journal.owners_alive(directory)
    client.close()
    assert not journal.owners_alive(directory)
