"""What a machine holds, and what has become of it: each line is settled once, in one way.

A record is delivered or refused. A line that is no record is damaged, and an empty one is nobody's.
"""

import json

from agentlog.shipping.spans import Advance, Ledger, Span, Spans, runs
from agentlog.shipping.steps import Refused, Settled


class Account:
    """Keeps account of lines: `records` and `size` are what is held, in lines and bytes."""

    __slots__ = ("_ledger", "_refused", "records", "size")

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._refused: list[Refused] = []
        self.records = 0
        self.size = 0

    def take(self, span: Span) -> list[Span]:
        """Hold lines, and return those that may be records; the others are settled."""
        held: list[Span] = []
        for piece, whole in runs(span, _looks_whole):
            self._ledger.expect(piece.source, piece.start, piece.size)
            self.records += len(piece.lines)
            self.size += piece.size
            if whole:
                held.append(piece)
            else:
                self._settle_damaged(piece)
        return held

    def settle(self, span: Span, refused: dict[int, str], *, damaged: bool = False) -> None:
        """Settle a span: the lines in `refused`, by index, with a reason; the others delivered."""
        start = span.start
        for index, line in enumerate(span.lines):
            if index in refused:
                self._refused.append(Refused(span.source, start, line, refused[index], damaged))
            start += len(line) + 1
        kept = len(refused)
        done = Advance(
            span.source,
            start,
            delivered=len(span.lines) - kept,
            quarantined=0 if damaged else kept,
            damaged=kept if damaged else 0,
        )
        self._close(span, done)

    def without_damaged(self, spans: Spans) -> Spans:
        """Settle the lines that are no JSON objects; return the others."""
        good: list[Span] = []
        for span in spans:
            for piece, whole in runs(span, _is_object):
                if whole:
                    good.append(piece)
                else:
                    self._settle_damaged(piece)
        return tuple(good)

    def settled(self, why: str = "", warning: str = "") -> Settled:
        """Return what was settled since the last time."""
        refused, self._refused = self._refused, []
        return Settled(tuple(refused), self._ledger.advances(), why, warning)

    def _settle_damaged(self, span: Span) -> None:
        (line,) = span.lines
        if line:
            self.settle(span, {0: "damaged: the line is no JSON object"}, damaged=True)
        else:
            self._close(span, Advance(span.source, span.start + 1))

    def _close(self, span: Span, done: Advance) -> None:
        self._ledger.settle(span.start, done)
        self.records -= len(span.lines)
        self.size -= span.size


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


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode()), dict)
    except (ValueError, RecursionError):
        return False
