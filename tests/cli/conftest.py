"""A client for runs that the commands are asked for."""

import pytest

import agentlog as ao
from agentlog.testing import ManualClock


@pytest.fixture
def client():
    """A client that records into the home, under a clock that is turned by hand."""
    client = ao.Client()
    client.clock = ManualClock()
    client.use_clock(client.clock.time, client.clock.time)
    yield client
    client.close()
