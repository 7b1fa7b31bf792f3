"""What a program under a fault records with: it keeps an account of its own, and ends with it.

Programs import this; a test compares what they print at their end with what is in the journal.
"""

import contextlib
import json
import os
import time
from collections import Counter
from pathlib import Path

import agentlog as ao
from agentlog.recording.writer import Writer
from agentlog.testing import ManualClock

SMALL = 20_000
"""Bytes of a segment that is soon followed by the next."""


class Host:
    """A program with a session, and the names of the records that it has made.

    Its second passes when it says so: then agentlog looks after its file. With `busy`, it passes
    with every record; with another clock, when that says so.
    """

    def __init__(self, *, segment_size=None, busy=False, clock=None, **arguments):
        self.client = ao.init(**arguments)
        self.clock = ManualClock()
        self.client.use_clock(time.time, clock or (self._next_second if busy else self.clock.time))
        if segment_size:
            recorder = self.client._recorder
            directory, limit = recorder.writer.directory, recorder.writer.limit
            recorder.writer = Writer(
                directory, limit, segment_size=segment_size, clock=recorder.perf
            )
        self.made = []
        self._begin()

    def _begin(self):
        self.client.start_session()
        self.made.append("session")
        self.opened_by = os.getpid()

    def _next_second(self):
        self.clock.advance(1.01)
        return self.clock.time()

    def a_second_later(self):
        """Let the second pass after which agentlog looks after its file."""
        self.clock.advance(1.01)

    def event(self, name, **params):
        """Record an event."""
        self.client.record(ao.Event(name, params=params))
        self.made.append(name)

    @contextlib.contextmanager
    def action(self, name, **params):
        """Record an action."""
        with self.client.action(name, params=params) as action:
            self.made.append(name)
            yield action
        self.made.append("end")

    def sure(self):
        """Check that every record so far is accounted for."""
        stats = self.client.stats()
        assert len(self.made) == stats.accepted, (len(self.made), stats)
        return stats

    def child(self, work):
        """Fork; the child does the work, and ends with an account of its own. Return its pid."""
        pid = os.fork()
        if not pid:
            status = 1
            try:
                self.made = []
                work()
                self.end()
                status = 0
            finally:
                os._exit(status)
        return pid

    def end(self):
        """Close the client, and print both accounts."""
        self.client.close()
        if self.opened_by == os.getpid():
            self.made.append("end")
        stats = self.client.stats()
        account = {
            "made": Counter(self.made),
            "accepted": stats.accepted,
            "delivered": stats.delivered,
            "pending": stats.pending,
            "dropped": stats.reasons,
        }
        os.write(1, json.dumps(account).encode() + b"\n")


def joined(*children):
    """Wait for children, which end well."""
    for pid in children:
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def our_descriptors():
    """Return the numbers of the open segments of this process."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if "/journal/" in str(link.readlink()):
                found.append(int(link.name))
    return found
