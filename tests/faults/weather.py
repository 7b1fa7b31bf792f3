"""A program of the soak: records in every way, while everything that can happen to it does.

Every choice comes from its seed. It tells of each record when the call has returned, and ends with
both accounts, or is ended before.
"""

import contextlib
import gc
import logging
import os
import random
import resource
import signal
import sys
import threading
import time
import types
import warnings

import structlog

import agentlog as ao
from tests.faults.host import SMALL, Host

SECRET = "sk-proj-9xQ2mVb7LkT4wZ0aRf8sHd3JcY6pNu1E5gXoBiKqMtWvAzSy"
DANGERS = [
    b"password=" + SECRET.encode(),
    {"api_key": SECRET},
    f"Bearer {SECRET}",
    [("token", SECRET)],
]


class Odd:
    def __repr__(self):
        raise RuntimeError

    def __len__(self):
        raise KeyError


class Worker:
    """One process of the soak, and its threads."""

    def __init__(self, name, seed):
        self.name = name
        self.chance = random.Random(seed)
        size = self.chance.choice([SMALL, 200_000, None])
        self.host = Host(segment_size=size, clock=time.perf_counter)
        self.host.client.use_clock(self._wandering_time, time.perf_counter)
        self.over = threading.Event()
        self.quiet = threading.Lock()  # faults that would hit each other take turns
        self.theirs = []
        self.log = structlog.wrap_logger(
            structlog.ReturnLogger(), [ao.EventProcessor(), lambda _, __, line: repr(line)]
        )
        self.handler = ao.EventHandler()

    def _wandering_time(self):
        return time.time() + self.chance.uniform(-5, 5)

    # -- What it records ---------------------------------------------------------------------------

    def tell(self, thread, n):
        """Say, outside of all agentlog, that a record's call has returned."""
        os.write(1, f"{self.name} {os.getpid()} {thread} {n}\n".encode())

    def work(self, thread, seed):
        """Record until it is over."""
        chance = random.Random(seed)
        ways = [self.event, self.block, self.failure, self.line, self.lines, self.tasks, self.steps]
        for n in range(10**9):
            if self.over.is_set():
                return
            mark = {"mark": f"{self.name} {os.getpid()} {thread} {n}"}
            chance.choice(ways)(mark, chance)
            self.tell(thread, n)

    def event(self, mark, chance):
        value = chance.choice(
            [*DANGERS, Odd(), "x" * chance.randrange(20_000), float("nan"), "\ud800"]
        )
        self.host.event("event", value=value, **mark)

    def block(self, mark, chance):
        with self.host.action("block", **mark) as action:
            action.returns = chance.choice(DANGERS)
            self.host.event("inner", deep=[[[{"a": Odd()}]]])

    def failure(self, mark, chance):
        with contextlib.suppress(ValueError), self.host.client.action("failure", params=mark):
            self.host.made.append("failure")
            raise ValueError(chance.choice(DANGERS))
        self.host.made.append("end")

    def line(self, mark, _):
        self.log.info("line", agentlog=True, text=SECRET, **mark)
        self.host.made.append("line")

    def lines(self, mark, _):
        self.handler.emit(logging.makeLogRecord({"msg": "record", "agentlog": True, **mark}))
        self.host.made.append("record")

    def tasks(self, mark, _):
        @types.coroutine
        def pause():
            yield

        async def task(n):
            async with self.host.client.action("task", params={"n": n}):
                self.host.made.append("task")
                await pause()
            self.host.made.append("end")

        async def main():
            for n in range(3):
                await task(n)

        running = main()  # by hand: a loop would complain of its descriptors, which are closed too
        with contextlib.suppress(StopIteration):
            while True:
                running.send(None)
        self.host.event("tasks", **mark)

    def steps(self, mark, chance):
        @ao.record_action("steps")
        def numbers(mark):
            yield from range(5)

        self.host.made.append("steps")
        for n in numbers(mark["mark"]):
            if n == chance.randrange(5):
                break
        gc.collect(0)
        self.host.made.append("end")
        self.host.event("consumed", **mark)

    # -- What happens to it ------------------------------------------------------------------------

    def weather(self, *, waits):
        """Let things happen until it is over; `waits`: also such that records wait in memory."""
        faults = [
            self.close_all, self.taken, self.closed_client, self.fork, self.collect, self.switch,
            *[self.file_size, self.few_descriptors] * waits,
        ]  # fmt: skip
        while not self.over.is_set():
            self.chance.choice(faults)()
            time.sleep(self.chance.uniform(0, 0.02))

    def close_all(self):
        self.theirs.clear()
        os.closerange(3, 65536)

    def taken(self):
        """Open files with whatever numbers are free; in the end nothing of ours is in them."""
        with contextlib.suppress(OSError):
            for n in range(20):
                number = os.open(f"theirs {self.name} {n}", os.O_WRONLY | os.O_CREAT)
                self.theirs.append(number)

    def file_size(self):
        self._limited(resource.RLIMIT_FSIZE, self.chance.randrange(30_000))

    def few_descriptors(self):
        self._limited(resource.RLIMIT_NOFILE, 3)

    def _limited(self, what, limit):
        before = resource.getrlimit(what)
        resource.setrlimit(what, (limit, before[1]))
        time.sleep(self.chance.uniform(0, 0.01))
        resource.setrlimit(what, before)

    def closed_client(self):
        self.host.client._recorder.writer.close()

    def fork(self):
        pid = os.fork()
        if not pid:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.host.made = []
            for n in range(self.chance.randrange(20)):
                self.event({"mark": f"{self.name} {os.getpid()} child {n}"}, self.chance)
                self.tell("child", n)
            self.host.client.flush()
            self.host.end()
            os._exit(0)
        if self.chance.random() < 0.3:
            time.sleep(self.chance.uniform(0, 0.01))
            os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert status in {0, -signal.SIGKILL}, status

    def collect(self):
        gc.set_threshold(self.chance.choice([1, 10, 700]))

    def switch(self):
        sys.setswitchinterval(self.chance.choice([1e-6, 1e-4, 0.005]))


def main(name, seed, seconds, end):
    """Work, in four threads, for some seconds; then end like this."""
    warnings.simplefilter("ignore", DeprecationWarning)  # fork with threads
    worker = Worker(name, int(seed))
    signal.signal(signal.SIGALRM, lambda *_: worker.host.event("signal"))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    with worker.host.client.action("all"):
        worker.host.made.append("all")
        threads = [
            threading.Thread(target=ao.bind(worker.work), args=(n, f"{seed} {n}"), daemon=True)
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        threading.Timer(float(seconds), worker.over.set).start()
        worker.weather(waits=end not in SUDDEN)
        if end not in SUDDEN:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
        if end in ENDS:
            ENDS[end]()
        for thread in threads:
            thread.join()
    worker.host.made.append("end")
    worker.host.client.flush()
    worker.host.end()


def _raise():
    raise KeyboardInterrupt


ENDS = {
    "exit": lambda: sys.exit(0),
    "interrupt": _raise,
    "_exit": lambda: os._exit(0),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
}
"""Ends that come too early for the accounts; any other end is a peaceful one."""
SUDDEN = frozenset({"_exit", "kill"})
"""Ends with which goes what waits in memory."""

if __name__ == "__main__":
    main(*sys.argv[1:])
