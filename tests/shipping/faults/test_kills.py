"""SIGKILL, damage and a full disk: each record whose call had returned arrives in the end."""

import os
import random
import signal

import pytest

from tests.shipping.faults.lab import BUSY, numbers
from tests.shipping.server import Server, answering, collecting

UNTIL_THE_KILL = """
ao.init(max_wait=0.05)
first, many = map(int, sys.argv[1:])
events(many, first)
say(returned=True)
asked()
"""
LEFT = """
ao.init(max_wait=0.05)
events(3000, pad="x" * 100)
"""


@pytest.mark.parametrize("posts", [0, 1], ids=["before a post", "after a post"])
def test_kill_right_after_the_last_call(lab, posts):
    """What waits in the journal of a killed process is shipped by another."""
    with Server(collecting()) as server:
        for number in range(3):
            program = lab.start(UNTIL_THE_KILL, server.url, 1000 * number, 1000)
            assert program.said("returned")
            server.sees(lambda: len(server.requests) >= posts)
            program.kill().end(-signal.SIGKILL)
        lab.ship(server.url)
    assert list(range(3000)) == numbers(server)
    assert [] == lab.segments()


class Killing:
    """A collector that kills who sends, at a moment of its choice around the commit."""

    def __init__(self, seed, kills=0):
        self.chance = random.Random(seed)
        self.left = kills
        self.victim = None
        self.collect = collecting()

    def __call__(self, request):
        moment = self.chance.choice(["early", "committed", "answered", "later"])
        if not self.left or moment == "later":
            return self.collect(request)
        self.left -= 1
        if moment == "early":
            request.file.read(self.chance.randrange(100))
        if moment == "committed":
            request.send = lambda _: None
        if moment != "early":
            self.collect(request)
        os.kill(self.victim.pid, signal.SIGKILL)
        return False


def test_kills_of_ship_around_each_answer(lab):
    """`agentlog ship` is killed before, at and after commits: in the end all is there, once."""
    kill = Killing(seed=7, kills=6)
    with Server(BUSY) as server:
        lab.run(LEFT, server.url)
        server.behaviours = [kill]
        while kill.left:
            kill.victim = lab.command(server.url, "ship")
            kill.victim.end(None)
        lab.ship(server.url)
    assert list(range(3000)) == numbers(server)
    assert [] == lab.segments()


RECORDS_ON = """
ao.init(max_wait=0.02)
first = int(sys.argv[1])
for n in range(first, first + 1000):
    events(1, n)
    say(returned=n)
    time.sleep(0.005)
"""


def test_kills_of_a_processs_own_shipper(lab):
    """So too of processes that record on while they ship, of their own and what others left."""
    kill, told = Killing(seed=3), set()
    with Server(kill) as server:
        for first in range(0, 5000, 1000):
            kill.left = 1
            kill.victim = lab.start(RECORDS_ON, server.url, first)
            kill.victim.end(-signal.SIGKILL)
            told.update(kill.victim.all_said("returned"))
        lab.ship(server.url)
    assert set(numbers(server)) >= told
    assert len(told) > 5


CURSORS = [b"", b'{"offset": 1', b"\0" * 50, b"[]", b'{"offset": -5}', b"[" * 100_000]
SHIPPED = """
ao.init(max_wait=0.05)
events(500)
flush(20)
events(500, 500)
say(returned=True)
asked()
"""


def test_a_cursor_that_is_cut_short_or_damaged_means_starting_over(lab):
    """Whatever is in it, and if it is gone: what was sent already is sent again, and once there."""
    with Server(collecting()) as server:
        program = lab.start(SHIPPED, server.url)
        assert {"delivered": 501} == program.said("flush")
        assert program.said("returned")
        program.kill().end(-signal.SIGKILL)
        (segment,) = lab.segments()
        text = segment.path.read_bytes()
        assert list(range(500)) == numbers(server)[:500]
        for cursor in CURSORS:
            segment.path.write_bytes(text)
            segment.path.with_suffix(".cursor").write_bytes(cursor)
            server.records.clear()
            lab.ship(server.url)
            assert list(range(1000)) == numbers(server)


JUNK = [
    b"garbage", b"[1,2]", b'"text"', b"null", b'{"events":[]}]}',
    b"\xff\xfe", b"{" * 5000, b"{" * 5000 + b"}", b'{"a":NaN}x',
]  # fmt: skip


def test_a_damaged_segment(lab):
    """Lines that are whole arrive; the others are set aside, and told of by `doctor`."""
    with Server(BUSY) as server:
        lab.run(LEFT, server.url)
        (segment,) = lab.segments()
        lines = segment.path.read_bytes().splitlines()
        damaged = next(index for index, line in enumerate(lines) if b'"n":500,' in line)
        lines[damaged : damaged + 1] = [lines[damaged].replace(b":", b"\0\xff"), *JUNK]
        segment.path.write_bytes(b"\n".join(lines) + b'\n{"id": "0123456789abcdef", "sess')
        server.behaviours = [parsing]
        before = len(server.requests)
        lab.ship(server.url)
        doctor = lab.command(server.url, "doctor").end(None)
    assert [n for n in range(3000) if n != 500] == numbers(server)
    assert 60 >= len(server.requests) - before
    assert f"{len(JUNK) + 2} lines set aside as damaged" in doctor.text


def parsing(request):
    """Be a collector who refuses what is no JSON."""
    try:
        collecting()(request)
    except ValueError:
        answering(400, b"no JSON")(request)


ON_A_FULL_DISK = """
from tests.faults.disks import Disk
try:
    disk = Disk()
except SystemExit:
    say(full="may not mount a disk")
    raise
ao.init(max_wait=0.05)
events(100, pad="x" * 1000)
flush(0.3)
disk.full()
say(full="")
asked()
flush(20)
events(900, 100, pad="x" * 1000)
say(more=figures(ao.stats()))
disk.mend("full")
flush(20)
"""


def test_a_full_disk(lab):
    """What is on it arrives while it is full; what waits in memory, when there is room again."""
    with Server(answering(503)) as server:
        home = lab.directory / "disk" / "home"
        program = lab.start(ON_A_FULL_DISK, server.url, AGENTLOG_HOME=str(home))
        if why := program.said("full"):
            pytest.skip(why)
        server.behaviours = [collecting()]
        program.tell().end(stderr=None)
    assert [{"pending": 101}, {"delivered": 101}, {"delivered": 1001}] == program.all_said("flush")
    (more,) = program.all_said("more")
    assert 1001 == more["delivered"] + more["pending"]
    assert 800 < more["pending"] <= 900  # a segment that was shipped leaves room for a few
    assert list(range(1000)) == numbers(server)
    (warning,) = program.stderr.splitlines()
    assert warning.startswith(f"agentlog: cannot write to {home}")
