"""What lies in a destination and is not settled: read from its segments, settled in its cursors.

The order of things, so that a kill at any moment loses nothing: what is refused goes into the
quarantine, then the cursor moves, then a segment is deleted of which nothing is left. Where a
cursor cannot be written (a full disk) it is remembered, while nobody else has the claim, and
sending goes on, as deleting is what makes room. What cannot be put into quarantine is not passed
over: nothing is sent until it can.

Only the shipper that has the claim to the destination uses it.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from agentlog.journal import READ_SIZE, Segment, delete, is_locked, listed, owners_alive, read_lines
from agentlog.shipping import cursors, quarantine
from agentlog.shipping.cursors import START, Cursor
from agentlog.shipping.steps import Refused, Settled

_TORN = "damaged: cut off, as its process ended while it was written"


class Taker(Protocol):
    """What lines are handed to: a `Machine`, or who stands before it."""

    @property
    def room(self) -> int:
        """Bytes of lines that it takes; 0 while it holds enough."""
        ...

    def take(self, segment: Segment, start: int, lines: Sequence[bytes], /) -> Settled:
        """Take lines that follow those before; return what is settled by that."""
        ...


class Outbox:
    """The unsettled lines of one destination.

    Args:
        directory: The destination.
        may_delete: Says, once nothing of a segment is unsettled, whether nobody else needs it.

    Attributes:
        unsaved: Cursors that could not be written yet, by the stem of their segments' names.

    """

    def __init__(
        self, directory: Path, *, may_delete: Callable[[Segment], bool] = lambda _: True
    ) -> None:
        self._directory = directory
        self._may_delete = may_delete
        self._read: dict[Segment, int] = {}
        self._cursors: dict[Segment, Cursor] = {}
        self._to_settle: list[Settled] = []
        self.unsaved: dict[str, Cursor] = {}

    def start_over(self) -> None:
        """Forget what was read: another shipper may have settled it."""
        self._read.clear()
        self._cursors.clear()
        self._to_settle.clear()
        self.unsaved.clear()

    # -- Reading -----------------------------------------------------------------------------------

    def fill(self, machine: Taker, own: str, others: frozenset[str]) -> int:
        """Hand the machine as many lines as it takes; return their bytes. Raises OSError.

        Args:
            machine: What decides about them.
            own: The owner whose lines go first; of the others the oldest go first.
            others: Owners whose lines are left to themselves.

        """
        size = 0
        if not machine.room:
            return size
        there = [found for found in listed(self._directory) if found.owner not in others]
        for segment in sorted(there, key=lambda found: found.owner != own):
            position = self._position(segment)
            while room := machine.room:
                lines, end = read_lines(segment.path, position, room)
                if not lines:
                    break
                settled = machine.take(segment, position, lines)
                size += end - position
                self._read[segment] = position = end
                self.settle(settled)
        return size

    def _position(self, segment: Segment) -> int:
        """Return where reading goes on."""
        position = self._read.get(segment)
        if position is None:
            self._cursors[segment] = cursor = cursors.start_of(segment)
            position = self._read[segment] = cursor.offset
        return position

    def settled_of(self, segment: Segment) -> int:
        """Return the offset before which all of a segment is settled."""
        self._position(segment)
        return self._cursors[segment].offset

    # -- Settling ----------------------------------------------------------------------------------

    def settle(self, settled: Settled) -> None:
        """Write down what is settled. Raises OSError if it has to be tried again, by `go_on`."""
        if settled.refused or settled.advances:
            self._to_settle.append(settled)
        self.go_on()

    def go_on(self) -> None:
        """Write down what could not be written before. Raises OSError."""
        while self._to_settle:
            settled = self._to_settle[0]
            if settled.refused:
                quarantine.add(self._directory, settled.refused)
            self._to_settle.pop(0)
            for done in settled.advances:
                self._advance(done.segment, self._cursors[done.segment].after(done))

    def save(self) -> bool:
        """Try once more to write the cursors that could not be written; say whether all are."""
        for stem, cursor in list(self.unsaved.items()):
            self._write(stem, cursor)
        return not self.unsaved

    def _advance(self, segment: Segment, cursor: Cursor) -> None:
        self._cursors[segment] = cursor
        self._write(segment.path.stem, cursor)

    def _write(self, stem: str, cursor: Cursor) -> None:
        try:
            cursors.write(self._directory / f"{stem}.cursor", cursor)
            self.unsaved.pop(stem, None)
        except OSError:
            self.unsaved[stem] = cursor

    # -- Deleting ----------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Delete what is not needed any more. Raises OSError.

        In a segment that nobody writes any more, also a last line that was cut off is settled: it
        is of a record whose call had not returned, or that stands elsewhere as well.
        """
        there = listed(self._directory)
        for segment in there:
            position = self._position(segment)
            if self._cursors[segment].offset != position:
                continue  # some of it is under way
            if segment.size < position:  # somebody cut it off: what comes there now is new
                self._read[segment], self._cursors[segment] = 0, START
            elif not is_locked(segment):
                tail = _tail(segment, position)
                if b"\n" in tail:
                    continue
                if tail:
                    self._set_aside(segment, tail)
                self._delete(segment)
        alive = owners_alive(self._directory)
        stems = {segment.path.stem for segment in there}
        cursors.forget_orphans(self._directory, stems, alive)

    def _set_aside(self, segment: Segment, tail: bytes) -> None:
        start, before = self._read[segment], self._cursors[segment]
        with suppress(OSError):  # a full disk, where deleting the segment makes room
            torn = Refused(segment, start, tail, _TORN, damaged=True)
            quarantine.add(self._directory, [torn])
        self._read[segment] = end = start + len(tail)
        self._cursors[segment] = cursor = before._replace(offset=end, damaged=before.damaged + 1)
        self._write(segment.path.stem, cursor)

    def _delete(self, segment: Segment) -> None:
        if self._may_delete(segment) and delete(segment):
            self._read.pop(segment, None)
            self._cursors.pop(segment, None)


def _tail(segment: Segment, start: int) -> bytes:
    """Return what stands behind an offset; a part of it if that has a newline. Raises OSError."""
    with segment.path.open("rb") as file:
        file.seek(start)
        beginning = file.read(READ_SIZE)
        return beginning if b"\n" in beginning else beginning + file.read()
