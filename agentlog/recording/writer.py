"""The pen of this process: appends lines to a journal, without a lock and without raising.

One line is one write, and a pen closes when no thread holds it any more. What may be done by one
thread only (looking after the file) goes to the first that comes by; what is made once (the next
pen) is published in one step, and who comes second lets its own go. A forked child gets a pen of
its own.

A descriptor may be closed under us and its number be a file, a pipe or a socket of the host's when
we write. So a segment is opened to append and not to block, as hardly a file of the host's is, and
is written at a place where only what appends can be: two looks that the system takes for us. What
they refuse is written by `Pen.write`, which looks for itself.

Once a second the writer looks after its file: closed or taken under us, removed with its directory,
at the journal's limit. While it cannot write, lines wait in memory, the oldest giving way. Every
record is counted once: written, waiting, or dropped with a reason.

The counters are plain `+=`, and who looks after the file says so in a plain attribute: CPython
switches threads, and lets signal handlers in, only at calls and backward jumps, and neither is in
an addition to a slot or between a look at an attribute and its change.
"""

import errno
import math
import os
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from os import get_blocking, pwrite
from pathlib import Path

from agentlog import journal, losses
from agentlog.errors import warn
from agentlog.recording.encode import without_payload
from agentlog.recording.pen import FAR, Pen, Process, close_inherited, close_left
from agentlog.recording.redact import without_secrets
from agentlog.recording.walk import mend

RING_SIZE = 8 << 20

_LEAST_SEGMENT = 64 << 10
_LOOK_EVERY = 1.0
_TRIES = 3

