"""Finalizers that record while something is recorded, under the pressure of the collector."""

import pytest

from tests.faults.accounts import accounted, whole
from tests.scripts import run

PROGRAM = """
import gc, sys, threading, warnings, weakref
import agentlog as ao
from tests.faults.host import SMALL, Host

# The collector may run in a thread that has not come to its bound function yet.
warnings.simplefilter("ignore", ao.AgentlogWarning)

sys.setswitchinterval(1e-6)
host = Host(segment_size=SMALL, busy=True)

class Garbage:
    def __init__(self):
        self.me = self  # only the collector finds it
        weakref.finalize(self, host.event, "finalizer")
    def __del__(self):
        host.event("del", value=[1, {"a": (2, 3)}])

class Value:
    def __repr__(self):
        Garbage()
        return "value"

def work():
    for n in range(50):
        with host.action("action", value={"a": Value(), "b": [Value() for _ in range(3)]}):
            Garbage()
            host.event("event", value=tuple([n] for n in range(20)))

gc.set_threshold(1)
with host.action("all"):
    threads = [threading.Thread(target=ao.bind(work)) for _ in range(3)]
    for thread in threads: thread.start()
    work()
    for thread in threads: thread.join()
    gc.collect()
host.end()
"""


def test_finalizers_that_record(tmp_path):
    """From `__del__` and weak references, in the middle of every kind of work of ours."""
    found = accounted(ran := run(tmp_path, PROGRAM))
    assert (200, 1000, 1000) == (found["event"], found["del"], found["finalizer"])
    whole(ran.captured)


TRACER = """
import sys
from tests.faults.host import Host
host = Host()
def trace(frame, event, _):
    sys.{hook}(None)
    host.event("traced")
    sys.{hook}(trace)
sys.{hook}(trace)
for _ in range(20):
    host.event("event")
sys.{hook}(None)
host.end()
"""


@pytest.mark.parametrize("hook", ["settrace", "setprofile"])
def test_a_tracer_that_records(tmp_path, hook):
    """Every call of ours, and what it calls, is seen by a tool that records it."""
    found = accounted(ran := run(tmp_path, TRACER.format(hook=hook)))
    assert 20 == found["event"]
    assert 100 < found["traced"]
    whole(ran.captured)
