"""Clients that ship, and how to wait for what their threads do."""

import time
from pathlib import Path

import agentlog as ao
from tests.shipping.server import Server, collecting

SOON = 20
"""Seconds within which something happens for sure, also on a busy machine."""


def collectors():
    """Give a collector."""
    with Server(collecting()) as server:
        yield server


def clients(tmp_path):
    """Give a function that makes clients, and close them all at the end."""
    made = []

    def make(url, *, max_wait=0.01, name="home"):
        made.append(ao.Client(endpoint=url, home=tmp_path / name, max_wait=max_wait))
        return made[-1]

    yield make
    for client in made:
        client.close()


def holds(condition):
    """Wait until it does; say whether it does."""
    until = time.monotonic() + SOON
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.001)
    return found


def sleeps(client):
    """Say whether the shipper will be woken by the next record, and by nothing before."""
    return client._recorder.writer.process.look_at == -float("inf")


def threads():
    """Return the number of threads of this process."""
    return len([*Path("/proc/self/task").iterdir()])


def seen(server, name):
    """Say whether an event of this name has arrived."""
    records = [record for halves in [*server.records.values()] for record in halves]
    return any(record.get("event_type") == name for record in records)
