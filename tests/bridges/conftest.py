"""What the tests of the bridges share: what they record, and structlog as it is imported."""

import pytest
import structlog

from agentlog.testing import capture_events


@pytest.fixture
def captured():
    """Capture what the test records."""
    with capture_events() as captured:
        yield captured


@pytest.fixture(autouse=True)
def own_configuration():
    """Begin with structlog as it is imported, and leave it so."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
