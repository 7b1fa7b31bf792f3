"""Where records stand in their sources, and how far each source is done.

A source is whatever a cursor belongs to: a segment. Records may be settled in any order, but a
cursor can only say "everything before this offset". So the ledger keeps what is settled further on,
and moves the cursor when the gap closes. What is ahead of the cursor when a process is killed is
sent again, which does no harm; what is behind it is done.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import accumulate

Spans = tuple["Span", ...]


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive lines of a source, without their newlines, and the offset of the first."""

    source: Hashable
    start: int
    lines: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes in the source, newlines included."""
        return sum(map(len, self.lines)) + len(self.lines)

    def divided(self, count: int) -> tuple["Span", "Span"]:
        """Return the first `count` lines, and the others."""
        head = Span(self.source, self.start, self.lines[:count])
        return head, Span(self.source, self.start + head.size, self.lines[count:])


def lines_of(spans: Spans) -> tuple[bytes, ...]:
    """Return the lines of all the spans."""
    return tuple(line for span in spans for line in span.lines)


def count_of(spans: Spans) -> int:
    """Return how many lines there are."""
    return sum(len(span.lines) for span in spans)


def divided(spans: Spans, count: int) -> tuple[Spans, Spans]:
    """Return the first `count` lines, and the others."""
    head: list[Span] = []
    for position, span in enumerate(spans):
        if count >= len(span.lines):
            head.append(span)
            count -= len(span.lines)
            continue
        rest = spans[position:]
        if count:
            first, second = span.divided(count)
            head.append(first)
            rest = (second, *rest[1:])
        return tuple(head), rest
    return tuple(head), ()


def fitting(lines: Sequence[bytes], most: int, size: int) -> int:
    """Return how many of the lines fit: at most so many, in so many bytes with their newlines."""
    return sum(total <= size for total in accumulate(len(line) + 1 for line in lines[:most]))


@dataclass(frozen=True, slots=True)
class Advance:
    """A source is done up to an offset, and what became of its records since the last advance.

    Attributes:
        source: The source.
        offset: Everything before it is settled.
        delivered: Records that a receipt has accepted.
        quarantined: Records that the server has refused.
        damaged: Lines that are no records.

    """

    source: Hashable
    offset: int
    delivered: int = 0
    quarantined: int = 0
    damaged: int = 0

    def then(self, later: "Advance") -> "Advance":
        """Return both advances as one."""
        return Advance(
            self.source,
            later.offset,
            self.delivered + later.delivered,
            self.quarantined + later.quarantined,
            self.damaged + later.damaged,
        )


class Ledger:
    """Keeps which parts of the sources are settled; a source that is done is forgotten."""

    __slots__ = ("_ahead", "_cursors", "_ends", "_moved")

    def __init__(self) -> None:
        self._cursors: dict[Hashable, int] = {}
        self._ends: dict[Hashable, int] = {}
        self._ahead: dict[tuple[Hashable, int], Advance] = {}
        self._moved: dict[Hashable, Advance] = {}

    def expect(self, source: Hashable, start: int, size: int) -> None:
        """Take note of a part of a source that is to be settled; it follows the one before."""
        if self._ends.setdefault(source, start) != start:
            raise ValueError(f"{source} goes on at {self._ends[source]}, not at {start}")
        self._cursors.setdefault(source, start)
        self._ends[source] += size

    def settle(self, start: int, done: Advance) -> None:
        """Settle a part, once: from `start` up to the offset of `done`."""
        source = done.source
        self._ahead[source, start] = done
        while step := self._ahead.pop((source, self._cursors[source]), None):
            before = self._moved.get(source)
            self._moved[source] = before.then(step) if before else step
            self._cursors[source] = step.offset

    def advances(self) -> tuple[Advance, ...]:
        """Return how far the sources have come since the last time."""
        moved, self._moved = self._moved, {}
        for source in moved:
            if self._cursors[source] == self._ends[source]:
                del self._cursors[source], self._ends[source]
        return tuple(moved.values())


def runs(span: Span, good: Callable[[bytes], bool]) -> list[tuple[Span, bool]]:
    """Divide a span into runs of good lines, and single lines that are not; say which is which."""
    found: list[tuple[Span, bool]] = []
    start, run = span.start, list[bytes]()

    def end_run(lines: list[bytes], *, are_good: bool) -> None:
        nonlocal start
        if lines:
            piece = Span(span.source, start, tuple(lines))
            found.append((piece, are_good))
            start += piece.size

    for line in span.lines:
        if good(line):
            run.append(line)
            continue
        end_run(run, are_good=True)
        end_run([line], are_good=False)
        run = []
    end_run(run, are_good=True)
    return found
