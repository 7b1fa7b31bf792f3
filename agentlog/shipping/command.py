"""What `agentlog ship` does: has a shipper at work until nothing is left, or nothing moves."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agentlog.journal import Segment, count_lines, end_of_lines, segments
from agentlog.shipping import cursors
from agentlog.shipping.shipper import Shipper

PATIENCE: Final = 30.0
"""Seconds without any progress after which it is given up."""

_LOOK_EVERY: Final = 0.1
_FOLLOW_EVERY: Final = 1.0


class Rest:
    """What is left of what was in a destination at one moment, whoever ships it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ends = {found: end_of_lines(found.path) for found in segments(directory)}

    def size(self) -> int:
        """Return the bytes that are not settled."""
        return sum(end - min(end, offset) for end, offset in self._cursors().values())

    def records(self) -> int:
        """Return the records that are not settled; it reads them all."""
        return sum(
            count_lines(segment.path, offset, end)
            for segment, (end, offset) in self._cursors().items()
        )

    def _cursors(self) -> dict[Segment, tuple[int, int]]:
        return {
            segment: (end, cursors.read(cursors.path_of(segment)).offset)
            for segment, end in self._ends.items()
            if segment.path.exists()
        }


def ship(
    shipper: Shipper,
    left: Callable[[], int],
    progress: Callable[[int], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Ship until nothing is left; say whether that was done before patience was at its end.

    Args:
        shipper: What ships.
        left: Returns how much is left, in whatever unit.
        progress: Called with that now and then.
        sleep: Waits for so many seconds.
        clock: Seconds that never go back.

    """
    least, receipts, looked_at = left(), 0, clock()
    moved_at = looked_at
    while True:
        pause = shipper.step(hurried=True)
        now = clock()
        if pause == 0 and now - looked_at < _LOOK_EVERY:
            continue
        rest, looked_at = left(), now
        progress(rest)
        if rest < least or receipts < shipper.receipts:
            least, receipts, moved_at = rest, shipper.receipts, now
        if rest == 0 or now - moved_at >= PATIENCE:
            return rest == 0
        sleep(min(pause, _LOOK_EVERY))


def follow(
    shipper: Shipper, tell: Callable[[str], None], *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Ship what is there and what comes, until somebody interrupts it.

    Args:
        shipper: What ships.
        tell: Called with what stands in the way, whenever that is another thing; empty if nothing.
        sleep: Waits for so many seconds.

    """
    told = ""
    while True:
        pause = shipper.step()
        if (trouble := shipper.status.trouble) != told:
            tell(trouble)
            told = trouble
        if pause > 0:
            sleep(min(pause, _FOLLOW_EVERY))
