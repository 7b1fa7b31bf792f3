"""Ships a destination, a step at a time: joins claim, outbox, machine and transport.

No thread and no sleeping in here: whoever calls `step` waits as long as it says. The thread of a
client does so (background.py), and `agentlog ship` (command.py).
"""

import math
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from agentlog.journal import owners_alive
from agentlog.shipping import status
from agentlog.shipping.claim import Claim
from agentlog.shipping.cursors import Cursor
from agentlog.shipping.limits import BATCH_SIZE
from agentlog.shipping.machine import BATCH_RECORDS, Machine
from agentlog.shipping.outbox import Outbox
from agentlog.shipping.policy import Answer
from agentlog.shipping.status import Status
from agentlog.shipping.steps import Send, Settled

AT_ONCE: Final = 0.0
NOTHING: Final = math.inf
"""Seconds until there is more to do, where nothing is left."""

_TRY_AGAIN: Final = 1.0
"""Seconds until what the disk refused is tried again."""

_SWEEP_EVERY: Final = 2.0
"""Seconds after which segments of which nothing is left are deleted, also while there is more."""

_STATUS_EVERY: Final = 1.0
"""Seconds between two notes that all is well."""


class Poster(Protocol):
    """What takes batches to a server: a `Transport`."""

    endpoint: str

    def post(self, lines: tuple[bytes, ...], /) -> Answer:
        """Send the lines as one batch; never raises."""
        ...

    def close(self) -> None:
        """Close the connection; never raises."""
        ...


class Source(Protocol):
    """Where the lines are from, and where it is written down what became of them: an `Outbox`."""

    @property
    def unsaved(self) -> dict[str, Cursor]:
        """Cursors that are not on disk, by the stem of their segments' names."""
        ...

    def start_over(self) -> None:
        """Forget what was read."""
        ...

    def fill(self, machine: Machine, own: str, others: frozenset[str], /) -> int:
        """Hand the machine lines, and return their bytes. Raises OSError."""
        ...

    def settle(self, settled: Settled) -> None:
        """Write down what is settled. Raises OSError."""
        ...

    def go_on(self) -> None:
        """Write down what could not be written before. Raises OSError."""
        ...

    def sweep(self) -> None:
        """Tidy up. Raises OSError."""
        ...

    def save(self) -> bool:
        """Try to write down what may wait; say whether nothing does."""
        ...


