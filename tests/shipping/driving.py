"""A shipper without files, threads or time: drives a machine against a server that is a function."""

import json
import math
from collections import Counter

from agentlog.shipping.machine import Machine
from agentlog.shipping.policy import Answer
from agentlog.shipping.steps import Send, Wait


def record(number, **fields):
    """Return the line of a record; its number is its id."""
    return json.dumps({"id": f"{number:016x}", **fields}).encode()


def ids(lines):
    """Return the numbers of records."""
    return [int(json.loads(line)["id"], 16) for line in lines]


def receipt(lines, refused=None):
    """Answer as a collector does; `refused` gives reasons by index."""
    entries = [
        {"index": index, "id": json.loads(lines[index])["id"], "why": why}
        for index, why in (refused or {}).items()
    ]
    body = {"accepted": len(lines) - len(entries), "refused": entries}
    return Answer(200, json.dumps(body).encode())


def strip(line):
    """Take the payload out of a record."""
    fields = json.loads(line)
    if "params" not in fields:
        return line
    del fields["params"]
    return json.dumps(fields).encode()


class Drive:
    """Drives a machine, by a clock that jumps to when there is something to do.

    `requests` has `(time, lines, answer)` of each, `delivered` and `refused` what the machine
    settled, `cursors` how far each source is done.
    """

    def __init__(self, server, *, random=lambda: 0.5):
        self.machine = Machine(strip)
        self.server = server
        self.random = random
        self.now = 0.0
        self.requests = []
        self.accepted = Counter()
        self.refused = []
        self.warnings = []
        self.cursors = {}
        self.counts = Counter()
        self.sources = {}

    def take(self, lines, source="a"):
        """Hand lines over, in chunks as large as the machine has room for."""
        held = self.sources.setdefault(source, [])
        held.extend(lines)
        self._feed(source)

    def _feed(self, source):
        waiting = self.sources[source]
        while waiting and self.machine.room:
            size, count = 0, 0
            while count < len(waiting) and size < self.machine.room:
                size += len(waiting[count]) + 1
                count += 1
            start = self.ends.get(source, 0)
            self.ends[source] = start + size
            chunk, waiting[:] = waiting[:count], waiting[count:]
            self._note(self.machine.take(source, start, chunk))

    @property
    def ends(self):
        """How far each source was read."""
        return self.__dict__.setdefault("_ends", {})

    def run(self, *, until=math.inf, requests=100_000):
        """Go on until nothing is held, the time is over, or so many requests were sent."""
        most = len(self.requests) + requests
        while len(self.requests) < most:
            for source in self.sources:
                self._feed(source)
            step = self.machine.next(self.now)
            if isinstance(step, Wait):
                if step.until > until or math.isinf(step.until):
                    self.now = max(self.now, until if until < math.inf else self.now)
                    return self
                assert step.until > self.now
                self.now = step.until
                continue
            assert step == self.machine.next(self.now) and isinstance(step, Send)
            answer = self.server(step.lines)
            self.requests.append((self.now, step.lines, answer))
            before = len(self.refused)
            self._note(self.machine.answered(answer, self.now, self.random()))
            if answer.status == 200:
                gone = {line for _, line in self.refused[before:]}
                self.accepted.update(line for line in step.lines if line not in gone)
            self.now += 0.001
        return self

    def _note(self, settled):
        for refused in settled.refused:
            self.refused.append((refused.why, refused.line))
        for advance in settled.advances:
            assert advance.offset > self.cursors.get(advance.source, 0)
            self.cursors[advance.source] = advance.offset
            self.counts["delivered"] += advance.delivered
            self.counts["quarantined"] += advance.quarantined
            self.counts["damaged"] += advance.damaged
        if settled.warning:
            self.warnings.append(settled.warning)

    @property
    def done(self):
        """Whether every source is settled to its end."""
        return self.cursors == {source: end for source, end in self.ends.items() if end}
