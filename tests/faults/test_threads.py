"""Threads that stand still, and threads that take turns as often as they can."""

import pytest

from tests.faults.accounts import accounted, whole
from tests.scripts import run

HEAD = """
import os, sys, threading
import agentlog as ao
from tests.faults.host import SMALL, Host, joined
from tests.faults.steps import at_each_step, elsewhere
"""

STANDING_STILL = """
host = Host(segment_size=2000, busy=True)
def others():
    for _ in range(2):
        with host.action("action"):
            host.event("other", pad="x" * 500)
    host.client._recorder.writer.close()
steps = at_each_step(lambda: host.event("record", pad="x" * 100), elsewhere(others))
host.end()
"""


@pytest.mark.soak
def test_a_thread_that_a_debugger_stops_holds_up_nobody(tmp_path):
    """At whatever line of a record: others write, rotate and close, and its own is not lost."""
    found = accounted(ran := run(tmp_path, HEAD + STANDING_STILL))
    assert 200 < found["other"]
    whole(ran.captured)


MANY = """
sys.setswitchinterval(1e-6)
host = Host(segment_size=SMALL, busy=True)
accepted = []
def watch():
    while not enough.is_set():
        accepted.append(host.client.stats().accepted)
def work(thread):
    for n in range(50):
        with host.action("action", thread=thread):
            host.event("event", n=n, pad="x" * (n * 97 % 3000))
enough = threading.Event()
watcher = threading.Thread(target=watch)
watcher.start()
with host.action("all"):
    threads = [threading.Thread(target=ao.bind(work), args=(n,)) for n in range(16)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
enough.set()
watcher.join()
assert sorted(accepted) == accepted
host.end()
"""


def test_many_threads_that_take_turns_as_often_as_they_can(tmp_path):
    """None loses a record, amid rotations; who watches never sees the account go back."""
    found = accounted(ran := run(tmp_path, HEAD + MANY))
    assert {"all": 1, "action": 800, "event": 800} == found
    whole(ran.captured)
