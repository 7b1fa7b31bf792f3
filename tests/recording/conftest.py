"""What every test of the recording room has: a client, and what it recorded."""

import pytest

from agentlog.testing import capture_events


@pytest.fixture
def captured():
    """Capture what the test records, by the default client."""
    with capture_events() as captured:
        yield captured
