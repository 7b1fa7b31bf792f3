"""What is in quarantine, as a shipper sends it once more: it stands where an outbox does.

What is taken this time leaves the quarantine; what is refused again stays, with the new reason.
"""

import json
import time
from pathlib import Path
from typing import Final

from agentlog.journal import Segment
from agentlog.shipping import cursors, quarantine
from agentlog.shipping.machine import Machine
from agentlog.shipping.steps import Settled

_FEW: Final = 5000
_PART_OF_THE_TIME: Final = 10
"""Writing down what is left is to write all of it: with more than a few, a tenth of the time."""


class SecondTry:
    """The records in the quarantine of one destination."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._save_at = 0.0
        self.unsaved: dict[str, cursors.Cursor] = {}
        self.start_over()

    def start_over(self) -> None:
        """Read what is there: another shipper may have changed it."""
        self._entries: list[quarantine.Entry | None] = [*quarantine.entries(self._directory)]
        self._next = 0
        self._settled = 0

    def left(self) -> int:
        """Return how many records have not been tried."""
        records = sum(entry is None or entry.record is not None for entry in self._entries)
        return records - self._settled

    def fill(self, machine: Machine, _own: str, _others: frozenset[str]) -> int:
        """Hand the machine as many records as it takes; return their bytes. Raises OSError."""
        size = 0
        while machine.room and self._next < len(self._entries):
            number, self._next = self._next, self._next + 1
            entry = self._entries[number]
            if entry and entry.record is not None:
                line = json.dumps(entry.record).encode()
                size += len(line)
                self.settle(machine.take(self._as_segment(number), 0, [line]))
        return size

    def _as_segment(self, number: int) -> Segment:
        """Return what the machine knows an entry by: as there are lines of segments, it has one."""
        return Segment("", number, self._directory)

    def settle(self, settled: Settled) -> None:
        """Take note of what is settled. Raises OSError."""
        for refused in settled.refused:
            self._refuse(refused.segment.number, refused.why)
        for done in settled.advances:
            self._settled += 1
            if done.delivered:
                self._entries[done.segment.number] = None
        if settled.advances and (len(self._entries) < _FEW or time.monotonic() >= self._save_at):
            self.sweep()

    def _refuse(self, number: int, why: str) -> None:
        if entry := self._entries[number]:
            self._entries[number] = entry._replace(why=why, timestamp=time.time())

    def go_on(self) -> None:
        """Nothing waits to be written down."""

    def sweep(self) -> None:
        """Write down what is left. Raises OSError."""
        began = time.monotonic()
        quarantine.keep(self._directory, [entry for entry in self._entries if entry])
        ended = time.monotonic()
        self._save_at = ended + _PART_OF_THE_TIME * (ended - began)

    def save(self) -> bool:
        """Say whether all is written down."""
        return True
