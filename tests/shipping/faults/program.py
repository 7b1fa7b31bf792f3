"""What a program that ships begins with: `from tests.shipping.faults.program import *`.

What it says is a line of JSON each, which the test waits for; what it is told is a line too.
"""

import json
import os
import signal
import sys
import threading
import time

import agentlog as ao

__all__ = [
    "ao", "asked", "at_once", "clients", "events", "figures", "flush", "json", "leave", "os",
    "say", "signal", "sys", "threading", "time",
]  # fmt: skip


def say(**words):
    """Tell the test."""
    os.write(1, json.dumps(words).encode() + b"\n")


def asked():
    """Wait until the test tells something."""
    return sys.stdin.readline().strip()


def events(count, start=0, *, client=ao, name="event", **params):
    """Record numbered events."""
    for n in range(start, start + count):
        client.record(ao.Event(name, params={"n": n, **params}))


def figures(result):
    """Return the figures that are not 0."""
    found = {name: getattr(result, name) for name in ("delivered", "pending", "quarantined")}
    return {name: count for name, count in (found | result.reasons).items() if count}


def flush(timeout, client=ao):
    """Flush, and tell the figures."""
    say(flush=figures(client.flush(timeout)))


def clients(*names, **options):
    """Return a client for each name, with an endpoint of its own on the server."""
    base = os.environ["AGENTLOG_ENDPOINT"]
    options.setdefault("max_wait", 0.05)
    return {name: ao.Client(endpoint=f"{base}/{name}", **options) for name in names}


def at_once(work, names):
    """Do it for each name, in a thread of its own; return what came of each."""
    found = {}
    threads = [
        threading.Thread(target=lambda name=name: found.update({name: work(name)}))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def leave():
    """Tell when the program came to its end: its exit begins."""
    say(leaves=time.monotonic())
