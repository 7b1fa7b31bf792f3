"""Writers for tests, under a clock that is turned by hand, and what is found behind them."""

import json
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

from agentlog.recording.writer import Writer
from tests.recording.journals import written

THREADS = 8
PLENTY = 1 << 30


def writers(directory, clock):
    """Give a function that makes writers, and close them all at the end."""
    made = []

    def make(*, limit=PLENTY, path=directory, clock=clock.time, **options):
        made.append(Writer(path, limit, clock=clock, **options))
        return made[-1]

    yield make
    for writer in made:
        writer.close()


def line(number, pad=""):
    """Return the line of a record with a payload."""
    record = {"id": f"{number:016x}", "event_type": "x", "params": {"pad": pad}}
    return json.dumps(record) + "\n"


def write(writer, text):
    """Write a record's line, now."""
    writer.write(text, writer.clock())


def numbers(directory):
    """Return the numbers of the lines on disk, in their order."""
    return [int(json.loads(one)["id"], 16) for one in written(directory)]


def total(writer):
    """Return how many records are accounted for."""
    on_disk, waiting, dropped = writer.counts()
    return on_disk + waiting + sum(dropped.values())


def in_threads(function, count=THREADS):
    """Run a function of the thread's number in many threads that begin together."""
    together = threading.Barrier(count)

    def run(number):
        together.wait()
        function(number)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(run, range(count)))


def in_child(function):
    """Run a function in a forked child, and return its exit status."""
    with warnings.catch_warnings():
        # Python 3.12 warns of a fork while other threads run, which is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        status = 99
        try:
            status = function() or 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
