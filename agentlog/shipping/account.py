"""What a machine holds, and what has become of it: each line is settled once, in one way.

A record is delivered or refused. A line that is no record is damaged, and an empty one is nobody's.
"""

from agentlog.shipping.ledger import Advance, Ledger
from agentlog.shipping.objects import object_of
from agentlog.shipping.steps import Refused, Settled
from agentlog.shipping.stretch import Stretch, Stretches, runs


class Account:
    """Keeps account of lines: `records` and `size` are what is held, in lines and bytes."""

    __slots__ = ("_ledger", "_refused", "records", "size")

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._refused: list[Refused] = []
        self.records = 0
        self.size = 0

    def take(self, stretch: Stretch) -> list[Stretch]:
        """Hold lines, and return those that may be records; the others are settled."""
        held: list[Stretch] = []
        for piece, whole in runs(stretch, _looks_whole):
            self._ledger.expect(piece.segment, piece.start, piece.size)
            self.records += len(piece.lines)
            self.size += piece.size
            if whole:
                held.append(piece)
            else:
                self._settle_damaged(piece)
        return held

    def settle(self, stretch: Stretch, refused: dict[int, str], *, damaged: bool = False) -> None:
        """Settle lines: those in `refused`, by index, with a reason; the others are delivered."""
        start = stretch.start
        for index, line in enumerate(stretch.lines):
            if index in refused:
                self._refused.append(Refused(stretch.segment, start, line, refused[index], damaged))
            start += len(line) + 1
        kept = len(refused)
        done = Advance(
            stretch.segment,
            start,
            delivered=len(stretch.lines) - kept,
            quarantined=0 if damaged else kept,
            damaged=kept if damaged else 0,
        )
        self._close(stretch, done)

    def without_damaged(self, stretches: Stretches) -> Stretches:
        """Settle the lines that are no JSON objects; return the others."""
        good: list[Stretch] = []
        for stretch in stretches:
            for piece, whole in runs(stretch, lambda line: object_of(line) is not None):
                if whole:
                    good.append(piece)
                else:
                    self._settle_damaged(piece)
        return tuple(good)

    def settled(self, why: str = "", warning: str = "") -> Settled:
        """Return what was settled since the last time."""
        refused, self._refused = self._refused, []
        return Settled(tuple(refused), self._ledger.advances(), why, warning)

    def _settle_damaged(self, stretch: Stretch) -> None:
        (line,) = stretch.lines
        if line:
            self.settle(stretch, {0: "damaged: the line is no JSON object"}, damaged=True)
        else:
            self._close(stretch, Advance(stretch.segment, stretch.start + 1))

    def _close(self, stretch: Stretch, done: Advance) -> None:
        self._ledger.settle(stretch.start, done)
        self.records -= len(stretch.lines)
        self.size -= stretch.size


def _looks_whole(line: bytes) -> bool:
    """Say whether a line may be a record; a torn one, or one of junk, is seldom taken for whole."""
    return line.startswith(b"{") and line.endswith(b"}") and b"\0" not in line and _is_text(line)


def _is_text(line: bytes) -> bool:
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
