"""The pytest fixture `agentlog_events`; pytest finds it by itself where agentlog is installed."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentlog.testing import Captured


@pytest.fixture
def agentlog_events() -> "Iterator[Captured]":
    """Capture what the test records; see `agentlog.testing.capture_events`."""
    # Imported here, so that a test run that does not use the fixture does not load agentlog.
    from agentlog.testing import capture_events

    with capture_events() as captured:
        yield captured
