"""The end of the interpreter: handlers, finalizers and daemon threads record until it is over."""

import signal
from collections import Counter

import pytest

from tests.faults.accounts import accounted, names, whole
from tests.scripts import run

ATEXIT = """
import atexit, os
import agentlog as ao
from tests.faults.host import SMALL, Host

def late(name):
    with host.action(name, pad="x" * 1000):
        host.event("event")
    host.a_second_later()

atexit.register(lambda: host.end())
atexit.register(late, "before init")
host = Host(segment_size=SMALL)
for n in range(20):
    atexit.register(late, "after init")
"""


def test_handlers_of_atexit_record(tmp_path):
    """Registered before `init` and after it, with a rotation between them."""
    ran = run(tmp_path, ATEXIT)
    assert {"before init": 1, "after init": 20, "event": 21} == accounted(ran)
    whole(ran.captured)


FINALIZED = """
import builtins, os, sys, threading
import agentlog as ao

client = ao.init()

class Late:
    def __init__(self, name):
        self.event = ao.Event(name, params={"a": [1, (2,)]})
    def __del__(self, client=client, tell=os.write):
        client.record(self.event)
        tell(1, b"recorded ")

class Holder:
    pass
"""
PLACES = """
if len(sys.argv) > 1:
    client.record(ao.Event("first"))
late = Late("a global")
cycle = Late("a cycle"); cycle.me = cycle; del cycle
Holder.late = Late("a class")
def function(late=Late("a default")): pass
builtins.late = Late("builtins")
local = threading.local(); local.late = Late("a thread")
"""


@pytest.mark.parametrize("first", [[], ["first"]])
def test_finalizers_record_while_the_interpreter_shuts_down(tmp_path, first):
    """Wherever the object is: what its `__del__` records is there, and nothing is said."""
    ran = run(tmp_path, FINALIZED + PLACES, *first)
    assert (0, "recorded " * 6, "") == (ran.status, ran.stdout, ran.stderr)
    places = {"a global", "a cycle", "a class", "a default", "builtins", "a thread", *first}
    assert dict.fromkeys(places, 1) == names(ran.captured)
    whole(ran.captured)


def test_a_finalizer_that_runs_after_agentlog_is_gone_harms_nothing(tmp_path):
    """What hangs on a module that Python takes down last: its record cannot be made any more."""
    ran = run(tmp_path, FINALIZED + "os.late = Late('a module')")
    assert (0, "recorded ") == (ran.status, ran.stdout)
    assert "Traceback" not in ran.stderr


WAITING = """
import resource, sys, threading
from tests.faults.host import Host

host = Host()
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
for _ in range(10):
    host.event("waits")
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
inside, never = threading.Event(), threading.Event()
def stop(frame, *_):
    if frame.f_code.co_name == "_mend":
        inside.set()
        never.wait()
    return stop
def look():
    sys.settrace(stop)
    host.client.flush()
threading.Thread(target=look, daemon=True).start()
inside.wait()
"""


def test_what_waits_is_written_at_the_end(tmp_path):
    """Though a daemon thread that was about to write it stands still for ever."""
    ran = run(tmp_path, WAITING)
    assert {"waits": 10} == names(ran.captured)
    whole(ran.captured)


DAEMONS = """
import os, signal, sys, threading
import agentlog as ao
from tests.faults.host import SMALL, Host

host = Host(segment_size=SMALL, busy=True)
begun = threading.Barrier(5)
def work(thread):
    for n in range(10**9):
        with host.client.action("action"):
            host.event("event", thread=thread, n=n, value=[object()])
        os.write(1, b"%d %d\\n" % (thread, n))
        if n == 50:
            begun.wait()
with host.client.action("all"):
    for thread in range(4):
        threading.Thread(target=ao.bind(work), args=(thread,), daemon=True).start()
    begun.wait()
    END
"""
ENDS = {
    "pass": 0,
    "raise ValueError": 1,
    "os._exit(0)": 0,
    "os.kill(os.getpid(), signal.SIGTERM)": -signal.SIGTERM,
}


@pytest.mark.parametrize("end", ENDS)
def test_daemon_threads_record_until_the_end(tmp_path, end):
    """However the program ends: what had returned is there, and nobody hangs or complains."""
    ran = run(tmp_path, DAEMONS.replace("END", end))
    assert ENDS[end] == ran.status, ran.stderr
    assert ("ValueError" in end) == bool(ran.stderr), ran.stderr
    events = whole(ran.captured, running=4 + 2)
    there = Counter(
        f"{event['params']['thread']} {event['params']['n']}"
        for event in events
        if event["event_type"] == "event"
    )
    returned = ran.stdout.splitlines(keepends=True)
    assert {line.strip() for line in returned if line.endswith("\n")} <= set(there)
