"""How far each segment is done.

Records may be settled in any order, but a cursor can only say "everything before this offset". So
the ledger keeps what is settled further on, and moves the cursor when the gap closes. What is ahead
of the cursor when a process is killed is sent again, which does no harm; what is behind it is done.

Pure.
"""

from dataclasses import dataclass

from agentlog.journal import Segment


@dataclass(frozen=True, slots=True)
class Advance:
    """A segment is done up to an offset, and what became of its records since the last advance.

    Attributes:
        segment: The segment.
        offset: Everything before it is settled.
        delivered: Records that a receipt has accepted.
        quarantined: Records that the server has refused.
        damaged: Lines that are no records.

    """

    segment: Segment
    offset: int
    delivered: int = 0
    quarantined: int = 0
    damaged: int = 0

    def then(self, later: "Advance") -> "Advance":
        """Return both advances as one."""
        return Advance(
            self.segment,
            later.offset,
            self.delivered + later.delivered,
            self.quarantined + later.quarantined,
            self.damaged + later.damaged,
        )


class Ledger:
    """Keeps which parts of the segments are settled; a segment that is done is forgotten."""

    __slots__ = ("_ahead", "_cursors", "_ends", "_moved")

    def __init__(self) -> None:
        self._cursors: dict[Segment, int] = {}
        self._ends: dict[Segment, int] = {}
        self._ahead: dict[tuple[Segment, int], Advance] = {}
        self._moved: dict[Segment, Advance] = {}

    def expect(self, segment: Segment, start: int, size: int) -> None:
        """Take note of a part of a segment that is to be settled; it follows the one before."""
        if self._ends.setdefault(segment, start) != start:
            raise ValueError(f"{segment} goes on at {self._ends[segment]}, not at {start}")
        self._cursors.setdefault(segment, start)
        self._ends[segment] += size

    def settle(self, start: int, done: Advance) -> None:
        """Settle a part, once: from `start` up to the offset of `done`."""
        segment = done.segment
        self._ahead[segment, start] = done
        while step := self._ahead.pop((segment, self._cursors[segment]), None):
            before = self._moved.get(segment)
            self._moved[segment] = before.then(step) if before else step
            self._cursors[segment] = step.offset

    def advances(self) -> tuple[Advance, ...]:
        """Return how far the segments have come since the last time."""
        moved, self._moved = self._moved, {}
        for segment in moved:
            if self._cursors[segment] == self._ends[segment]:
                del self._cursors[segment], self._ends[segment]
        return tuple(moved.values())
