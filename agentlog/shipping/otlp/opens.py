"""The open halves that wait for their close: where they stand, told by the journal itself.

A span goes out when its event has closed, so an open half is taken note of. Nothing is written for
that: what lies before the cursors is the note. The rules that keep it true, whoever
ships, and wherever one was killed:

* The segments of an owner are deleted in their order. So whatever has closed an event whose open
  half is still there is still there too.
* Before a segment is deleted, its open halves that wait go into the file `<owner>.open`, and those
  that have been closed leave it. It is replaced as a whole.
* That file alone, without a segment, is what a process has left that is gone: its events were
  interrupted. The time of the file is the last sign of life of its owner.
* The directory is listed once for all owners (`look`), as there may be thousands of them.
* What cannot be read just now is not taken for gone: then nothing is handed over, nor deleted.

What is settled here is known without reading it again, and what others have shipped meanwhile is
read on from there. Only where a segment of an owner is gone, and so that file may be another, the
owner is read anew.
"""

import errno
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from agentlog.journal import Segment, lines_at, listed
from agentlog.owner import is_of_this_process
from agentlog.shipping.files import replace
from agentlog.shipping.otlp.joining import Address, Half, half_of

_SUFFIX: Final = ".open"


class Place(NamedTuple):
    """Where a line stands.

    Attributes:
        segment: In which file.
        offset: From there on.
        end: Behind its newline.
        half: What it is of which event; None if it is no record.

    """

    segment: Segment
    offset: int
    end: int
    half: Half | None


@dataclass(slots=True)
class _Owner:
    """What is known of an owner up to the cursors of its segments."""

    is_current: bool = False
    """Whether nobody else can have moved them."""

    read: dict[Segment, int] = field(default_factory=dict)
    waiting: dict[Address, Place] = field(default_factory=dict)
    alone: dict[Address, Place] = field(default_factory=dict)
    """Close halves that came first."""

    carried: set[Segment] = field(default_factory=set)
    """Segments of which nothing is needed any more."""

    def take_in(self, place: Place) -> bool:
        """Take note of the next line; say whether it is of an open half that waits from now on."""
        half = place.half
        if half is None:
            return False
        if not half.is_open:
            if self.waiting.pop(half.address, None) is None and half.is_close:
                self.alone[half.address] = place
            return False
        if self.alone.pop(half.address, None) is not None:
            return False
        self.waiting[half.address] = place
        return True


