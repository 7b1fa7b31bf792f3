"""The thread of a client: woken from anywhere without a lock, one of them, and none in vain."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import agentlog as ao
from agentlog.background import NAME, Bell
from tests.busy import up_to
from tests.shipping.server import Server, answering, closed_port, collecting, hanging
from tests.shipping.waiting import SOON, clients, collectors, holds, seen, sleeps, threads

server = pytest.fixture(collectors)
make = pytest.fixture(clients)


# -- The bell --------------------------------------------------------------------------------------


def test_a_bell_wakes_who_waits():
    """From another thread."""
    bell, woken = Bell(), threading.Event()
    thread = threading.Thread(target=lambda: (bell.wait(), woken.set()))
    thread.start()
    assert not woken.is_set()
    bell.ring()
    thread.join(SOON)
    assert woken.is_set()


def test_a_bell_that_was_rung_wakes_who_waits_next():
    """Once, however often it was rung."""
    bell = Bell()
    for _ in range(3):
        bell.ring()
    bell.wait()
    start = time.monotonic()
    bell.wait(0.01)
    assert time.monotonic() - start >= 0.01


@pytest.mark.parametrize("seconds", [0, 1e-9, 0.001])
def test_waiting_ends_without_a_ring(seconds):
    """After so many seconds."""
    Bell().wait(seconds)


def test_a_time_that_is_too_long_is_long():
    """As the system takes it."""
    bell = Bell()
    bell.ring()
    bell.wait(1e300)


# -- The thread ------------------------------------------------------------------------------------


def test_the_first_event_starts_it(server, make):
    """Not the client, nor a flush or a look at the figures; it has a name."""
    before = threads()
    client = make(server.url)
    client.flush(0)
    client.stats()
    assert threads() <= before
    client.record(ao.Event("a"))
    assert holds(lambda: seen(server, "a"))
    assert NAME in [thread.name for thread in threading.enumerate()]
    assert before < threads()


def test_there_is_none_without_an_endpoint(tmp_path):
    """What is recorded stays here."""
    before = threads()
    client = ao.Client(home=tmp_path)
    client.record(ao.Event("a"))
    client.close()
    assert threads() <= before


def test_there_is_none_when_nothing_is_recorded(monkeypatch, server, make):
    """As AGENTLOG_DISABLED says."""
    monkeypatch.setenv("AGENTLOG_DISABLED", "1")
    before = threads()
    make(server.url).record(ao.Event("a"))
    assert threads() <= before


def test_the_first_events_of_many_threads_start_one(server, make):
    """Sixteen at once."""
    client, barrier = make(server.url), threading.Barrier(16, timeout=SOON)
    before = threads()

    def work(n):
        barrier.wait()
        client.record(ao.Event(f"{n}"))
        barrier.wait()
        return threads()

    with ThreadPoolExecutor(16) as pool:
        counts = list(pool.map(work, range(16)))
    assert max(counts) <= before + 16 + 1 + len(server._threads)
    assert 0 == client.flush(SOON).pending
    assert 1 == server.connections


def test_it_ends_with_the_client(make):
    """And leaves no thread behind, not even in Python's list of them."""
    others = {*threading.enumerate()}
    with Server(collecting()) as server:
        client = make(server.url)
        client.record(ao.Event("a"))
        assert holds(lambda: seen(server, "a"))
        before = threads()
        client.close()
        assert holds(lambda: threads() < before)
    assert holds(lambda: {*threading.enumerate()} <= others)


def test_what_is_recorded_after_the_end_starts_it_again(server, make):
    """It is shipped as ever."""
    client = make(server.url)
    for name in ("a", "b", "c"):
        client.record(ao.Event(name))
        client.close()
        assert seen(server, name)
    client.record(ao.Event("late"))
    assert holds(lambda: seen(server, "late"))


def test_a_forked_child_has_one_of_its_own(server, make):
    """And its parent keeps its own."""
    client = make(server.url)
    client.record(ao.Event("before"))
    assert holds(lambda: sleeps(client))
    pid = os.fork()
    if not pid:
        status = 1
        try:
            client.record(ao.Event("child"))
            until = time.monotonic() + SOON
            while client.stats().pending and time.monotonic() < until:
                time.sleep(0.01)
            status = 0 if client.stats().delivered == 1 == client.stats().accepted else 2
        finally:
            os._exit(status)
    client.record(ao.Event("parent"))
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert holds(lambda: seen(server, "parent"))
    assert seen(server, "child")


def test_two_clients_of_one_destination(server, make):
    """One of them ships, and each has its own figures."""
    one, two = make(server.url), make(server.url)
    for n in range(50):
        one.record(ao.Event(f"one {n}"))
        two.record(ao.Event(f"two {n}"))
        two.record(ao.Event(f"two {n}"))
    found = one.flush(SOON), two.flush(SOON)
    assert [(51, 0), (101, 0)] == [(each.delivered, each.pending) for each in found]
    assert 152 == len(server.records)


def test_closing_takes_no_longer_than_it_may(make):
    """With a server that refuses, or is not there."""
    with closed_port() as url, Server(answering(503)) as busy:
        for number, endpoint in enumerate((url, busy.url)):
            client = make(endpoint, name=f"{number}")
            client.record(ao.Event("a"))
            start = time.monotonic()
            client.close()
            assert time.monotonic() - start < up_to(2.5)
            found = client.stats()
            assert (0, found.accepted) == (found.delivered, found.pending)


def test_a_thread_that_was_given_up_is_not_waited_for_again(make):
    """A second `close`, or the exit behind it, finds that the time of the first is over."""
    with Server(hanging) as server:
        client = make(server.url)
        client.record(ao.Event("a"))
        client.close()
        start = time.monotonic()
        client.close()
        assert time.monotonic() - start < up_to(1)
        assert 2 + 1 == client.stats().pending


def test_what_is_recorded_behind_a_flush_is_shipped_by_close(make):
    """The thread does not end by a look that came before it."""
    with Server(collecting()) as server:
        for number in range(20):
            client = make(server.url, name=f"home {number}")
            client.record(ao.Event("a"))
            client.flush(SOON)
            client.record(ao.Event("b"))
            client.close()
            assert 0 == client.stats().pending
