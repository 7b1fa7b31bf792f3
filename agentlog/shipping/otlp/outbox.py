"""What lies in a destination of spans: halves of events are read, whole events are handed over.

The rules of this file:

* What the machine gets to send is whole: a close half joined with its open half. So all that it
  does (retry, bisect, strip, quarantine) it does with whole events; where these stood is known here
  (track.py).
* An open half is taken note of (opens.py). The machine gets `OPEN` for it, which is no span
  (transport.py): it is settled when a receiver has acknowledged the batch that this is in.
* A close half whose open half is nowhere goes alone, with what it knows.
* What a process has left open that is gone goes last, when all else of that process has been sent.

Reading, cursors, quarantine and deleting are those of any outbox.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from agentlog.journal import Segment, lines_at
from agentlog.shipping.cursors import Cursor
from agentlog.shipping.ledger import Advance
from agentlog.shipping.machine import Machine
from agentlog.shipping.otlp.joining import OPEN, Address, half_of, interrupted, joined
from agentlog.shipping.otlp.opens import Opens, Place
from agentlog.shipping.otlp.sessions import Sessions
from agentlog.shipping.otlp.track import Track
from agentlog.shipping.outbox import Outbox
from agentlog.shipping.steps import Refused, Settled

_READ_SIZE: Final = 16 << 10
"""Bytes of a segment that are read at once: each close half in it may bring a large open half."""

_TICK: Final = 0.01
"""Seconds that the time of a file may be behind the last write: it is that of a tick of the kernel,
and nothing that a process has left open ended before what it has closed.
"""


class SpanOutbox:
    """The events of one destination that are not settled.

    Args:
        directory: The destination.
        sessions: Is told of the sessions that are come by.

    """

    def __init__(self, directory: Path, sessions: Sessions) -> None:
        self._outbox = Outbox(directory, may_delete=self._may_delete)
        self._opens = Opens(directory, self._outbox.settled_of, sessions.see)
        self._sessions = sessions
        self._tracks: defaultdict[Segment, Track] = defaultdict(Track)
        self._read_of_left: dict[Segment, int] = {}
        self._sent_of_left: set[Segment] = set()

    @property
    def unsaved(self) -> dict[str, Cursor]:
        """Cursors that could not be written yet, by the stem of their segments' names."""
        return self._outbox.unsaved

    def start_over(self) -> None:
        """Forget what was read: another shipper may have settled it."""
        self._outbox.start_over()
        self._opens.start_over()
        self._tracks.clear()
        self._read_of_left.clear()
        self._sent_of_left.clear()

    # -- Reading -----------------------------------------------------------------------------------

    def fill(self, machine: Machine, own: str, others: frozenset[str]) -> int:
        """Hand the machine as many events as it takes; return the bytes read. Raises OSError."""
        self._opens.look()
        size = self._outbox.fill(_Intake(self, machine), own, others)
        left = () if size else self._opens.left()
        return size or sum(self._fill_from(machine, file) for file in left if machine.room)

    def take(
        self, machine: Machine, segment: Segment, start: int, lines: Sequence[bytes]
    ) -> Settled:
        """Hand over the lines of a segment: events that have closed are whole then.

        Raises OSError if something cannot be read just now; then nothing is handed over.
        """
        places, events, opened = list[Place](), list[bytes](), dict[Address, bytes]()
        for line in lines:
            place = Place(segment, start, start + len(line) + 1, half_of(line))
            events.append(self._event_of(place, line, opened))
            places.append(place)
            start = place.end
        track = self._tracks[segment]
        before = track.size
        for place, event in zip(places, events, strict=True):
            track.hand_over(place, event)
        return self._placed(machine.take(segment, before, events))

    def _event_of(self, place: Place, line: bytes, opened: dict[Address, bytes]) -> bytes:
        """Return all that is known of an event with this line."""
        half = place.half
        if half is not None and half.is_open:
            opened[half.address] = line
            return self._opened(half.address, place, line)
        if half is not None and half.is_close:
            return self._closed(half.address, place, opened.pop(half.address, None), line)
        self._sessions.see(line)
        return line

    def _opened(self, address: Address, place: Place, line: bytes) -> bytes:
        """Take note of an open half; if it was closed before, return all of the event."""
        self._sessions.see(line)
        last = self._opens.find_alone(address, place.segment.owner)
        if last is not None:
            return joined(line, last)
        self._opens.note(address, place)
        return OPEN

    def _closed(self, address: Address, place: Place, first: bytes | None, line: bytes) -> bytes:
        """Return all that is known of an event that has closed."""
        first = first or self._opens.find(address, place.segment.owner)
        if first is not None:
            return joined(first, line)
        self._opens.note_alone(address, place)
        return line

    def _fill_from(self, machine: Machine, file: Segment) -> int:
        """Hand over, of what a process has left that is gone, as much as there is room for."""
        start = begin = self._read_of_left.get(file, 0)
        gone_at = file.path.stat().st_mtime + _TICK
        track = self._tracks[file]
        while machine.room and (found := lines_at(file.path, start, _READ_SIZE))[0]:
            lines, _ = found
            before, cut = track.size, list[bytes]()
            for line in lines:
                self._sessions.see(line)
                cut.append(interrupted(line, gone_at))
                track.hand_over(Place(file, start, start + len(line) + 1, None), cut[-1])
                start += len(line) + 1
            self._read_of_left[file] = start
            self.settle(machine.take(file, before, cut))
        return start - begin

    # -- Settling ----------------------------------------------------------------------------------

    def settle(self, settled: Settled) -> None:
        """Write down what is settled. Raises OSError if it has to be tried again, by `go_on`."""
        placed = self._placed(settled)
        moved = {done.segment: done for done in placed.advances}
        files = moved.keys() & self._read_of_left.keys()
        self._sent_of_left.update(files)
        others = (done for done in placed.advances if done.segment not in files)
        self._outbox.settle(Settled(placed.refused, tuple(others)))
        self._delete_left()

    def _placed(self, settled: Settled) -> Settled:
        """Return what the machine has settled, by where that stood."""
        refused = []
        for one in settled.refused:
            place = self._tracks[one.segment].place_of(one.start)
            refused.append(Refused(place.segment, place.offset, one.line, one.why, one.damaged))
        return Settled(tuple(refused), tuple(map(self._moved, settled.advances)))

    def _moved(self, done: Advance) -> Advance:
        """Return how far a segment is settled by what the machine says."""
        places = self._tracks[done.segment].settle(done.offset)
        self._opens.settle(places)
        return replace(done, offset=places[-1].end)

    def go_on(self) -> None:
        """Write down what could not be written before. Raises OSError."""
        self._outbox.go_on()
        self._delete_left()

    def _delete_left(self) -> None:
        """Delete the files of who is gone of which all is settled. Raises OSError."""
        while self._sent_of_left:
            file = next(iter(self._sent_of_left))
            if self._tracks[file].is_settled and self._read_of_left[file] == file.size:
                self._opens.sent(file)
                del self._read_of_left[file], self._tracks[file]
            self._sent_of_left.discard(file)

    def save(self) -> bool:
        """Say whether nothing waits: no cursor to be written, nothing of who is gone."""
        self._opens.look()
        return self._outbox.save() and not self._opens.left()

    # -- Deleting ----------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Delete what is not needed any more. Raises OSError."""
        self._opens.look()
        self._outbox.sweep()

    def _may_delete(self, segment: Segment) -> bool:
        self._tracks.pop(segment, None)
        return self._opens.carry(segment)


class _Intake:
    """Stands between an outbox and the machine."""

    __slots__ = ("_machine", "_outbox")

    def __init__(self, outbox: SpanOutbox, machine: Machine) -> None:
        self._outbox = outbox
        self._machine = machine

    @property
    def room(self) -> int:
        return min(self._machine.room, _READ_SIZE)

    def take(self, segment: Segment, start: int, lines: Sequence[bytes]) -> Settled:
        return self._outbox.take(self._machine, segment, start, lines)
