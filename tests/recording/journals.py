"""What the tests of recording share: records read back from a real journal, and real faults."""

import contextlib
import json
import os
import resource
import sys
import warnings
from pathlib import Path

from agentlog import Client, Event, journal

REPOSITORY = Path(__file__).parents[2]
CORPORA = REPOSITORY.parent / "shared" / "corpora"
MOST_OF_A_LINE = (1 << 20) + (64 << 10)
"""Bytes that a line may have, whatever is recorded."""


class Tape:
    """A client of its own, whose records are read back as they are written.

    It is made once for many examples, so that property tests cost one line each.
    """

    def __init__(self, home, **arguments):
        self.client = Client(home=home, **arguments)
        self._offsets = {}
        self.line(Event("begin"))

    def line(self, event):
        """Record an event, and return the bytes of its line."""
        self.client.record(event)
        return self.lines()[-1]

    def record(self, event):
        """Record an event, and return its record, read as strictly as JSON can be."""
        return strict(self.line(event))

    def param(self, value):
        """Record a value as a parameter, and return what was written for it."""
        return self.record(Event("x", params={"value": value}))["params"]["value"]

    def returned(self, value):
        """Record a value as what an action returns, and return what was written for it."""
        with self.client.action("x") as action:
            action.returns = value
        return strict(self.lines()[-1])["returns"]

    def lines(self):
        """Return the lines that were written since the last time."""
        found = []
        for directory in journal.destinations(self.client.settings.home):
            for segment in journal.segments(directory):
                while True:
                    offset = self._offsets.get(segment.path, 0)
                    lines, self._offsets[segment.path] = journal.read_lines(segment.path, offset)
                    if not lines:
                        break
                    found += lines
        return found


def strict(line):
    """Parse a line as a strict reader does: UTF-8, no NaN, no lone surrogate, no key twice."""

    def refuse(constant):
        raise ValueError(constant)

    def once(pairs):
        keys = [key for key, _ in pairs]
        assert len(set(keys)) == len(keys), f"a key stands twice in {keys}"
        return dict(pairs)

    record = json.loads(line.decode(), parse_constant=refuse, object_pairs_hook=once)
    json.dumps(record, ensure_ascii=False).encode()
    return record


def written(directory):
    """Return all whole lines of a destination, segment by segment."""
    return [
        line
        for segment in journal.segments(directory)
        for line in segment.path.read_bytes().split(b"\n")[:-1]
    ]


@contextlib.contextmanager
def file_size_limit(size):
    """Let no file of this process grow beyond a size, as a quota does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def umask(mask):
    """Run under a umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def busy_switching():
    """Let threads take turns as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextlib.contextmanager
def warned():
    """Collect the warnings of a block, every one of them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught
