"""The pen of this process: appends lines to a journal, without a lock and without raising.

One line is one `os.write`, and the descriptor's number stays the same while the file behind it
rotates: the next segment is opened and `dup2`ed over it, so no thread ever holds one that is
closed. What may be done by one thread only (looking after the file) goes to the thread that takes
the turn, an item popped from a list; what is made once (the next pen) is published in one step, and
who comes second throws its own away. A forked child gets a pen of its own.

Once a second the writer looks after its file: closed or taken under us, removed with its directory,
at the journal's limit. While it cannot write, lines wait in memory, the oldest giving way. Every
record is counted once: written, waiting, or dropped with a reason.

The counters are plain `+=`: CPython switches threads only at calls and backward jumps, and an
addition to a slot, or to an item of a dict, has neither in it.
"""

import errno
import os
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from os import write
from pathlib import Path

from agentlog import journal
from agentlog.errors import warn
from agentlog.recording.encode import without_payload
from agentlog.recording.pen import Pen, Process, close_inherited
from agentlog.recording.walk import mend

RING_SIZE = 8 << 20

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
        self._segment_size = segment_size
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
        except OSError:
            count = 0
        if count != len(line):
            if count:
                self._seal(process, pen)
            if count or not self._append(process, pen, line):
                self._keep(process, line)
            return
        process.written += 1
        pen.size += count
        if pen.size > pen.limit or now > process.look_at:
            self.look_after()

    def close(self) -> None:
        """Write what waits, and let go of the segment; a later line opens the next one."""
        process = self.process
        if not process.here[0]:
            return
        self.look_after()
        process.slow = True
        process.pen = None
        process.pens.clear()
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
            while process.ring and not process.broken and self._write_oldest(process):
                pass
        except OSError as error:
            self._break(process, error)
        finally:
            process.turn.append(True)

    def forget_parent(self) -> Process:
        """In a forked child: close what was inherited, and start with a process of our own."""
        inherited, self.process = self.process, Process()
        close_inherited([self.directory], [inherited.pen])
        return self.process

    # -- One line ----------------------------------------------------------------------------------

    def _append(self, process: Process, pen: Pen, line: bytes) -> bool:
        """Write a line, with another pen if this one was closed; say whether it is done."""
        for _ in range(_TRIES):
            try:
                count = write(pen.fd, line)
            except OSError as error:
                if error.errno != errno.EBADF:
                    self._break(process, error)
                    return False
                fresh = self._pen_after(process, pen.generation)
                if fresh is None:
                    return False
                pen = fresh
                continue
            if count != len(line):
                self._seal(process, pen)
                return False
            process.written += 1
            pen.size += count
            return True
        self._break(process, OSError(errno.EBADF, os.strerror(errno.EBADF)))
        return False

    def _seal(self, process: Process, pen: Pen) -> None:
        """End a line that was written in part, so that no other is joined to it."""
        pen.torn = True
        with suppress(OSError):  # the next line goes to a new segment in any case
            write(pen.fd, b"\n")
        self._break(process, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _write_slowly(self, line: bytes) -> None:
        """Write a line in a forked child, or when there is no pen, no room, or something wrong."""
        process = self.process
        if not process.here[0]:
            process = self.forget_parent()
        elif self.clock() > process.look_at:
            self.look_after()
        last, pen = process.last, process.pen
        if pen is None and not process.broken:
            pen = self._pen_after(process, last)
        if process.full:
            process.dropped["journal limit"] += 1
            return
        if process.broken or pen is None:
            self._keep(process, line)
            return
        if process.bare:
            line = without_payload(line)
        if not self._append(process, pen, line):
            self._keep(process, line)

    @staticmethod
    def _keep(process: Process, line: bytes) -> None:
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

    def _break(self, process: Process, error: OSError) -> None:
        process.broken = process.slow = True
        process.look_at = self.clock() + _LOOK_EVERY
        if not process.warned:
            process.warned = True
            warn(
                f"cannot write to {self.directory}: {error.strerror}. Records wait in memory, the "
                f"last {RING_SIZE >> 20} MiB of them, until it can be written again."
            )

    # -- The file ----------------------------------------------------------------------------------

    def _pen_after(self, process: Process, lost: int) -> Pen | None:
        """Return the pen that follows a generation of pens; None if none can be opened.

        Many threads may come here at once; the pen of the first is published for all of them.
        """
        generation = lost + 1
        pen = process.pens.get(generation)
        if pen is not None:
            return pen
        try:
            pen = self._new_pen(process, generation)
        except OSError as error:
            self._break(process, error)
            return None
        first = process.pens.setdefault(generation, pen)
        if first is not pen:
            pen.discard()
            return first
        pen.sure = process.written
        process.pen = pen
        process.last = generation  # in this order: who sees the generation sees the pen
        process.pens.pop(generation - _TRIES, None)
        self._look_for_room(process)
        return pen

    def _new_pen(self, process: Process, generation: int) -> Pen:
        number = next(process.numbers)
        fd = journal.create_segment(self.directory, process.owner, number)
        segment = journal.segment(self.directory, process.owner, number)
        return Pen(fd, segment, generation, self._segment_size)

    def _look_at_file(self, process: Process, pen: Pen) -> None:
        status = pen.status()
        if status is None:
            # The number is closed, or another file's: leave it alone.
            self._pen_after(process, pen.generation)
        elif status.st_nlink == 0:
            lost = process.written - pen.sure
            process.written -= lost
            process.dropped["journal removed"] += lost
            self._rotate(process, pen)
        elif pen.size > pen.limit:
            self._rotate_if_possible(process, pen)
        elif process.bare or process.full:
            self._look_for_room(process)
        pen.sure = process.written

    def _rotate_if_possible(self, process: Process, pen: Pen) -> None:
        """Go on with the next segment; where none can be opened, the full one takes some more."""
        try:
            self._rotate(process, pen)
        except OSError:
            pen.limit += self._segment_size // 8

    def _rotate(self, process: Process, pen: Pen) -> None:
        """Put the next segment under the same descriptor."""
        fresh = self._new_pen(process, pen.generation)
        if pen.status() is None:
            fresh.discard()
            return
        os.dup2(fresh.fd, pen.fd, inheritable=False)
        fresh.close()
        finished, pen.segment = pen.segment, fresh.segment
        pen.file, pen.size, pen.torn, pen.limit = fresh.file, 0, False, fresh.limit
        if finished.size == 0:
            journal.delete(finished)
        self._look_for_room(process)

    def _mend(self, process: Process) -> None:
        """Try to write again, into a new segment, so that no line stands behind a torn one."""
        pen = process.pen
        if pen is None or pen.status() is None:
            pen = self._pen_after(process, process.last)
        elif pen.size or pen.torn:
            self._rotate(process, pen)
        if pen is not None:
            process.broken = False
            while process.ring and self._write_oldest(process):
                pass
            self._look_for_room(process)

    def _write_oldest(self, process: Process) -> bool:
        """Write the line that waits longest; put it back if it cannot be written."""
        pen = process.pen
        if pen is None:
            return False
        process.in_hand = 1
        try:
            line = process.ring.popleft()
            size = len(line)
            process.ring_size -= size
            if self._append(process, pen, line):
                return True
            process.ring.appendleft(line)
            process.ring_size += size
        except IndexError:
            pass  # another thread's line pushed it out
        finally:
            process.in_hand = 0
        return False

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
            more = records - process.noted[reason]
            if more:
                if not journal.note_loss(self.directory, reason, more):
                    return  # the disk is still full; stats() has the number
                process.noted[reason] = records


def _forget_parents() -> None:
    writers = list(_writers)
    pens = [writer.process.pen for writer in writers]
    for writer in writers:
        writer.process = Process()
    close_inherited([writer.directory for writer in writers], pens)


os.register_at_fork(after_in_child=_forget_parents)