class Shipper:
    """Ships what lies in a destination, with whatever patience its server needs.

    Args:
        directory: The destination.
        transport: What takes batches to the server.
        strip: Takes the payload out of a record's line.
        warn: Called with what a person should know; once for each kind of it.
        source: Where the lines are from, if not from the segments of the destination.
        max_wait: Seconds that a record waits for others.
        batch_records: Records in a batch, at most.
        clock: Seconds that never go back.

    """

    def __init__(
        self,
        directory: Path,
        transport: Poster,
        strip: Callable[[bytes], bytes],
        warn: Callable[[str], None],
        *,
        source: Source | None = None,
        max_wait: float = 1.0,
        batch_records: int = BATCH_RECORDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._transport = transport
        self._warn = warn
        self._max_wait = max_wait
        self._clock = clock
        self._claim = Claim(directory)
        self._source: Source = source or Outbox(directory)
        self._machine = Machine(strip, batch_records=batch_records)
        self._fill_at = 0.0
        self._sweep_at = 0.0
        self._noted_at = -_STATUS_EVERY
        self._random = random.Random().random  # the host may have seeded the one of the module
        self._status = self._saved = Status()
        self.is_kept_out = False
        """Whether another shipper has the claim to the destination."""
        self.delivered = 0
        """Records that receipts have accepted since this shipper was made, up to the cursors."""
        self.receipts = 0
        """Batches that were acknowledged since then."""

    @property
    def unsaved(self) -> dict[str, Cursor]:
        """Cursors that are not on disk, as that is full, by the stem of their segments' names."""
        return self._source.unsaved

    @property
    def status(self) -> Status:
        """What the server said last."""
        return self._status

    def gather(self, seconds: float | None = None) -> None:
        """Give the records that are coming now time to wait for others: `max_wait`, or less."""
        self._fill_at = self._clock() + (self._max_wait if seconds is None else seconds)

    def step(self, own: str = "", *, hurried: bool = False, leaving: bool = False) -> float:
        """Do the next thing, a request at most; return the seconds until the next, or `NOTHING`.

        Args:
            own: The owner whose records go first.
            hurried: Whether somebody waits.
            leaving: Whether the records of other processes that are alive are left to them.

        """
        pause = _TRY_AGAIN
        try:
            self.is_kept_out = not self._claim.take()
            if self.is_kept_out:
                return self._max_wait
            if not self._claim.is_undisturbed():
                self._machine.forget()
                self._source.start_over()
                self._status = self._saved = status.read(self._directory)
            pause = self._step(own, hurried=hurried, leaving=leaving)
        except OSError as error:
            why = f"the journal cannot be written: {error.strerror}"
            self._note(Answer(failure=why), Settled())
        if pause > 0 and (self._machine.failures or not self._machine.records):
            self._claim.let_go()
        return pause

    def rest(self) -> None:
        """Close the connection; the next batch opens one."""
        self._transport.close()

    def close(self) -> None:
        """Let go of the destination."""
        if self._claim.held:
            with suppress(OSError):
                self._source.sweep()
        self._claim.let_go()

    def _step(self, own: str, *, hurried: bool, leaving: bool) -> float:
        machine = self._machine
        self._source.go_on()
        now = self._clock()
        if now >= self._sweep_at:
            self._source.sweep()
            self._sweep_at = now + _SWEEP_EVERY
        if hurried:
            machine.hurry()
        elif not machine.records and now < self._fill_at:
            return self._fill_at - now
        self._fill(own, now, leaving=leaving)
        todo = machine.next(now)
        if isinstance(todo, Send):
            answer = self._transport.post(todo.lines)
            settled = machine.answered(answer, self._clock(), self._random())
            self._note(answer, settled)
            self._settle(settled)
            return AT_ONCE
        if machine.records:
            return max(todo.until - now, 0.001)
        return self._finish()

    def _fill(self, own: str, now: float, *, leaving: bool) -> None:
        others = owners_alive(self._directory) - {own} if leaving else frozenset[str]()
        size = self._source.fill(self._machine, own, others)
        if 2 * size < BATCH_SIZE:
            self._fill_at = now + self._max_wait

    def _settle(self, settled: Settled) -> None:
        for done in settled.advances:
            self.delivered += done.delivered
        self._source.settle(settled)

    def _finish(self) -> float:
        """Nothing is left: tidy up; what the disk would not take is tried again."""
        self._source.sweep()
        self._save_status()
        return NOTHING if self._source.save() else _TRY_AGAIN

    # -- What people are told ----------------------------------------------------------------------

    def _note(self, answer: Answer, settled: Settled) -> None:
        """Take note of an answer: for the status, and in a warning where a person is needed."""
        now, machine, before = time.time(), self._machine, self._status
        is_receipt = not settled.why and not answer.failure
        self.receipts += is_receipt
        due = machine.due_in(self._clock())
        self._status = Status(
            endpoint=self._transport.endpoint,
            answered=now,
            answer=settled.why or answer.failure or f"{answer.status}",
            code=answer.status,
            acknowledged=now if is_receipt else before.acknowledged,
            held=machine.held,
            retry=now + due if due else 0.0,
        )
        changed = (before.answer, before.held) != (self._status.answer, self._status.held)
        if changed or machine.failures or self._clock() - self._noted_at >= _STATUS_EVERY:
            self._save_status()
        if settled.warning:
            self._warn(settled.warning)

    def _save_status(self) -> None:
        self._noted_at = self._clock()
        if self._status != self._saved:
            with suppress(OSError):  # a full disk: `stats` knows without it
                status.write(self._directory, self._status)
                self._saved = self._status