_writers: "weakref.WeakSet[Writer]" = weakref.WeakSet()


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
        self.clock = clock
        self.notify: Callable[[], None] = _nobody
        """Called after a record was written: now and then, and for the next one after `listen`."""
        self._segment_size = min(segment_size, max(limit // 16, _LEAST_SEGMENT))
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
        if process.slow or not process.here[0]:
            self._write_slowly(line)
            return
        try:
            count = 0 if get_blocking(pen.fd) else pwrite(pen.fd, line, FAR)
        except OSError:
            count = 0
        if count != len(line):
            if count:
                self._seal(process, pen)
            if count or not self._append(process, pen, line):
                self._keep(process, line)
            self.notify()
            return
        process.written += 1
        pen.size += count
        if pen.size > pen.limit or now > process.look_at:
            with suppress(RecursionError):  # the record is written: the next one looks
                try:
                    self.look_after()
                finally:  # who asked for the next record by `listen` will not be asked again
                    self.notify()

    def listen(self) -> None:
        """Have the next record call `notify`."""
        self.process.look_at = -math.inf

    def close(self) -> None:
        """Write what waits, and let go of the segment; a later line opens the next one."""
        process = self.process
        if not process.here[0]:
            return
        self.look_after()
        if process.ring:  # who is looking may be a daemon thread, which an exit stops for ever
            self._look(process)
        process.pen = Pen()
        close_left()
        self._note_losses(process)

    def drop(self, reason: str) -> None:
        """Count a record that is lost, for one of the known reasons."""
        self.process.dropped[reason] += 1

    def counts(self) -> tuple[int, int, dict[str, int]]:
        """Return the records written, those that wait in memory, and those dropped, by reason."""
        process = self.process
        if not process.here[0]:
            process = self.forget_parent()
        dropped = {reason: records for reason, records in process.dropped.items() if records}
        return process.written, len(process.ring) + process.in_hand, dropped

    def look_after(self) -> None:
        """Look after the file, if no other thread is at it: write what waits, mend, rotate."""
        process = self.process
        if not process.here[0]:
            return
        others = True
        try:
            others, process.looking = process.looking, True
            if not others:
                self._look(process)
        finally:
            if not others:
                process.looking = False

    def _look(self, process: Process) -> None:
        try:
            close_left()
            process.look_at = self.clock() + _LOOK_EVERY
            if process.broken:
                self._mend(process)
            elif process.pen.fd >= 0:
                self._look_at_file(process, process.pen)
            while process.ring and not process.broken and self._write_oldest(process):
                pass
        except OSError as error:
            self._break(process, error)

    def forget_parent(self) -> Process:
        """In a forked child: close what was inherited, and start with a process of our own."""
        inherited, self.process = self.process, Process()
        close_inherited([self.directory], [inherited.pen])
        return self.process

    # -- One line ----------------------------------------------------------------------------------

    def _append(self, process: Process, pen: Pen, line: bytes) -> bool:
        """Write a line, with the next pen if this one was closed; say whether it is done."""
        try:
            for _ in range(_TRIES):
                try:
                    count = pen.write(line)
                    break
                except journal.ClosedError:
                    with suppress(journal.ClosedError):
                        pen = self._pen_after(process, pen)
            else:
                raise journal.ClosedError
        except OSError as error:
            self._break(process, error)
            return False
        if count != len(line):
            self._seal(process, pen)
            return False
        process.written += 1
        pen.size += count
        return True

    def _seal(self, process: Process, pen: Pen) -> None:
        """End a line that was written in part, so that no other is joined to it."""
        pen.torn = True
        with suppress(OSError):  # the next line goes to a new segment in any case
            pen.write(b"\n")
        self._break(process, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _write_slowly(self, line: bytes) -> None:
        """Write a line in a forked child, or when there is no pen, no room, or something wrong."""
        process = self.process
        if not process.here[0]:
            process = self.forget_parent()
        elif process.pen.size > process.pen.limit or self.clock() > process.look_at:
            self.look_after()
        if process.pen.fd < 0 and not process.broken:
            try:
                self._pen_after(process, process.pen)
            except OSError as error:
                self._break(process, error)
        if process.full:
            process.dropped["journal limit"] += 1
            return
        if process.bare:
            line = without_payload(line)
        if process.broken or not self._append(process, process.pen, line):
            self._keep(process, line)
        self.notify()

    def _keep(self, process: Process, line: bytes) -> None:
        """Keep a line in memory until it can be written; the oldest give way."""
        size = len(line)
        process.ring.append(line)
        process.ring_size += size
        while process.ring_size > RING_SIZE:
            try:
                size = len(process.ring.popleft())
            except IndexError:
                return
            process.ring_size -= size
            process.dropped["not writable"] += 1
        if not process.broken:  # it was mended meanwhile
            self.look_after()

    def _break(self, process: Process, error: OSError) -> None:
        process.broken = process.slow = True
        process.look_at = self.clock() + _LOOK_EVERY
        if not process.warned:
            process.warned = True
            where = without_secrets(str(self.directory))
            warn(
                f"cannot write to {where}: {error.strerror}. Records wait in memory, the last "
                f"{RING_SIZE >> 20} MiB of them, until it can be written again."
            )

    # -- The file ----------------------------------------------------------------------------------

    def _pen_after(self, process: Process, pen: Pen) -> Pen:
        """Return the pen that follows another. Raises OSError if none can be opened.

        Many threads may come here at once; the pen of the first is published for all of them. The
        segments of the others stay: who holds a number that was closed may have written into one.
        """
        following = pen.next.get("")
        if following is None:
            number = next(process.numbers)
            opened = journal.create_segment(self.directory, process.owner, number)
            fresh = Pen(*opened, self._segment_size)
            fresh.sure = process.written
            following = pen.next.setdefault("", fresh)
        while following.next:
            following = following.next[""]
        process.pen = following
        if following.size == 0:
            self._look_for_room(process)
        return following

    def _look_at_file(self, process: Process, pen: Pen) -> None:
        status = pen.status()
        if status is None:
            self._pen_after(process, pen)
        elif status.st_nlink == 0:
            lost = process.written - pen.sure
            process.written -= lost
            process.dropped["journal removed"] += lost
            self._pen_after(process, pen)
        elif pen.size > pen.limit:
            try:
                self._pen_after(process, pen)
            except OSError:  # the full one takes some more
                pen.limit += self._segment_size // 8
        elif process.bare or process.full:
            self._look_for_room(process)
        pen.sure = process.written

    def _mend(self, process: Process) -> None:
        """Try to write again, into a new segment, so that no line stands behind a torn one."""
        pen = process.pen
        if pen.status() is None or pen.size or pen.torn:
            self._pen_after(process, pen)
        process.broken = False
        while process.ring and self._write_oldest(process):
            pass
        self._look_for_room(process)

    def _write_oldest(self, process: Process) -> bool:
        """Write the line that waits longest; put it back if it cannot be written."""
        process.in_hand += 1
        try:
            line = process.ring.popleft()
        except IndexError:
            process.in_hand -= 1
            return False  # another thread's line pushed it out
        process.ring_size -= len(line)
        done = False
        try:
            done = self._append(process, process.pen, line)
        finally:
            if not done:
                process.ring.appendleft(line)
                process.ring_size += len(line)
            process.in_hand -= 1
        return done

    def _look_for_room(self, process: Process) -> None:
        """Hold the journal to its limit: old runs go (of `local`), then payloads, then records."""
        size = journal.size_of(self.directory)
        if size >= self.limit and self.directory.name == journal.LOCAL:
            size = losses.make_room(self.directory, self.limit)
        process.bare = size >= self.limit
        process.full = size >= 2 * self.limit
        process.slow = process.broken or process.bare or process.full
        self._note_losses(process)

    def _note_losses(self, process: Process) -> None:
        """Keep on disk what was dropped since the last time, for `agentlog doctor`."""
        for reason, records in list(process.dropped.items()):
            more = records - process.noted[reason]
            if more:
                process.noted[reason] += more  # before it is: another thread may come by
                if not losses.note(self.directory, reason, more):
                    process.noted[reason] -= more
                    return  # the disk is still full; stats() has the number


def _nobody() -> None:
    """Nobody wants to know."""


def _forget_parents() -> None:
    writers = list(_writers)
    pens = [writer.process.pen for writer in writers]
    for writer in writers:
        writer.process = Process()
    close_inherited([writer.directory for writer in writers], pens)


os.register_at_fork(after_in_child=_forget_parents)
