"""What a process writes with: its pen, an open segment, and the account of its records.

A descriptor is only a number, and others than its owner can close it or take it. So it is looked at
before it is replaced or closed: the file behind it has to be the one that was opened.
"""

import fcntl
import itertools
import os
import weakref
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from agentlog import journal
from agentlog.owner import new_owner
from agentlog.recording.forked import new_mark

FAR = 1 << 62
"""Where a write succeeds on Linux in a file that appends, at its end, and in hardly any other."""

_REASONS = (
    "journal limit",
    "journal removed",
    "not writable",
    "not an event",
    "recursion limit",
    "internal error",
)


class Pen:
    """An open segment: its descriptor, which file that is, and how much it holds.

    It is closed when nothing refers to it, by the next look. A thread that is about to write refers
    to it: were its number free by then, the line could land in a file of the next client, whose
    endpoint it must never reach. A number that was closed under us and comes back with another pen
    is no longer that of the first. A pen without a segment was closed before it was ever open.
    """

    __slots__ = ("__weakref__", "fd", "file", "limit", "next", "size", "sure", "torn")

    def __init__(self, fd: int = -1, file: journal.FileId | None = None, limit: int = 0) -> None:
        self.fd = fd
        self.file = file
        self.limit = limit  # bytes, from which on the next segment is due
        self.next: dict[str, Pen] = {}  # the pen that follows, by setdefault: one for all threads
        self.size = 0
        self.torn = False
        self.sure = 0  # of the records written, how many were in place when we last looked
        if file is not None:
            _keep_account(self, file)

    def status(self) -> os.stat_result | None:
        """Return the status of the file; None if the number is closed or another file's."""
        return journal.status_of(self.fd, self.file)

    def write(self, line: bytes) -> int:
        """Append what there is room for of a line. Raises OSError, `ClosedError` if it is one."""
        journal.check(self.fd, self.file)
        try:
            return os.pwrite(self.fd, line, FAR)
        except OSError:  # a full disk, or a system that writes just where it is told to
            journal.check(self.fd, self.file)
            return os.write(self.fd, line)


class _Open(weakref.ref[Pen]):
    """What is left of a pen when nothing refers to it: what has to be closed."""

    __slots__ = ("fd", "file")

    fd: int
    file: journal.FileId


_open: dict[int, _Open] = {}
_left: deque[Any] = deque()
"""Those that no thread holds any more.

They get in here by `deque.append` itself: in a `__del__`, or any other function of Python's that is
called then, Python would swallow what a signal handler of the host's raises.
"""


def _keep_account(pen: Pen, file: journal.FileId) -> None:
    """Remember what has to be closed one day; whose number this was, it is no longer."""
    before = _open.get(pen.fd)
    stale = before() if before else None
    if stale:
        stale.fd = -1
    one = _Open(pen, _left.append)
    one.fd, one.file = pen.fd, file
    _open[pen.fd] = one


def close_left() -> None:
    """Close the segments that no thread holds any more, where the numbers are still ours."""
    while _left:
        with suppress(IndexError, OSError):  # another thread may be at it
            one: _Open = _left.popleft()
            if _open.get(one.fd) is one:
                del _open[one.fd]
                if journal.status_of(one.fd, one.file) is not None:
                    os.close(one.fd)


class Process:
    """What one process has written, and with what; a forked child starts with a new one."""

    __slots__ = (
        "bare",
        "broken",
        "dropped",
        "full",
        "here",
        "in_hand",
        "look_at",
        "looking",
        "noted",
        "numbers",
        "owner",
        "pen",
        "ring",
        "ring_size",
        "slow",
        "warned",
        "written",
    )

    def __init__(self) -> None:
        self.here = new_mark()
        self.owner = new_owner()
        self.numbers = itertools.count(1)
        self.pen = Pen()
        self.looking = False  # a thread looks after the file
        self.look_at = 0.0
        self.slow = True  # one of the next three, or no pen yet
        self.broken = False  # lines cannot be written: they wait in the ring
        self.bare = False  # the journal is at its limit: nodes without payload
        self.full = False  # it is at twice its limit: nothing
        self.ring: deque[bytes] = deque()
        self.ring_size = 0
        self.in_hand = 0  # lines on their way from the ring to the disk
        self.written = 0
        self.dropped = dict.fromkeys(_REASONS, 0)
        self.noted = dict.fromkeys(_REASONS, 0)
        self.warned = False


def close_inherited(directories: Iterable[Path], pens: Iterable[Pen]) -> None:
    """Close the segments that this forked child got from its parent, which are the parent's.

    One may have been under way to its pen in another thread, so all descriptors are looked at.
    The lock stays the parent's: a descriptor is closed, and never unlocked.
    """
    try:
        inside = tuple(os.path.realpath(directory) + os.sep for directory in directories)
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are all we need
            with suppress(OSError):
                target = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115 - a text, to compare
                if (
                    target.startswith(inside)
                    and fcntl.fcntl(int(name), fcntl.F_GETFL) & os.O_APPEND
                ):
                    os.close(int(name))
    except OSError:  # no /proc
        for pen in pens:
            if pen.status() is not None:
                os.close(pen.fd)
