"""The pen of this process: appends lines to a journal, without a lock and without raising.

One line is one `os.write`, and the descriptor's number stays the same while the file behind it
rotates: the next segment is opened and `dup2`ed over it, so no thread ever holds one that is
closed. What may be done by one thread only (rotating, looking after the file) goes to the thread
that takes the turn, an item popped from a list; what is made once (the pen of a new process) is
published in one step, and who comes second throws its own away. A forked child gets a pen of its
own.

Once a second the writer looks after its file: closed or taken under us, removed with its directory,
at the journal's limit. While it cannot write, lines wait in memory, the oldest giving way. Every
record is counted once: written, waiting, or dropped with a reason.

The counters are plain `+=`: CPython switches threads only between bytecodes that call or jump back,
of which an addition to a slot has none.
"""

import errno
import itertools
import os
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from os import write
from pathlib import Path

from agentlog import journal
from agentlog.errors import warn
from agentlog.recording.encode import without_payload
from agentlog.recording.forked import new_mark
from agentlog.recording.walk import mend

RING_SIZE = 8 << 20

_LOOK_EVERY = 1.0
_writers: "weakref.WeakSet[Writer]" = weakref.WeakSet()


class Pen:
    """An open segment: its descriptor, which file that is, and how much it holds."""

    __slots__ = ("fd", "inode", "segment", "size", "sure")

    def __init__(self, fd: int, segment: journal.Segment) -> None:
        self.fd = fd
        self.segment = segment
        self.inode = os.fstat(fd).st_ino
        self.size = 0
        self.sure = 0  # of the records written, how many were on disk when we last looked


class Process:
    """What one process has written, and with what; a forked child starts with a new one."""

    __slots__ = (
        "bare",
        "broken",
        "dropped",
        "full",
        "here",
        "look_at",
        "noted",
        "numbers",
        "owner",
        "pen",
        "published",
        "ring",
        "ring_size",
        "slow",
        "turn",
        "warned",
        "written",
    )

    def __init__(self) -> None:
        self.here = new_mark()
        self.owner = journal.new_owner()
        self.numbers = itertools.count(1)
        self.pen: Pen | None = None
        self.published: dict[int, Pen] = {}
        self.turn = [True]
        self.look_at = 0.0
        self.slow = True  # one of the next three, or no pen yet
        self.broken = False  # lines cannot be written: they wait in the ring
        self.bare = False  # the journal is at its limit: nodes without payload
        self.full = False  # it is at twice its limit: nothing
        self.ring: deque[bytes] = deque()
        self.ring_size = 0
        self.written = 0
        self.dropped: dict[str, int] = {}
        self.noted: dict[str, int] = {}
        self.warned = False


