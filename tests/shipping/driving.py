"""A shipper without files, threads or time; its server is a function."""

import json
import math
from collections import Counter, deque

from agentlog.shipping.machine import Machine
from agentlog.shipping.policy import Answer
from agentlog.shipping.steps import Send


def record(number, **fields):
    """Return the line of a record; its number is its id."""
    return json.dumps({"id": f"{number:016x}", **fields}).encode()


def number_of(line):
    """Return the number of a record; None if the line is none."""
    try:
        return int(json.loads(line)["id"], 16)
    except ValueError:
        return None


class Receipt(Answer):
    """An answer that is true: what it says is accepted is there."""

    __slots__ = ()


def receipt(lines, refused=None):
    """Return a collector's answer; `refused` gives reasons by index."""
    entries = [
        {"index": index, "id": f"{number_of(lines[index]):016x}", "why": why}
        for index, why in (refused or {}).items()
    ]
    body = {"accepted": len(lines) - len(entries), "refused": entries}
    return Receipt(200, json.dumps(body).encode())


def good(lines):
    """Be a good server: it takes JSON, and nothing else."""
    return Answer(400, b"no JSON") if None in map(number_of, lines) else receipt(lines)


def refusing(*numbers, status=400):
    """Be a server that refuses each batch with one of these records in it."""

    def server(lines):
        return Answer(status, b"poison") if {*numbers} & {*map(number_of, lines)} else good(lines)

    return server


def strip(line):
    """Take the payload out of a record."""
    fields = json.loads(line)
    return line if fields.pop("params", None) is None else json.dumps(fields).encode()


class Drive:
    """Drives a machine, by a clock that jumps to when there is something to do.

    It keeps its own account of what receipts have covered, and holds every advance against it: so
    each test sees that nothing is acknowledged without a receipt, or twice.

    Attributes:
        requests: `(time, lines, answer)` of each request.
        delivered: How often a receipt has accepted a record, by number.
        refused: What the machine gave up, by number; None for what is no record.
        warnings: What it warned of.
        cursors: How far each source is done.

    """

    def __init__(self, server=good, *, random=lambda: 0.5, **options):
        self.machine = Machine(strip, **options)
        self.server = server
        self.random = random
        self.now = 0.0
        self.hurried = False
        self.requests = []
        self.delivered = Counter()
        self.refused = Counter()
        self.reasons = {}
        self.warnings = []
        self.cursors = Counter()
        self._waiting = {}
        self._taken = {}
        self._ends = {}

    def take(self, lines, source="a"):
        """Hand lines over, as the machine has room for them."""
        self._waiting.setdefault(source, deque()).extend(lines)
        self._taken.setdefault(source, [])
        self._ends.setdefault(source, 0)
        self._feed(source)
        return self

    def _feed(self, source):
        waiting, taken = self._waiting[source], self._taken[source]
        while waiting and (room := self.machine.room):
            chunk, size = [], 0
            while waiting and size < room:
                chunk.append(waiting.popleft())
                size += len(chunk[-1]) + 1
            start = self._ends[source]
            self._ends[source] += size
            taken.extend(chunk)
            self._note(self.machine.take(source, start, chunk))

    def run(self, until=math.inf, requests=100_000):
        """Go on until nothing is held, the time is over, or so many requests were sent."""
        most = len(self.requests) + requests
        while len(self.requests) < most:
            for source in self._waiting:
                self._feed(source)
            if self.hurried:
                self.machine.hurry()
            step = self.machine.next(self.now)
            if isinstance(step, Send):
                assert step == self.machine.next(self.now)
                self._send(step.lines)
            elif step.until <= min(until, 1e300):
                assert step.until > self.now
                self.now = step.until
            else:
                self.now = until if until < math.inf else self.now
                break
        return self

    def _send(self, lines):
        answer = self.server(lines)
        self.requests.append((self.now, lines, answer))
        settled = self.machine.answered(answer, self.now, self.random())
        if isinstance(answer, Receipt):
            refused = {number_of(refused.line) for refused in settled.refused}
            self.delivered.update({*map(number_of, lines)} - refused)
        self._note(settled)
        self.now += 0.001

    def _note(self, settled):
        for refused in settled.refused:
            number = number_of(refused.line)
            assert refused.damaged == (number is None)
            self.refused[number] += 1
            self.reasons[number] = refused.why
        for advance in settled.advances:
            self._check(advance)
            self.cursors[advance.segment] = advance.offset
        if settled.warning:
            self.warnings.append(settled.warning)

    def _check(self, advance):
        """See that an advance passes whole lines, each of them settled, and counts them."""
        offset, passed = 0, []
        for line in self._taken[advance.segment]:
            if self.cursors[advance.segment] <= offset < advance.offset:
                passed.append(line)
            offset += len(line) + 1
        size = sum(len(line) + 1 for line in passed)
        assert (
            advance.offset == self.cursors[advance.segment] + size > self.cursors[advance.segment]
        )
        numbers = [number_of(line) for line in passed if line]
        delivered = [number for number in numbers if self.delivered[number]]
        refused = [number for number in numbers if number is not None and self.refused[number]]
        assert len(numbers) == len(delivered) + len(refused) + numbers.count(None)
        expected = (len(delivered), len(refused), numbers.count(None))
        assert expected == (advance.delivered, advance.quarantined, advance.damaged)

    @property
    def done(self):
        """Whether every source is settled to its end."""
        return not any(self._waiting.values()) and self._ends == dict(self.cursors)

    def times(self, *statuses):
        """Return when the requests with these answers were sent; all of them if there are none."""
        return [
            when for when, _, answer in self.requests if not statuses or answer.status in statuses
        ]
