"""The programs that shipping.py measures, each run in a process of its own.

    python benchmarks/programs.py burst 200000

They take home and endpoint from the environment: so a program with an endpoint and one without are
the same program. The last line of their output is what they measured, as JSON.

Each event has a serial number, by which the sink knows whether one is missing.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import agentlog as ao

RATE = 2000
"""Calls per second of the paced program."""

WARM_UP = 1.0
"""Seconds until a paced program has opened its journal and imported requests, once for all."""

LONGEST = 60
"""Seconds that a flush may take; a shipper that needs longer has missed every limit."""


def burst(count):
    """Record as fast as can be, and wait until all of it is delivered."""
    client = ao.Client()
    started = time.perf_counter()
    record(client, count)
    recorded = time.perf_counter()
    result = client.flush(LONGEST)
    ended = time.perf_counter()
    return {
        "recording": recorded - started,
        "took": ended - started,
        "cpu": time.process_time(),
        "peak": peak(),
        "left": result.accepted - result.delivered,
    }


def paced(seconds):
    """Record at a steady rate; say what a call takes, in microseconds by the clock on the wall.

    A thread that sleeps comes back when it has the interpreter, so what it waits for the shipper's
    thread is seldom in the call, and mostly in how late the call is made.
    """
    client = ao.Client()
    costs, delays = [], []
    due = time.perf_counter()
    for serial in range(int((WARM_UP + seconds) * RATE)):
        if serial == WARM_UP * RATE:
            busy = time.process_time()
        due += 1 / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        event = step(serial)
        before = time.perf_counter()
        client.record(event)
        after = time.perf_counter()
        costs.append((after - before) * 1e6)
        delays.append((before - due) * 1e6)
    busy = time.process_time() - busy
    result = client.flush(LONGEST)
    costs, delays = (figures[int(WARM_UP * RATE) :] for figures in (costs, delays))
    return {
        "mean": statistics.mean(costs),
        "median": statistics.median(costs),
        "slowest": max(costs),
        "late": statistics.mean(delays),
        "cpu": busy * 1e6 / len(costs),
        "left": result.accepted - result.delivered,
    }


def backlog(count):
    """Record while no server is there, and leave."""
    client = ao.Client()
    record(client, count)
    return {"pending": client.stats().pending, "dropped": client.stats().dropped}


def actions(count):
    """Leave actions, which are two records each and one span."""
    client = ao.Client()
    for serial in range(count):
        with client.action("step", params={"serial": serial, "lang": "en"}):
            pass
    return {"pending": client.stats().pending, "dropped": client.stats().dropped}


def ship():
    """Run `agentlog ship`; say how much memory it took."""
    from agentlog import cli

    started = time.perf_counter()
    status = cli.main(["ship"])
    return {
        "status": status,
        "took": time.perf_counter() - started,
        "cpu": time.process_time(),
        "peak": peak(),
    }


def idle(seconds):
    """Deliver something, then do nothing; say which part of a CPU that takes."""
    client = ao.Client()
    record(client, 1000)
    result = client.flush(LONGEST)
    before = time.process_time()
    time.sleep(seconds)
    return {
        "share": (time.process_time() - before) / seconds,
        "left": result.accepted - result.delivered,
    }


def record(client, count):
    for serial in range(count):
        client.record(step(serial))


def step(serial):
    return ao.Event("step", params={"serial": serial, "name": f"step {serial}", "lang": "en"})


def peak():
    """Return the most memory that this process has had, in MB.

    Not getrusage's figure: a process inherits that from the one that started it.
    """
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


PROGRAMS = {program.__name__: program for program in (burst, paced, backlog, actions, ship, idle)}

if __name__ == "__main__":
    figures = PROGRAMS[sys.argv[1]](*map(int, sys.argv[2:]))
    print(json.dumps(figures))