class Opens:
    """Knows where the open halves of a destination are whose events have not closed.

    Args:
        directory: The destination.
        settled: Returns how far a segment is settled.
        seen: Called with the line of each open half that is come by.

    """

    def __init__(
        self, directory: Path, settled: Callable[[Segment], int], seen: Callable[[bytes], None]
    ) -> None:
        self._directory = directory
        self._settled = settled
        self._seen = seen
        self._owners: dict[str, _Owner] = {}
        self._there: dict[str, list[Segment]] | None = None
        self._taken: defaultdict[str, dict[Address, Place]] = defaultdict(dict)
        self._alone: defaultdict[str, dict[Address, Place]] = defaultdict(dict)

    def start_over(self) -> None:
        """Another shipper may have gone on."""
        self._there = None
        for known in self._owners.values():
            known.is_current = False
        self._taken.clear()
        self._alone.clear()

    def look(self) -> dict[str, list[Segment]]:
        """List the segments of all owners, until the next time. Raises OSError."""
        there: dict[str, list[Segment]] = {}
        for found in listed(self._directory):
            there.setdefault(found.owner, []).append(found)
        self._there = there
        return there

    def note(self, address: Address, place: Place) -> None:
        """Take note of an open half that was read just now."""
        self._taken[place.segment.owner][address] = place

    def note_alone(self, address: Address, place: Place) -> None:
        """Take note of a close half that was read just now, and whose open half is nowhere."""
        self._alone[place.segment.owner][address] = place

    def settle(self, places: Sequence[Place]) -> None:
        """Take note that the next lines of a segment are settled: they need not be read again."""
        segment, start, *_ = places[0]
        taken, alone = self._taken[segment.owner], self._alone[segment.owner]
        for place in places:
            if place.half is not None:
                (taken if place.half.is_open else alone).pop(place.half.address, None)
        known = self._owners.pop(segment.owner, None)
        if known is not None and known.read.get(segment, 0) == start:  # else it is read when asked
            for place in places:
                known.take_in(place)
            known.read[segment] = places[-1].end
            self._owners[segment.owner] = known

    def find(self, address: Address, owner: str) -> bytes | None:
        """Return the line of an open half of an owner, if it waits. Raises OSError."""
        place = self._taken[owner].get(address)
        if place is not None:
            return _line(address, place)
        return self._line_of(address, owner, lambda known: known.waiting)

    def find_alone(self, address: Address, owner: str) -> bytes | None:
        """Return the line of a close half of an owner that came before its open half.

        So it may be with lines that waited in memory for a full disk. Raises OSError.
        """
        place = self._alone[owner].get(address)
        if place is not None:
            return _line(address, place)
        return self._line_of(address, owner, lambda known: known.alone)

    def _line_of(
        self, address: Address, owner: str, of: Callable[[_Owner], dict[Address, Place]]
    ) -> bytes | None:
        """Return the line of a half; where that is not at its place, the owner is read anew."""
        place = of(self._known(owner)).get(address)
        if place is None:
            return None
        line = _line(address, place)
        if line is None:
            self._owners.pop(owner, None)
            place = of(self._known(owner)).get(address)
            line = place and _line(address, place)
        return line

    def _known(self, owner: str) -> _Owner:
        known = self._owners.get(owner)
        return known if known is not None and known.is_current else self._read_on(owner)

    # -- Deleting ----------------------------------------------------------------------------------

    def carry(self, segment: Segment) -> bool:
        """Keep what waits in a segment that is to be deleted; say whether it may be."""
        owner = segment.owner
        try:
            there = self._segments_of(owner)
            if segment not in there or any(one < segment for one in there):
                return False
            known = self._read_on(owner)
            known.waiting |= self._keep(segment, known.waiting)
        except OSError:
            self._owners.pop(owner, None)
            return False
        known.carried.add(segment)
        if there == [segment]:
            for kept in (self._owners, self._taken, self._alone):
                kept.pop(owner, None)
        return True

    def _keep(self, segment: Segment, waiting: dict[Address, Place]) -> dict[Address, Place]:
        """Keep what waits in a segment, or in the file already; return where. Raises OSError."""
        file = _file(self._directory, segment.owner)
        there = {one: place for one, place in waiting.items() if place.segment in (file, segment)}
        if not there:
            file.path.unlink(missing_ok=True)
            return {}
        moment, lines, kept, start = segment.path.stat().st_mtime_ns, list[bytes](), {}, 0
        for address, place in there.items():
            line = _line(address, place)
            if line is None:
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(place.segment.path))
            lines.append(line + b"\n")
            kept[address] = place._replace(segment=file, offset=start, end=start + len(lines[-1]))
            start += len(lines[-1])
        replace(file.path, b"".join(lines))
        os.utime(file.path, ns=(moment, moment))
        return kept

    # -- What processes have left that are gone ----------------------------------------------------

    def left(self) -> list[Segment]:
        """Return the files of owners that are gone, in the form of segments. Raises OSError."""
        there = self.look() if self._there is None else self._there
        gone = [file for file in files(self._directory) if file.owner not in there]
        return [file for file in gone if not is_of_this_process(file.owner)]

    def sent(self, file: Segment) -> None:
        """Delete such a file, of which all was sent. Raises OSError."""
        file.path.unlink(missing_ok=True)

    # -- Reading -----------------------------------------------------------------------------------

    def _segments_of(self, owner: str) -> list[Segment]:
        there = self.look() if self._there is None else self._there
        return [one for one in there.get(owner, ()) if one.path.exists()]

    def _read_on(self, owner: str) -> _Owner:
        """Read what has been settled of an owner since the last time; if that fails, all anew."""
        file = _file(self._directory, owner)
        ends = {segment: self._settled(segment) for segment in self._segments_of(owner)}
        known = self._owners.pop(owner, None) or _Owner()
        for segment in known.carried - ends.keys():
            del known.read[segment]
            known.carried.remove(segment)
            known.alone = {a: place for a, place in known.alone.items() if place.segment != segment}
        if not known.read or any(ends.get(one, -1) < at for one, at in known.read.items()):
            known = _Owner()
            self._take_in(known, file, 0, file.size)
        for segment, end in ends.items():
            self._take_in(known, segment, known.read.get(segment, 0), end)
            known.read[segment] = end
        known.is_current = True
        self._owners[owner] = known
        return known

    def _take_in(self, known: _Owner, segment: Segment, start: int, end: int) -> None:
        for place, line in _lines(segment, start, end):
            if known.take_in(place):
                self._seen(line)


def files(directory: Path) -> list[Segment]:
    """Return the files `<owner>.open` of a destination, in the form of segments."""
    return [_file(directory, path.stem) for path in sorted(directory.glob(f"*{_SUFFIX}"))]


def _file(directory: Path, owner: str) -> Segment:
    return Segment(owner, 0, directory / f"{owner}{_SUFFIX}")


def _lines(segment: Segment, start: int, end: int) -> Iterator[tuple[Place, bytes]]:
    """Yield the lines between two offsets, with their places. Raises OSError."""
    while start < end:
        lines, behind = lines_at(segment.path, start)
        if not lines:
            return
        for line in lines:
            place = Place(segment, start, start + len(line) + 1, half_of(line))
            if place.end > end:
                return
            yield place, line
            start = place.end
        start = behind


def _line(address: Address, place: Place) -> bytes | None:
    """Return the line at a place; None if it is no half of that event's. Raises OSError.

    Another shipper may have replaced the file, and have been hindered from deleting the segment.
    """
    lines, _ = lines_at(place.segment.path, place.offset, place.end - place.offset)
    half = half_of(lines[0]) if lines else None
    return lines[0] if half is not None and half.address == address else None
