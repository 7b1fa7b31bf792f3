"""A program of the soak that ships: it records in threads and children, and ends in every way.

It tells of each record when the call has returned, and comes to its end with both accounts, its own
and agentlog's, or is ended before. At every moment no figure goes back.
"""

import json
import os
import random
import sys
import threading
import time
import warnings

import agentlog as ao
from tests.faults.weather import ENDS


class Voyage:
    """One process, and what it has made."""

    def __init__(self, name, seed):
        self.name = name
        self.chance = random.Random(seed)
        self.over = threading.Event()
        self.client = ao.init(max_wait=0.05)
        self.client.start_session()
        self.made = ["session"]

    def record(self, thread, n, chance):
        """Record an event, and tell that the call has returned."""
        mark = f"{self.name} {os.getpid()} {thread} {n}"
        pad = "x" * chance.choice([10, 100, 1000, 20_000])
        params = {"mark": mark, "pad": pad, "poison": chance.random() < 0.002}
        self.client.record(ao.Event("event", params=params))
        self.made.append(mark)
        os.write(1, mark.encode() + b"\n")

    def work(self, thread, seed):
        """Record until it is over."""
        chance, before = random.Random(seed), 0
        for n in range(10**9):
            self.record(thread, n, chance)
            if chance.random() < 0.02:
                self.client.flush(chance.uniform(0, 0.2))
            delivered = self.client.stats().delivered
            assert before <= delivered, (before, delivered)
            before = delivered
            if self.over.wait(chance.uniform(0, 0.01)):
                return

    def fork(self):
        """Have a child record, ship a while, and end."""
        pid = os.fork()
        if pid:
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            assert status == 0, status
            return
        status = 1
        try:
            self.made = []
            for n in range(self.chance.randrange(20)):
                self.record("child", n, self.chance)
            if self.chance.random() < 0.5:
                self.end()
            status = 0
        finally:
            os._exit(status)

    def end(self):
        """Close the client, and print both accounts."""
        self.client.close()
        stats = self.client.stats()
        account = {
            "pid": os.getpid(),
            "made": {"records": len(self.made)},
            "accepted": stats.accepted,
            "delivered": stats.delivered,
            "pending": stats.pending,
            "quarantined": stats.quarantined,
            "dropped": stats.reasons,
        }
        os.write(1, json.dumps(account).encode() + b"\n")


def main(name, seed, seconds, end):
    """Record, in three threads, for some seconds; then end like this."""
    warnings.simplefilter("ignore", DeprecationWarning)  # fork with threads
    voyage = Voyage(name, int(seed))
    threads = [
        threading.Thread(target=voyage.work, args=(n, f"{seed} {n}"), daemon=True) for n in range(3)
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + float(seconds)
    while time.monotonic() < until:
        voyage.fork()
        time.sleep(voyage.chance.uniform(0, 0.2))
    if end in ENDS:
        ENDS[end]()
    voyage.over.set()
    for thread in threads:
        thread.join()
    voyage.made.append("end")
    voyage.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
