"""What is sent next, and when: retry, hold, probe, shrink and bisect, without sockets or clocks.

Whoever drives the machine gives it lines (`take`), asks what to do (`next`), does it, and tells it
what came back (`answered`); it says what is settled by that. One request at a time.

* What is not settled stays in the machine. It is settled by a receipt that accepts or refuses it,
  by a refusal of it alone, or because it is no record. So nothing is lost or acknowledged twice,
  whatever a server answers and in whatever order.
* A batch that was not taken becomes a part: of it alone, so that a record that a server chokes on
  holds up nobody else. New lines and parts take turns.
* Failures in a row slow everything down. From the fifth on, and while the destination is on hold, a
  request is a probe of a few records; what gets through grows again by doubling.
* A part that fails where others get through waits by itself, and is tried in smaller and smaller
  pieces, each time other ones.
* A refusal (400, 413, 422) costs a token, and what is taken after it brings one back. So one bad
  record is found at once, while a server that refuses everything is asked twice a second.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from agentlog.journal import Segment
from agentlog.shipping.account import Account
from agentlog.shipping.limits import BATCH_SIZE, SizeLimit, Tokens
from agentlog.shipping.policy import Answer, Decision, Receipt, Verdict, decide, delay_after
from agentlog.shipping.steps import Send, Settled, Wait
from agentlog.shipping.stretch import Stretch, Stretches, count_of, divided, fitting, lines_of

BATCH_RECORDS: Final = 500
HELD_SIZE: Final = 8 << 20

PATIENCE: Final = 5
"""Failures in a row after which requests are probes."""

HURRY: Final = 2.0
"""Seconds between tries while somebody waits for them."""

PROBE_RECORDS: Final = 10
HOLD: Final = 60.0
FIRST_HOLD: Final = 1.0
"""A server in the middle of a deployment, or one garbled answer, is over after a second."""


@dataclass(slots=True, eq=False)
class _Part:
    """Lines that go together, and what is known about them.

    Attributes:
        stretches: Where they are.
        window: How many of them go into a request.
        failures: How often they failed where others got through.
        not_before: When they may be tried.
        suspect: Whether they were refused.
        checked: Whether each line is known to be a JSON object.
        instead: The one line without its payload.

    """

    stretches: Stretches
    window: int
    failures: int = 0
    not_before: float = -math.inf
    suspect: bool = False
    checked: bool = False
    instead: bytes | None = None


class Machine:
    """Decides what is sent to one destination, and when.

    Args:
        strip: A function that takes the payload out of a record's line; the line of a JSON object
            goes in, and a shorter one comes out, or the same if there is nothing to take out.
        batch_records: Records in a batch, at most.
        held_size: Bytes of lines that the machine holds before it takes no more.

    """

    def __init__(
        self,
        strip: Callable[[bytes], bytes],
        *,
        batch_records: int = BATCH_RECORDS,
        held_size: int = HELD_SIZE,
    ) -> None:
        self._strip = strip
        self._batch_records = batch_records
        self._held_limit = held_size
        self._fresh: deque[Stretch] = deque()
        self._parts: deque[_Part] = deque()
        self._sent: tuple[_Part, Stretches] | None = None
        self._turn_of_parts = False
        self._not_before = self._soonest = -math.inf
        self._tokens = {True: Tokens(), False: Tokens()}
        self._limit = SizeLimit()
        self._account = Account()
        self._warned: set[int | str] = set()
        self._fresh_size = 0
        self.failures = 0
        """Answers in a row, none included, that say: not now."""
        self.held = ""
        """Why the destination is on hold, for people; empty if it is not."""

    # -- What the shipper calls --------------------------------------------------------------------

    @property
    def records(self) -> int:
        """Records that the machine holds: not settled."""
        return self._account.records

    @property
    def room(self) -> int:
        """Bytes of lines that the machine takes; 0 while it holds enough."""
        enough = 2 * self._fresh_size >= BATCH_SIZE or self._account.size >= self._held_limit
        return 0 if enough else BATCH_SIZE

    def take(self, segment: Segment, start: int, lines: Sequence[bytes]) -> Settled:
        """Take lines of a segment; what cannot be a record is settled at once.

        Args:
            segment: Where they stand.
            start: The offset of the first line. It follows what was taken of this segment before.
            lines: Whole lines, without their newlines.

        """
        for stretch in self._account.take(Stretch(segment, start, tuple(lines))):
            self._fresh.append(stretch)
            self._fresh_size += stretch.size
        return self._account.settled()

    def next(self, now: float) -> Send | Wait:
        """Say what to do. Until `answered` is called, the same again.

        Args:
            now: Seconds that never go back.

        """
        if self._sent is None:
            if now < self._not_before:
                return Wait(self._not_before)
            part = self._choose(now)
            if part is None:
                return Wait(self._next_due())
            lines = lines_of(part.stretches)
            count = max(1, fitting(lines, part.window, self._limit.size))
            head, part.stretches = divided(part.stretches, count)
            self._sent = part, head
        part, head = self._sent
        return Send(_batch(part, head))

    def answered(self, answer: Answer, now: float, random: float) -> Settled:
        """Take note of what came back for the batch that was sent; return what is settled.

        Args:
            answer: What came back.
            now: Seconds that never go back.
            random: A number from 0 to 1, anew each time.

        """
        if self._sent is None:
            return self._account.settled()
        part, head = self._sent
        self._sent = None
        decision = decide(answer, _batch(part, head))
        if decision.receipt is not None:
            self._acknowledge(part, head, decision.receipt, now)
        elif decision.verdict is Verdict.SHRINK:
            self._shrink(part, head, now, decision.why)
        elif decision.verdict is Verdict.BISECT:
            self._bisect(part, head, now, decision.why)
        elif not (_is_success(answer) and self._set_damaged_aside(part, head)):
            self._put_off(part, head, decision, now, random)
            cause = answer.status or answer.failure
            if decision.verdict is Verdict.HOLD and cause not in self._warned:
                self._warned.add(cause)
                return self._account.settled(decision.why, decision.why)
        return self._account.settled(decision.why)

    def hurry(self) -> None:
        """Somebody waits: try again soon after the last time, but not before a server asked to.

        A record that fails where others do not waits by itself.
        """
        self._not_before = min(self._not_before, self._soonest)

    def due_in(self, now: float) -> float:
        """Return the seconds for which the server is left alone, 0 if it is not."""
        return max(self._not_before - now, 0.0)

    def forget(self) -> None:
        """Let go of all lines: others may have settled them. What is known of the server stays."""
        self._fresh.clear()
        self._parts.clear()
        self._sent = None
        self._fresh_size = 0
        self._account = Account()

    # -- What is next ------------------------------------------------------------------------------

    def _choose(self, now: float) -> _Part | None:
        """Take out the part to send from: one that is due, or new lines, by turns."""
        due = next((part for part in self._parts if self._due_at(part) <= now), None)
        fresh = bool(self._fresh) and self._tokens[False].ready_at() <= now
        if due is not None and (self._turn_of_parts or not fresh):
            self._turn_of_parts = False
            self._parts.remove(due)
            return due
        if not fresh:
            return None
        self._turn_of_parts = True
        return self._new_part()

    def _due_at(self, part: _Part) -> float:
        return max(part.not_before, self._tokens[True].ready_at() if part.suspect else -math.inf)

    def _next_due(self) -> float:
        due = [self._due_at(part) for part in self._parts]
        if self._fresh:
            due.append(self._tokens[False].ready_at())
        return min(due, default=math.inf)

    def _new_part(self) -> _Part:
        """Make a part of new lines: about a batch."""
        stretches: list[Stretch] = []
        records = size = 0
        while self._fresh:
            stretch = self._fresh[0]
            count = fitting(stretch.lines, self._batch_records - records, self._limit.size - size)
            if not count and stretches:
                break
            head, rest = stretch.divided(max(1, count))
            if rest.lines:
                self._fresh[0] = rest
            else:
                self._fresh.popleft()
            stretches.append(head)
            records += len(head.lines)
            size += head.size
        self._fresh_size -= size
        probing = self.held or self.failures >= PATIENCE
        return _Part(tuple(stretches), PROBE_RECORDS if probing else self._batch_records)

    # -- What an answer does -----------------------------------------------------------------------

    def _acknowledge(self, part: _Part, head: Stretches, receipt: Receipt, now: float) -> None:
        """Settle what a receipt covers, and send more of the same part next."""
        self._works()
        self._limit.took(_size_of(_batch(part, head)))
        self._tokens[part.suspect].spend(now, -1.0)
        index = 0
        for stretch in head:
            refused = {
                number: receipt.refused[index + number]
                for number in range(len(stretch.lines))
                if index + number in receipt.refused
            }
            index += len(stretch.lines)
            self._account.settle(stretch, refused)
        part.window = min(self._batch_records, 2 * part.window)
        part.failures = max(0, part.failures - 1)
        self._put_back(part, part.stretches)

    def _bisect(self, part: _Part, head: Stretches, now: float, why: str) -> None:
        """Look for what made a batch malformed: try its halves, each by itself."""
        self._works()
        self._tokens[part.suspect].spend(now)
        self._put_back(part, part.stretches)
        if not part.checked:
            good = self._account.without_damaged(head)
            if good != head:
                self._put_back(_Part(good, part.window, suspect=True, checked=True), good)
                return
        count = count_of(head)
        if count == 1:
            self._account.settle(head[0], {0: why})
            return
        for half in reversed(divided(head, (count + 1) // 2)):
            self._put_back(_Part(half, part.window, suspect=True, checked=True), half)

    def _shrink(self, part: _Part, head: Stretches, now: float, why: str) -> None:
        """Send smaller batches from now on; of a record that is too large, only the node."""
        lines = _batch(part, head)
        self._works()
        self._tokens[part.suspect].spend(now)
        self._limit.refused(_size_of(lines))
        if len(lines) > 1:
            part.suspect = True
            self._put_back(part, head + part.stretches)
            return
        self._put_back(part, part.stretches)
        if not self._account.without_damaged(head):
            return
        bare = lines[0] if part.instead is not None else self._strip(lines[0])
        if len(bare) < len(lines[0]):
            self._parts.appendleft(_Part(head, 1, suspect=True, checked=True, instead=bare))
        else:
            self._account.settle(head[0], {0: f"{why}, and there is no payload to leave out"})

    def _set_damaged_aside(self, part: _Part, head: Stretches) -> bool:
        """Set aside what made a batch hold another number of records than lines, if that is so."""
        if part.checked:
            return False
        good = self._account.without_damaged(head)
        if good == head:
            return False
        self._put_back(part, part.stretches)
        self._put_back(_Part(good, part.window, suspect=True, checked=True), good)
        return True

    def _put_off(
        self, part: _Part, head: Stretches, decision: Decision, now: float, random: float
    ) -> None:
        """Wait, and try again with other records of the part first."""
        self.failures += 1
        hold = decision.verdict is Verdict.HOLD
        self.held = decision.why if hold else ""
        if hold:
            delay = FIRST_HOLD if self.failures == 1 else HOLD
            least = min(delay, HURRY)
        else:
            asked = 0.0 if decision.after is None else decision.after + random
            delay = max(asked, delay_after(self.failures, random))
            least = max(asked, min(delay, HURRY))
        self._soonest, self._not_before = now + least, now + delay
        if self.failures == 1:
            part.failures += 1
            part.not_before = now + delay_after(part.failures, random)
        if hold or self.failures >= PATIENCE:
            part.window = min(part.window, PROBE_RECORDS)
        if part.failures >= PATIENCE or self.failures % PATIENCE == 0:
            part.window = max(1, part.window // 2)
        part.stretches += head
        self._parts.append(part)

    def _works(self) -> None:
        """Take note that the destination answers as it should."""
        self.failures = 0
        self.held = ""
        self._not_before = -math.inf

    def _put_back(self, part: _Part, stretches: Stretches) -> None:
        """Keep a part, with these stretches, to be sent next."""
        if stretches:
            part.stretches = stretches
            self._parts.appendleft(part)


def _batch(part: _Part, head: Stretches) -> tuple[bytes, ...]:
    """Return the lines that go over the wire."""
    return lines_of(head) if part.instead is None else (part.instead,)


def _size_of(lines: Sequence[bytes]) -> int:
    return sum(map(len, lines)) + len(lines)


def _is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300  # noqa: PLR2004