class Writer:
    """Writes the records of this process into the journal of one destination.

    Args:
        directory: The destination's directory; made when the first line is written.
        limit: Bytes that the destination's segments may have.
        segment_size: Bytes at which a segment is followed by the next.
        clock: Seconds that never go back, as `time.perf_counter` gives them.

    """

    def __init__(
        self,
        directory: Path,
        limit: int,
        *,
        segment_size: int = journal.SEGMENT_SIZE,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.directory = directory
        self.limit = limit
        self.process = Process()
        self._segment_size = segment_size
        self.clock = clock
        _writers.add(self)

    def write(self, record: str, now: float) -> None:
        """Append one record's line; when this returns, a kill of the process does not lose it.

        Args:
            record: The text of the line, with its newline.
            now: What `clock` says; the caller knows it already.

        """
        try:
            line = record.encode()
        except UnicodeEncodeError:
            line = mend(record).encode()
        process = self.process
        pen = process.pen
        if process.slow or pen is None or not process.here[0]:
            self._write_slowly(line)
            return
        try:
            count = write(pen.fd, line)
        except OSError as error:
            self._write_failed(process, pen, line, error)
            return
        if count != len(line):
            self._write_torn(process, pen, line)
            return
        process.written += 1
        pen.size += count
        if pen.size > self._segment_size or now > process.look_at:
            self._look_after(process)

    def close(self) -> None:
        """Write what waits, and let go of the segment; a later line opens the next one."""
        process = self.process
        if not process.here[0]:
            return
        self._look_after(process)
        pen, process.pen, process.slow = process.pen, None, True
        process.published = {}
        if pen is not None:
            _close(pen)
        self._note_losses(process)

    def look_after(self) -> None:
        """Look after the file now: write what waits, and find out whether it is still there."""
        if self.process.here[0]:
            self._look_after(self.process)

    def drop(self, reason: str, records: int = 1) -> None:
        """Count records that are lost."""
        self._drop(self.process, reason, records)

    def counts(self) -> tuple[int, int, dict[str, int]]:
        """Return the records written, those that wait in memory, and those dropped, by reason."""
        process = self.process
        if not process.here[0]:
            process = self.forget_parent()
        return process.written, len(process.ring), dict(process.dropped)

    def forget_parent(self) -> Process:
        """In a forked child: close what was inherited, and start with a process of our own."""
        inherited, self.process = self.process, Process()
        if inherited.pen is not None:
            _close(inherited.pen)
        return self.process

    # -- One line ----------------------------------------------------------------------------------

    def _append(self, process: Process, pen: Pen, line: bytes) -> None:
        """Write a line, as `write` does where all is well."""
        try:
            count = write(pen.fd, line)
        except OSError as error:
            self._write_failed(process, pen, line, error)
            return
        if count != len(line):
            self._write_torn(process, pen, line)
            return
        process.written += 1
        pen.size += count

    def _write_failed(self, process: Process, pen: Pen, line: bytes, error: OSError) -> None:
        """Open the file anew if it was closed under us, else keep the line."""
        if error.errno == errno.EBADF and self._open_pen(process, pen):
            fresh = process.pen
            if fresh is not None and fresh is not pen:
                self._append(process, fresh, line)
                return
        self._break(process, error)
        self._keep(process, line)

    def _write_torn(self, process: Process, pen: Pen, line: bytes) -> None:
        """End a line that was written in part, so that none is joined to it, and keep it."""
        with suppress(OSError):  # the next line goes to a new segment in any case
            write(pen.fd, b"\n")
        self._break(process, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        self._keep(process, line)

    def _write_slowly(self, line: bytes) -> None:
        """Write a line in a forked child, or when there is no pen, no room, or something wrong."""
        process = self.process
        if not process.here[0]:
            process = self.forget_parent()
        if process.pen is None and not process.broken:
            self._open_pen(process, None)
        elif self.clock() > process.look_at:
            self._look_after(process)
        if process.broken or process.pen is None:
            self._keep(process, line)
        elif process.full:
            self._drop(process, "journal limit", 1)
        else:
            self._append(process, process.pen, without_payload(line) if process.bare else line)

    def _keep(self, process: Process, line: bytes) -> None:
        """Keep a line in memory until it can be written; the oldest give way."""
        process.ring.append(line)
        process.ring_size += len(line)
        while process.ring_size > RING_SIZE and process.ring:
            try:
                process.ring_size -= len(process.ring.popleft())
            except IndexError:
                break
            self._drop(process, "not writable", 1)

    def _break(self, process: Process, error: OSError) -> None:
        process.broken = process.slow = True
        process.look_at = self.clock() + _LOOK_EVERY
        if not process.warned:
            process.warned = True
            warn(
                f"cannot write to {self.directory}: {error.strerror}. Records wait in memory, the "
                f"last {RING_SIZE >> 20} MiB of them, until it can be written again."
            )

    @staticmethod
    def _drop(process: Process, reason: str, records: int) -> None:
        process.dropped[reason] = process.dropped.get(reason, 0) + records

    # -- The file ----------------------------------------------------------------------------------

    def _open_pen(self, process: Process, lost: Pen | None) -> bool:
        """Open a segment in place of a lost pen (None: of none); say whether there is a pen."""
        if process.pen is not lost:
            return True
        try:
            number = next(process.numbers)
            pen = self._new_pen(process, number)
        except OSError as error:
            self._break(process, error)
            return False
        winner = process.published.setdefault(lost.segment.number if lost else 0, pen)
        if winner is pen:
            pen.sure = process.written
        else:
            _close(pen)
            journal.delete(pen.segment)
        process.pen = winner
        self._look_for_room(process)
        return True

    def _new_pen(self, process: Process, number: int) -> Pen:
        fd = journal.create_segment(self.directory, process.owner, number)
        return Pen(fd, journal.segment(self.directory, process.owner, number))

    def _look_after(self, process: Process) -> None:
        """Look after the file, if no other thread is at it."""
        try:
            process.turn.pop()
        except IndexError:
            return
        try:
            process.look_at = self.clock() + _LOOK_EVERY
            if process.broken:
                self._mend(process)
            elif process.pen is not None:
                self._look_at_file(process, process.pen)
        except OSError as error:
            self._break(process, error)
        finally:
            process.turn.append(True)

    def _look_at_file(self, process: Process, pen: Pen) -> None:
        status = _status(pen)
        if status is None:
            # The number is closed, or another file's: leave it alone.
            self._open_pen(process, pen)
        elif status.st_nlink == 0:
            self._rotate(process, pen)
            lost = process.written - pen.sure
            process.written -= lost
            self._drop(process, "journal removed", lost)
        elif pen.size > self._segment_size:
            self._rotate(process, pen)
        elif process.bare or process.full:
            self._look_for_room(process)
        pen.sure = process.written

    def _rotate(self, process: Process, pen: Pen) -> None:
        """Put the next segment under the same descriptor."""
        fresh = self._new_pen(process, next(process.numbers))
        if _status(pen) is None:
            _close(fresh)
            return
        os.dup2(fresh.fd, pen.fd, inheritable=False)
        os.close(fresh.fd)
        pen.segment, pen.inode, pen.size = fresh.segment, fresh.inode, 0
        self._look_for_room(process)

    def _mend(self, process: Process) -> None:
        """Try to write again, into a new segment, so that no line stands behind a torn one."""
        pen = process.pen
        if pen is None:
            if not self._open_pen(process, None):
                return
        else:
            self._rotate(process, pen)
        process.broken = False
        while process.ring and not process.broken:
            line = process.ring.popleft()
            process.ring_size -= len(line)
            self._append(process, process.pen, line)  # type: ignore[arg-type]
        self._look_for_room(process)

    def _look_for_room(self, process: Process) -> None:
        """Hold the journal to its limit: old runs go (of `local`), then payloads, then records."""
        size = journal.size_of(self.directory)
        if size >= self.limit and self.directory.name == journal.LOCAL:
            size = journal.make_room(self.directory, self.limit)
        process.bare = size >= self.limit
        process.full = size >= 2 * self.limit
        process.slow = process.broken or process.bare or process.full
        self._note_losses(process)

    def _note_losses(self, process: Process) -> None:
        """Keep on disk what was dropped since the last time, for `agentlog doctor`."""
        for reason, records in list(process.dropped.items()):
            more = records - process.noted.get(reason, 0)
            if more:
                try:
                    journal.note_loss(self.directory, reason, more)
                except OSError:
                    return  # the disk is still full; stats() has the number
                process.noted[reason] = records


def _status(pen: Pen) -> os.stat_result | None:
    """Return the status of the pen's file; None if its number is closed or another file's."""
    try:
        status = os.fstat(pen.fd)
    except OSError:
        return None
    return status if status.st_ino == pen.inode else None


def _close(pen: Pen) -> None:
    if _status(pen) is not None:
        os.close(pen.fd)


def _forget_parents() -> None:
    for writer in list(_writers):
        writer.forget_parent()


os.register_at_fork(after_in_child=_forget_parents)
