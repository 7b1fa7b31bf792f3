"""One batch by a transport of its own, and what is said of an answer that did not come."""

import os
import time

from agentlog.shipping.http import Transport
from tests.shipping.driving import record
from tests.shipping.server import Server

KEY = "sk-agentlog-0123456789abcdef"
LINES = [record(number, params={"n": number}) for number in range(3)]
RECEIPT = b'{"accepted": 3, "refused": []}'
SHORT = 0.15
"""Seconds for a request whose time is to run out."""
BULK = [os.urandom(3 << 20).hex().encode()]
"""More than the buffers of a connection take, also when it is compressed."""


def post(url, lines=LINES, key=KEY, **options):
    """Send one batch by a transport of its own."""
    transport = Transport(url, key, **options)
    try:
        return transport.post(lines)
    finally:
        transport.close()


def failure(behave, **options):
    """Return what is said of an answer that did not come."""
    with Server(behave) as server:
        answer = post(server.url, **options)
    assert 0 == answer.status
    assert b"" == answer.body
    return answer.failure


def timed(behave, **options):
    """Return what is said, and the seconds that it took."""
    start = time.monotonic()
    said = failure(behave, **options)
    return said, time.monotonic() - start
