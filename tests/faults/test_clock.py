"""A clock that is set back, or is none: no duration is negative, and nothing is lost."""

import pytest

from tests.faults.accounts import accounted, whole
from tests.scripts import run

PROGRAM = """
import random, time
real = time.time
shown = real
time.time = lambda: shown()  # what the system would show
import agentlog as ao
from tests.faults.host import SMALL, Host

host = Host(segment_size=SMALL)
with host.action("action"):
    for n in range(30):
        with host.action("inner"):
            host.event("event", pad="x" * 1000)
            shown = {clock}
            host.a_second_later()
host.end()
"""
CLOCKS = {
    "back by an hour": "lambda: real() - 3600",
    "before the epoch": "lambda: -5.0",
    "to and fro": "lambda: real() + random.Random(n).uniform(-99, 99)",
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_no_duration_is_negative(tmp_path, clock):
    """Whatever the clock shows while actions and a session are open."""
    found = accounted(ran := run(tmp_path, PROGRAM.format(clock=CLOCKS[clock])))
    assert {"action": 1, "inner": 30, "event": 30} == found
    whole(ran.captured)
