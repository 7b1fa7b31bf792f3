"""Waking the thread of a client: from anywhere, at any step, without a lock, and never in vain."""

import random
import threading
import time
import warnings
from contextlib import suppress

import pytest

import agentlog as ao
from agentlog.background import NAME
from tests.busy import up_to
from tests.faults import steps
from tests.shipping.server import Server, answering
from tests.shipping.waiting import SOON, clients, collectors, holds, seen, sleeps

server = pytest.fixture(collectors)
make = pytest.fixture(clients)

SHARED = (
    "agentlog.background",
    "agentlog.client",
    "agentlog.journal",
    "agentlog.recording.context",
    "agentlog.recording.pen",
    "agentlog.recording.process",
    "agentlog.recording.recorder",
    "agentlog.recording.writer",
    "agentlog.session",
    "agentlog.shipping",
)
"""What threads have in common; the lines that take a value apart know of no other thread."""


def each_step(call, what, prepare=lambda: None):
    """Yield after each call in which something happened at a step where it had not before."""
    done, without = set(), 0
    while without < 3:
        prepare()
        without = 0 if steps.at_a_new_step(call, what, done, SHARED) else without + 1
        yield


def interrupted(record):
    """Return a call that survives a Ctrl-C, and what does it."""

    def call():
        with suppress(KeyboardInterrupt):
            record()

    def interrupt():
        raise KeyboardInterrupt

    return call, interrupt


def test_a_signal_handler_may_record_at_any_step(server, make):
    """It wakes the thread in the midst of the call that does."""
    client, made = make(server.url), []

    def record():
        made.append(1)
        client.record(ao.Event("x"))

    for _ in each_step(record, record):
        pass
    assert len(made) + 1 == client.flush(SOON).delivered


@pytest.mark.soak
@pytest.mark.parametrize("where", [lambda what: what, steps.elsewhere], ids=["handler", "thread"])
def test_first_events_may_meet_at_any_step(where, server, make):
    """Of a signal handler, or another thread, while the thread is being started."""
    clients = []
    for _ in each_step(
        lambda: clients[-1].record(ao.Event("outer")),
        where(lambda: clients[-1].record(ao.Event("inner"))),
        lambda: clients.append(make(server.url, name=f"{len(clients)}")),
    ):
        found = clients[-1].flush(SOON)
        assert (0, 0) == (found.pending, found.dropped)
        clients[-1].close()


@pytest.mark.soak
def test_an_interrupt_at_any_step_of_a_first_event_leaves_no_dead_thread(server, make):
    """The program catches it and goes on: what it records then is shipped."""
    clients = []
    call, interrupt = interrupted(lambda: clients[-1].record(ao.Event("interrupted")))
    for _ in each_step(
        call, interrupt, lambda: clients.append(make(server.url, name=f"{len(clients)}"))
    ):
        clients[-1].record(ao.Event("after"))
        assert 0 == clients[-1].flush(3).pending
        clients[-1].close()


def test_an_interrupt_at_any_step_does_not_keep_it_asleep(server, make):
    """The next record wakes it, although the one before was to do so."""
    client = make(server.url)
    client.record(ao.Event("first"))
    call, interrupt = interrupted(lambda: client.record(ao.Event("interrupted")))
    for _ in each_step(call, interrupt, lambda: holds(lambda: sleeps(client))):
        client.record(ao.Event("after"))
        assert server.sees(lambda: seen(server, "after"), 5)
        server.records.clear()


@pytest.mark.parametrize(
    "ask", [ao.Client.flush, ao.Client.stats, lambda client: client.flush(0)], ids=range(3)
)
def test_asking_does_not_keep_it_asleep(ask, server, make):
    """The next record after a flush, to which there was nothing to do, wakes it."""
    client = make(server.url)
    client.record(ao.Event("a"))
    assert holds(lambda: sleeps(client))
    ask(client)
    client.record(ao.Event("b"))
    assert server.sees(lambda: seen(server, "b"), 5)


def test_no_record_is_slept_through(server, make):
    """One at a random moment while it goes to sleep: each arrives, and none waits for the next."""
    client, chance = make(server.url, max_wait=0.001), random.Random(6)
    for number in range(300):
        client.record(ao.Event(f"{number}"))
        assert server.sees(lambda number=number: seen(server, f"{number}"), 5), number
        server.records.clear()
        pause = time.perf_counter() + chance.random() * 0.004
        while time.perf_counter() < pause:
            pass
        if chance.random() < 0.3:
            client.flush()


def test_an_end_at_a_random_moment_leaves_no_thread(server, make):
    """Its own last record comes while the thread goes to sleep: that one ships it, and is done."""
    before, chance = {*threading.enumerate()}, random.Random(7)
    for number in range(60):
        client = make(server.url, name=f"{number}", max_wait=0.001)
        client.record(ao.Event(f"{number}"))
        assert server.sees(lambda number=number: seen(server, f"{number}"), 5)
        pause = time.perf_counter() + chance.random() * 0.003
        while time.perf_counter() < pause:
            pass
        client.close()
    ours = {thread for thread in threading.enumerate() if thread.name == NAME}
    assert holds(lambda: not (ours - before) & {*threading.enumerate()}), ours - before


def test_a_flush_in_its_own_thread_does_not_wait_for_itself(monkeypatch, make):
    """Where the host's own way to show a warning flushes."""
    took = []

    def show(*_, **__):
        start = time.monotonic()
        client.flush(3)
        took.append(time.monotonic() - start)

    with Server(answering(401)) as server:
        client = make(server.url)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            monkeypatch.setattr(warnings, "showwarning", show)
            client.record(ao.Event("a"))
            assert holds(lambda: took)
    assert max(took) < up_to(1)


def test_it_sleeps_when_there_is_nothing_to_do(server, make):
    """It takes next to no time of the processor."""
    client = make(server.url)
    client.record(ao.Event("a"))
    assert holds(lambda: sleeps(client))
    before = time.process_time()
    threading.Event().wait(0.5)
    assert time.process_time() - before < 0.05
