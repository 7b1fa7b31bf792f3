"""Forks while everything is under way: each process records on, whole, in segments of its own."""

import pytest

from tests.faults.accounts import accounted, whole
from tests.scripts import run

HEAD = """
import itertools, os, signal, sys, threading, warnings
import agentlog as ao
from tests.faults.host import SMALL, Host, joined
from tests.faults.steps import at_each_step, elsewhere
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and newer: fork with threads
"""

AMID_THREADS_AND_SIGNALS = """
sys.setswitchinterval(1e-6)
host = Host(segment_size=SMALL)
enough = threading.Event()
def work():
    while not enough.is_set():
        with host.action("action"):
            host.event("event", pad="x" * 100)
def in_child():
    signal.setitimer(signal.ITIMER_REAL, 0)
    if closes:
        os.closerange(3, 65536)
    with host.action("child"):
        for _ in range(10):
            host.event("in child", pad="x" * 1000)
children = []
with host.action("all"):
    threads = [threading.Thread(target=ao.bind(work)) for _ in range(8)]
    for thread in threads: thread.start()
    signal.signal(signal.SIGALRM, lambda *_: host.event("signal"))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    for n in range(10):
        closes = n % 2
        before = host.made.count("signal")
        children.append(host.child(in_child))
        while host.made.count("signal") < before + 2:
            pass
    signal.setitimer(signal.ITIMER_REAL, 0)
    enough.set()
    for thread in threads: thread.join()
    joined(*children)
host.end()
"""


def test_fork_while_8_threads_record_and_signals_come(tmp_path):
    """In the parent nothing is lost; each child records, also with all descriptors closed."""
    found = accounted(ran := run(tmp_path, HEAD + AMID_THREADS_AND_SIGNALS))
    assert (10, 100) == (found["child"], found["in child"])
    whole(ran.captured)


AT_EACH_STEP = """
host = Host(segment_size=2000, busy=True)
with host.action("all"):
    turns = itertools.count()
    def fork():
        if next(turns) % 3 == 0:  # at each it would take too long
            joined(host.child(lambda: host.event("in child")))
    at_each_step(lambda: host.event("record", pad="x" * 100), elsewhere(fork))
host.end()
"""


@pytest.mark.soak
def test_another_thread_forks_at_every_step_of_a_record(tmp_path):
    """While one looks, writes and rotates: it goes on in the parent, and nobody waits for it."""
    found = accounted(ran := run(tmp_path, HEAD + AT_EACH_STEP))
    assert 50 < found["in child"]
    whole(ran.captured)


IN_A_THREAD = """
host = Host()
def work():
    with host.action("thread"):
        pid = os.fork()
        if not pid:
            host.made = []
            with host.action("child"):
                host.event("in child")
            host.end()
            END
        joined(pid)
with host.action("all"):
    thread = threading.Thread(target=ao.bind(work))
    thread.start()
    thread.join()
host.end()
"""


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"])
def test_a_fork_in_a_thread(tmp_path, end):
    """The thread is the child's only one; it goes on under its action, and may end by itself."""
    ran = run(tmp_path, HEAD + IN_A_THREAD.replace("END", end))
    assert {"all": 1, "thread": 1, "child": 1, "in child": 1} == accounted(ran)
    assert [("all", [("thread", [("child", ["in child"])])])] == ran.captured.tree()
    whole(ran.captured)
