"""Lines that stand one behind the other, which are sent and settled together, or divided.

Pure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from agentlog.journal import Segment

Stretches = tuple["Stretch", ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive lines of a segment, without their newlines, and the offset of the first."""

    segment: Segment
    start: int
    lines: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes in the segment, newlines included."""
        return sum(map(len, self.lines)) + len(self.lines)

    def divided(self, count: int) -> tuple["Stretch", "Stretch"]:
        """Return the first `count` lines, and the others."""
        head = Stretch(self.segment, self.start, self.lines[:count])
        return head, Stretch(self.segment, self.start + head.size, self.lines[count:])


def lines_of(stretches: Stretches) -> tuple[bytes, ...]:
    """Return the lines of all the stretches."""
    return tuple(line for stretch in stretches for line in stretch.lines)


def count_of(stretches: Stretches) -> int:
    """Return how many lines there are."""
    return sum(len(stretch.lines) for stretch in stretches)


def divided(stretches: Stretches, count: int) -> tuple[Stretches, Stretches]:
    """Return the first `count` lines, and the others."""
    head: list[Stretch] = []
    for position, stretch in enumerate(stretches):
        if count >= len(stretch.lines):
            head.append(stretch)
            count -= len(stretch.lines)
            continue
        rest = stretches[position:]
        if count:
            first, second = stretch.divided(count)
            head.append(first)
            rest = (second, *rest[1:])
        return tuple(head), rest
    return tuple(head), ()


def fitting(lines: Sequence[bytes], most: int, size: int) -> int:
    """Return how many of the lines fit: at most so many, in so many bytes with their newlines."""
    return sum(total <= size for total in accumulate(len(line) + 1 for line in lines[:most]))


def runs(stretch: Stretch, good: Callable[[bytes], bool]) -> list[tuple[Stretch, bool]]:
    """Divide it into runs of good lines, and single lines that are not; say which is which."""
    found: list[tuple[Stretch, bool]] = []
    start = stretch.start
    for are_good, run in groupby(stretch.lines, good):
        for lines in [tuple(run)] if are_good else [(line,) for line in run]:
            piece = Stretch(stretch.segment, start, lines)
            found.append((piece, are_good))
            start += piece.size
    return found
