"""What every test of the recording room has: a client, and what it recorded."""

import pytest

from agentlog.recording import context
from agentlog.testing import capture_events


@pytest.fixture
def captured():
    """Capture what the test records, in a context where nothing was left open."""
    context.current.set(None)
    with capture_events() as captured:
        yield captured
