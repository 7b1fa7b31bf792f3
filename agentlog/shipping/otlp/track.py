"""Where the lines stood that a machine was given: what it has of a segment is a text of its own.

A line of the segment is an event there, which may be longer. The rule of this file: the segment is
settled up to the first of them that is not.
"""

from bisect import bisect_left
from collections import deque

from agentlog.shipping.otlp.opens import Place


class Track:
    """What was read of one segment and is not settled yet, in its order.

    Attributes:
        size: Bytes of the lines that were handed over, with their newlines.

    """

    __slots__ = ("_waiting", "size")

    def __init__(self) -> None:
        self.size = 0
        self._waiting: deque[tuple[int, int, Place]] = deque()

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def hand_over(self, place: Place, line: bytes) -> None:
        """Take note of a line that was handed over, as `line`."""
        start = self.size
        self.size += len(line) + 1
        self._waiting.append((start, self.size, place))

    def place_of(self, start: int) -> Place:
        """Return where a line stood that begins there for the machine, and is not settled."""
        return self._waiting[bisect_left(self._waiting, (start,))][2]

    def settle(self, offset: int) -> list[Place]:
        """Return where the lines stood that the machine says are settled, up to an offset."""
        places = []
        while self._waiting and self._waiting[0][1] <= offset:
            places.append(self._waiting.popleft()[2])
        return places
