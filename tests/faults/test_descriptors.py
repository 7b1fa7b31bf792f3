"""All descriptors closed under us, and the host's next files with the same numbers."""

import pytest

from tests.faults.accounts import accounted, whole
from tests.scripts import run

HEAD = """
import fcntl, os, resource, socket, sys
from tests.faults.host import SMALL, Host, our_descriptors
from tests.faults.steps import at_each_step, elsewhere
"""

TAKEN = """
def file():
    return os.open("theirs", os.O_RDWR | os.O_CREAT)
def append():
    return os.open("theirs", os.O_RDWR | os.O_CREAT | os.O_APPEND)
def pipe():
    global reading
    reading, writing = os.pipe()
    return writing
def connection():
    global reading
    one, other = socket.socketpair()
    reading = one.detach()
    return other.detach()

kind = sys.argv[1]
host = Host(segment_size=SMALL)
host.event("before")
(number,) = our_descriptors()
theirs = globals()[kind]()
os.dup2(theirs, number)
with host.action("after"):
    for n in range(100):
        host.event("step", pad="x" * 1000)
        host.a_second_later()
        host.sure()
os.write(number, b"their own")
if kind in ("pipe", "connection"):
    os.set_blocking(reading, False)
    written = os.read(reading, 65536)
else:
    written = os.pread(theirs, 65536, 0)
assert b"their own" == written, written
assert os.path.sameopenfile(number, theirs)
host.end()
assert os.path.sameopenfile(number, theirs)
"""


@pytest.mark.parametrize("kind", ["file", "append", "pipe", "connection"])
def test_who_gets_our_number_gets_nothing_of_ours(tmp_path, kind, monkeypatch):
    """Not one byte, by no record, look, rotation or end; and it stays open, and theirs."""
    monkeypatch.chdir(tmp_path)
    ran = run(tmp_path, HEAD + TAKEN, kind)
    assert 100 == accounted(ran)["step"]
    whole(ran.captured)


FEW = """
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
host = Host()
host.event("before")
for flags in (os.O_CREAT, os.O_CREAT | os.O_APPEND):
    os.closerange(3, 65536)
    theirs = []
    try:
        while True:
            theirs.append(os.open(f"theirs {len(theirs)}", flags | os.O_WRONLY))
    except OSError:
        pass
    for _ in range(10):
        host.event("during")
        host.sure()
    assert [0] * 61 == [os.fstat(number).st_size for number in theirs]
    for number in theirs:
        os.write(number, b"")
        os.close(number)
    host.a_second_later()
    host.event("after")
    assert 0 == host.sure().pending
host.end()
"""


def test_a_host_that_takes_every_number(tmp_path, monkeypatch):
    """There is none for us: records wait until there is one, and its files stay its own."""
    monkeypatch.chdir(tmp_path)
    ran = run(tmp_path, HEAD + FEW)
    assert {"before": 1, "during": 20, "after": 2} == accounted(ran, stderr=ran.stderr)
    assert ran.stderr.count("\n") == 1
    assert "Too many open files" in ran.stderr
    whole(ran.captured)


CLOSED_AT_EACH_STEP = """
host = Host(segment_size=2000, busy=True)
files = 0
def close_all():
    global files
    numbers = our_descriptors()
    os.closerange(3, 65536)
    theirs = os.open("theirs", os.O_WRONLY | os.O_CREAT)
    for number in numbers:
        os.dup2(theirs, number)
steps = at_each_step(lambda: host.event("record", pad="x" * 100), WHERE(close_all))
assert steps > 100, steps
host.event("after")
host.end()
assert 0 == os.stat("theirs").st_size
"""


@pytest.mark.parametrize("where", ["here", pytest.param("elsewhere", marks=pytest.mark.soak)])
def test_closed_and_taken_at_every_step_of_a_record(tmp_path, where, monkeypatch):
    """By a signal's handler, or another thread: while we look, write, rotate, and open anew."""
    monkeypatch.chdir(tmp_path)
    what = "(lambda what: what)" if where == "here" else "elsewhere"
    ran = run(tmp_path, HEAD + CLOSED_AT_EACH_STEP.replace("WHERE", what))
    accounted(ran)
    whole(ran.captured)


DAEMON = """
host = Host(segment_size=SMALL)
host.event("before")
done, end = os.pipe()
out = os.dup(1)
if os.fork():
    os.close(end)
    os.read(done, 1)
    host.end()
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.dup2(end, 0), os.dup2(out, 1)
os.closerange(3, 65536)
theirs = [os.open(f"theirs {n}", os.O_WRONLY | os.O_CREAT) for n in range(100)]
host.made = []
with host.action("daemon"):
    for _ in range(100):
        host.event("step", pad="x" * 1000)
        host.sure()
assert {0} == {os.fstat(number).st_size for number in theirs}
os.dup2(theirs[0], 2)
host.end()
os._exit(0)
"""


def test_a_daemon_records_on(tmp_path, monkeypatch):
    """After two forks, with every descriptor closed, it has a segment of its own."""
    monkeypatch.chdir(tmp_path)
    ran = run(tmp_path, HEAD + DAEMON)
    assert {"before": 1, "daemon": 1, "step": 100} == accounted(ran)
    whole(ran.captured)


# -- stderr ----------------------------------------------------------------------------------------

CLOSED_STDERR = """
{how}
host = Host()
with host.action("action"):
    elsewhere(lambda: host.event("warned of"))()
host.client.record("no event")
host.made.append("no event")
host.end()
"""
CLOSINGS = {
    "number": "os.close(2)",
    "none": "sys.stderr = None",
    "pipe": "end, sys_end = os.pipe(); os.close(end); os.dup2(sys_end, 2)",
    "all": "out = os.dup(1); os.closerange(0, 3); os.dup2(out, 1)",
}


@pytest.mark.parametrize("how", CLOSINGS)
def test_without_stderr_nothing_is_said_and_all_is_recorded(tmp_path, how):
    """Closed in whatever way: a warning has nowhere to go."""
    source = HEAD + CLOSED_STDERR.format(how=CLOSINGS[how])
    ran = run(tmp_path, source, PYTHONUNBUFFERED="1")  # else Python minds it, at its end
    assert (0, "") == (ran.status, ran.stderr)
    assert {"action": 1, "warned of": 1} == accounted(ran, not_an_event=1)
    whole(ran.captured)


def test_the_hosts_file_that_became_number_2_gets_no_warning(tmp_path, monkeypatch):
    """Not one byte of ours is in it."""
    monkeypatch.chdir(tmp_path)
    closing = "os.close(2); assert 2 == os.open('theirs', os.O_WRONLY | os.O_CREAT)"
    ran = run(tmp_path, HEAD + CLOSED_STDERR.format(how=closing))
    assert {"action": 1, "warned of": 1} == accounted(ran, not_an_event=1)
    assert "" == (tmp_path / "theirs").read_text("utf-8")
