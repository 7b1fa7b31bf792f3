"""Signals whose handlers record, or raise: at 1 kHz, and at every step of a record."""

import pytest

from tests.faults.accounts import accounted, whole
from tests.scripts import run


def soaking(*cases):
    """Return cases that only `make soak` has."""
    return [pytest.param(case, marks=pytest.mark.soak) for case in cases]


HEAD = """
import gc, os, signal, sys, threading, time
from pathlib import Path
import agentlog as ao
from tests.faults.host import SMALL, Host
from tests.faults.steps import at_each_step
"""

AT_1_KHZ = """
sys.setswitchinterval(1e-6)
host = Host(segment_size=SMALL, busy=True)
def record(*_):
    host.event("signal", value=[1, {"a": object()}])
    signal.setitimer(signal.ITIMER_REAL, 0.001)
signal.signal(signal.SIGALRM, record)
enough = threading.Event()
def work():
    while not enough.is_set():
        with host.action("action"):
            host.event("event", value=[1, {"a": object()}])
with host.action("all"):
    threads = [threading.Thread(target=ao.bind(work)) for _ in range(3)]
    for thread in threads: thread.start()
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    while host.made.count("signal") < 150:
        with host.action("action"):
            host.event("event")
    enough.set()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    for thread in threads: thread.join()
host.end()
"""


def test_handlers_that_record_at_1_khz(tmp_path):
    """While four threads record and rotate, and take turns as often as they can."""
    ran = run(tmp_path, HEAD + AT_1_KHZ)
    assert 150 <= accounted(ran)["signal"]
    whole(ran.captured)


CALLS = {
    "failure": """
    try:
        with host.action("call"):
            raise ValueError
    except ValueError:
        host.made.append("end")
""",
    "session": """
    host.client.start_session()
    host.made += "session", "end"
""",
    "close": 'host.event("call"); host.client._recorder.writer.close()',
}
AT_EACH_STEP = """
host = Host(busy=True, segment_size=2000)
def call():
    {call}
steps = at_each_step(call, lambda: host.event("step"))
assert host.made.count("step") == steps > 100, steps
host.end()
"""


@pytest.mark.parametrize("call", ["session", *soaking("failure", "close")])
def test_a_handler_that_records_at_every_step(tmp_path, call):
    """Of an action that fails, a session, a record and a close, that look, write and rotate."""
    ran = run(tmp_path, HEAD + AT_EACH_STEP.format(call=CALLS[call]))
    assert 100 < accounted(ran)["step"]
    whole(ran.captured)


INTERRUPTED = """
class Alarm({base}): pass
host = Host(busy=True, segment_size=2000)
def interrupt():
    raise Alarm
passed = 0
def call():
    global passed
    try:
        {call}
    except Alarm:
        passed += 1
steps = at_each_step(call, interrupt)
accepted, delivered = host.client.stats().accepted, host.client.stats().delivered
for n in range(10):
    host.a_second_later()
    host.event("after", pad="x" * 100)
stats = host.client.flush()
assert (accepted + 10, 0) == (stats.accepted, stats.pending), (accepted, stats)
host.client.close()
stats = host.client.stats()
print(steps, passed, stats.delivered, stats.dropped)
"""


@pytest.mark.parametrize("base", ["BaseException", "Exception"])
def test_a_handler_that_raises_at_every_step(tmp_path, base):
    """What is recorded afterwards is whole, the file is looked after, and what was lost is counted.

    A record that was interrupted may be written, and not counted any more.
    """
    ran = run(
        tmp_path, HEAD + INTERRUPTED.format(base=base, call='host.event("call", pad="x" * 100)')
    )
    assert (0, "") == (ran.status, ran.stderr if base == "BaseException" else "")
    steps, passed, delivered, dropped = map(int, ran.stdout.split())
    assert passed > (100 if base == "BaseException" else 0)
    assert steps >= passed + dropped
    assert 0 <= len(ran.captured.records) - delivered <= 10
    assert 10 == ran.captured.names().count("after")
    whole(ran.captured)


FIRST = """
class Alarm(BaseException): pass
def interrupt():
    raise Alarm
home = Path(os.environ["AGENTLOG_HOME"])
clients = [ao.Client(home=home / str(n)) for n in range(1000)]
def call():
    client = clients.pop()
    try:
        {call}
    except Alarm:
        pass
    finally:
        sys.settrace(None)
    with client.action("next"):
        client.record(ao.Event("next"))
    client.close()
print(at_each_step(call, interrupt))
there = home / "journal" / "local"
there.mkdir(parents=True)
for path in home.glob("*/journal/local/*.jsonl"): path.rename(there / path.name)
"""
FIRST_CALLS = {
    "record": 'client.record(ao.Event("first"))',
    "block": """
        with client.session():
            pass
""",
}


@pytest.mark.parametrize("call", ["record", *soaking("block")])
def test_what_interrupts_the_first_record_leaves_a_session_for_the_next(tmp_path, call):
    """Ctrl-C anywhere in the call that begins the session: what comes next has all its parents."""
    ran = run(tmp_path, HEAD + FIRST.format(call=FIRST_CALLS[call]))
    assert 0 == ran.status, ran.stderr
    assert int(ran.stdout) > 50
    events = ran.captured.events
    assert 2 * int(ran.stdout) < ran.captured.names().count("next")
    ids = {None, *(event["id"] for event in events), *(one["id"] for one in ran.captured.sessions)}
    assert [] == [event for event in events if event["parent_id"] not in ids]
    assert [] == [event for event in events if "event_type" not in event]
