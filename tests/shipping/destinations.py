"""A destination on disk as others have left it, and a shipper whose clock is turned by hand."""

import json
import os
import signal
from contextlib import contextmanager

from agentlog import journal
from agentlog.journal import segment as name_of
from agentlog.owner import new_owner
from agentlog.shipping.shipper import NOTHING, Shipper
from agentlog.testing import ManualClock
from tests.shipping.driving import good, record, strip

GONE = "0193f2c1a2b3-4194305-9f8e7d6c"
"""An owner whose process cannot be there: Linux gives no such number."""
ANOTHER = "0193f2c1a2b4-4194306-00000000"


def text_of(lines):
    """Return lines as they stand in a segment."""
    return b"".join(line + b"\n" for line in lines)


def left(directory, lines, *, owner=GONE, number=1, tail=b""):
    """Leave a segment with these lines, and what was being written when the process ended."""
    directory.mkdir(parents=True, exist_ok=True)
    segment = name_of(directory, owner, number)
    segment.path.write_bytes(text_of(lines) + tail)
    return segment


@contextmanager
def written(directory, lines, *, number=1):
    """Give a segment of an owner that is alive."""
    owner = new_owner()
    fd, _ = journal.create_segment(directory, owner, number)
    segment = name_of(directory, owner, number)
    segment.path.write_bytes(text_of(lines))
    try:
        yield segment
    finally:
        os.close(fd)


def lay(path, kind, content):
    """Put a directory, a link in a circle or, for any other kind, a file of some content there."""
    if kind == "directory":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(path)
    else:
        path.write_bytes(content)


def records(count, start=0):
    """Return the lines of so many records."""
    return [record(start + number) for number in range(count)]


def names(directory):
    """Return the names of the files, but for the claim, the status and the cursors."""
    found = {path.name for path in directory.iterdir() if path.suffix != ".cursor"}
    return sorted(found - {"shipper", "status"})


@contextmanager
def in_time(seconds=5):
    """See that nothing is waited for that never comes."""

    def late(*_):
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Function:
    """What takes batches to a function: it answers, and nothing goes over a wire."""

    endpoint = "https://collector.example.com"

    def __init__(self, server=good):
        self.server = server
        self.requests = []

    def post(self, lines):
        """Have the function answer."""
        self.requests.append(lines)
        return self.server(lines)

    @property
    def ids(self):
        """The numbers of the records that were sent, in their order."""
        return [int(json.loads(line)["id"], 16) for lines in self.requests for line in lines]

    def close(self):
        """There is no connection."""


class Run:
    """A shipper by a clock that is turned to when it wants to go on."""

    def __init__(self, directory, server=good, **options):
        self.poster = Function(server) if callable(server) else server
        self.clock = ManualClock()
        self._began = self.clock.time()
        self.warnings = []
        self.shipper = Shipper(
            directory, self.poster, strip, self.warnings.append, clock=self.clock.time, **options
        )
        self.pauses = []

    @property
    def seconds(self):
        """How much time has passed."""
        return self.clock.time() - self._began

    def step(self, own="", **how):
        """Do one step, and let the time pass that it asks for; return that."""
        pause = self.shipper.step(own, **how)
        self.pauses.append(pause)
        if pause < NOTHING:
            self.clock.advance(pause + 0.001)
        return pause

    def steps(self, most=50, **how):
        """Go on until there is nothing to do, or for so many steps; return the last pause."""
        return next((pause for _ in range(most) if (pause := self.step(**how)) == NOTHING), None)
