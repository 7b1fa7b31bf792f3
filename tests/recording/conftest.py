"""What every test of the recording room has: a client, and what it recorded."""

import pytest

from agentlog.recording import context
from agentlog.testing import capture_events
from tests.recording.journals import Tape


@pytest.fixture
def captured():
    """Capture what the test records, in a context where nothing was left open."""
    context.current.set(None)
    with capture_events() as captured:
        yield captured


@pytest.fixture(scope="module")
def tape(tmp_path_factory):
    """A client with the built-in rules, as `init()` makes it."""
    made = Tape(tmp_path_factory.mktemp("tape"))
    yield made
    made.client.close()


@pytest.fixture(scope="module")
def plain_tape(tmp_path_factory):
    """A client that redacts nothing."""
    made = Tape(tmp_path_factory.mktemp("plain"), redact=False)
    yield made
    made.client.close()
